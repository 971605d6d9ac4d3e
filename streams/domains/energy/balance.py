"""Balances the energy of one meter in one interval. Pure.

    consumption + export = generation + import        holds exactly, in whole Wh
    self-consumption     = generation - export

- Three of the four give the fourth (`FLOWS`). If all four were measured and disagree, the measured flows are ignored
  and the balance has the flag `FLOWS_DISAGREE`.
- Consumption and generation alone are netted over the interval (`GROSS`): a deficit was imported, a surplus exported.
  Both may have happened within the interval, so import and export are lower bounds: flag `NETTED`.
- A reading with fewer values has no balance.
"""

from collections.abc import Mapping
from dataclasses import dataclass

QUANTITIES = ("import_wh", "export_wh", "consumption_wh", "generation_wh")
"""Fields of a reading that hold energy."""

NETTED = "NETTED"
FLOWS_DISAGREE = "FLOWS_DISAGREE"

Energy = Mapping[str, int | None]
"""Energy of an interval, by field of a reading."""


class ImpossibleEnergyError(ValueError):
    """Measured values that no flows of energy can produce."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Energy of a meter in an interval, in Wh; none is negative.

    Attributes:
        consumption: Used behind the meter.
        generation: Generated behind the meter.
        imported: Delivered by the grid.
        exported: Delivered to the grid.
        basis: `GROSS` or `FLOWS`.
        flags: `NETTED` and `FLOWS_DISAGREE`, where they apply.
    """

    consumption: int
    generation: int
    imported: int
    exported: int
    basis: str
    flags: tuple[str, ...] = ()

    @property
    def self_consumption(self) -> int:
        """Energy generated and used behind the meter, in Wh."""
        return self.generation - self.exported

    def fields(self) -> dict[str, int]:
        """Return the energy as fields of `energy.balance` and `energy.community-share`."""
        return {
            "consumption_wh": self.consumption,
            "generation_wh": self.generation,
            "import_wh": self.imported,
            "export_wh": self.exported,
        }


def balance_of(energy: Energy) -> Balance | None:
    """Return the balance of an interval.

    Args:
        energy: Measured energy in Wh, by `QUANTITIES`; None or absent if it was not measured.

    Returns:
        The balance; None if too little was measured.

    Raises:
        ImpossibleEnergyError: Energy is negative, or more was exported than generated and imported.
    """
    for name in QUANTITIES:
        value = energy.get(name)
        if value is not None and value < 0:
            raise ImpossibleEnergyError(f"{name}: expected no less than 0, got {value}")
    imported, exported, consumption, generation = (energy.get(name) for name in QUANTITIES)
    if consumption is not None and generation is not None:
        return _gross(consumption, generation, imported, exported)
    if imported is None or exported is None:
        return None
    if generation is not None:
        consumption = generation + imported - exported
        name = "consumption"
    elif consumption is not None:
        generation = consumption + exported - imported
        name = "generation"
    else:
        return None
    if min(consumption, generation) < 0 or exported > generation:
        raise ImpossibleEnergyError(
            f"{name} would be {min(consumption, generation)} Wh: import {imported}, export {exported}, "
            f"generation {generation}, consumption {consumption}"
        )
    return Balance(consumption, generation, imported, exported, "FLOWS")


def _gross(consumption: int, generation: int, imported: int | None, exported: int | None) -> Balance:
    """Balance measured consumption and generation; use measured flows if they agree."""
    net = consumption - generation
    if imported is not None and exported is None:
        exported = imported - net
    elif exported is not None and imported is None:
        imported = exported + net
    if imported is not None and exported is not None:
        possible = min(imported, exported) >= 0 and exported <= generation
        if possible and consumption + exported == generation + imported:
            return Balance(consumption, generation, imported, exported, "FLOWS")
        flags: tuple[str, ...] = (NETTED, FLOWS_DISAGREE)
    else:
        flags = (NETTED,)
    return Balance(consumption, generation, max(net, 0), max(-net, 0), "GROSS", flags)
