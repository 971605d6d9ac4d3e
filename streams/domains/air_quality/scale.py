"""A pollutant's row of a breakpoint table: the piecewise linear line from concentration to sub-index."""

from streams.domains.air_quality.units import Exact, half_up


class Scale:
    """One pollutant's line from concentration to sub-index.

    The constructor computes the sub-index of every step up to the end of the last band.

    Attributes:
        steps_per_unit: Steps to which a concentration is cut, per µg/m³ or ppm.
        concentrations: Ends of the bands in steps, ascending: band k goes from just above end k to end k + 1.
            The first entry is the first band's lowest concentration.
        indices: Index at those ends. A band begins one above the index that the band before ended with,
            except that an index of 0 is the beginning itself.
        highest: Highest sub-index that this average can give; None if the last band's line continues.
    """

    __slots__ = ("_of_step", "concentrations", "highest", "indices", "steps_per_unit")

    def __init__(
        self,
        steps_per_unit: int,
        concentrations: tuple[int, ...],
        indices: tuple[int, ...],
        highest: int | None = None,
    ) -> None:
        self.steps_per_unit = steps_per_unit
        self.concentrations = concentrations
        self.indices = indices
        self.highest = highest
        self._of_step: list[int | None] = [None] * _beginning(concentrations[0])
        for band, end in enumerate(concentrations[1:]):
            self._of_step += [self._on_line(band, step) for step in range(len(self._of_step), end + 1)]

    def sub_index(self, value: Exact) -> int | None:
        """Return the sub-index of a concentration.

        I = (I_hi - I_lo) / (C_hi - C_lo) · (C - C_lo) + I_lo with C cut first and I rounded half up.

        Args:
            value: The concentration, in µg/m³ or ppm.

        Returns:
            The sub-index; None below the first band.
        """
        numerator, denominator = value
        step = numerator * self.steps_per_unit // denominator
        if step < len(self._of_step):
            return self._of_step[step]
        return self._on_line(len(self.concentrations) - 2, step)

    def _on_line(self, band: int, step: int) -> int:
        low, high = _beginning(self.concentrations[band]), self.concentrations[band + 1]
        index_low, index_high = _beginning(self.indices[band]), self.indices[band + 1]
        index = index_low + half_up((index_high - index_low) * (step - low), high - low)
        return index if self.highest is None else min(index, self.highest)


def _beginning(end: int) -> int:
    """Return where a band begins: one above the end of the band before it; 0 for the first."""
    return end + 1 if end else 0
