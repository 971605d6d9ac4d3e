"""A pollutant's row of a breakpoint table, and the piecewise linear line it stands for."""

from dataclasses import dataclass

from streams.domains.air_quality.units import Exact, half_up, truncated


@dataclass(frozen=True, slots=True)
class Scale:
    """One pollutant's line from concentration to sub-index.

    Attributes:
        steps_per_unit: Steps to which a concentration is cut, per µg/m³ or ppm.
        concentrations: Ends of the bands in steps, ascending: band k goes from just above end k to end k + 1.
            The first entry is the first band's lowest concentration.
        indices: Index at those ends. A band begins one above the index that the band before ended with,
            except that an index of 0 is the beginning itself.
        highest: Highest sub-index that this average can give, or None when the last band's line goes on.
    """

    steps_per_unit: int
    concentrations: tuple[int, ...]
    indices: tuple[int, ...]
    highest: int | None = None

    def sub_index(self, value: Exact) -> int | None:
        """Place a concentration on the scale.

        I = (I_hi - I_lo) / (C_hi - C_lo) · (C - C_lo) + I_lo with C cut first and I rounded, a half upwards.

        Args:
            value: The concentration, in µg/m³ or ppm.

        Returns:
            The sub-index, or None below the scale's beginning.
        """
        step = truncated(value, self.steps_per_unit)
        if step < self._begins_at(0):
            return None
        last = len(self.concentrations) - 2
        band = next((k for k in range(last) if step <= self.concentrations[k + 1]), last)
        low, high = self._begins_at(band), self.concentrations[band + 1]
        index_low = self.indices[band] + (1 if self.indices[band] else 0)
        rise = (self.indices[band + 1] - index_low) * (step - low)
        index = index_low + half_up(rise, high - low)
        return index if self.highest is None else min(index, self.highest)

    def _begins_at(self, band: int) -> int:
        """Lowest step of a band: the step after the end of the band before it."""
        return self.concentrations[band] + (1 if self.concentrations[band] else 0)
