"""Balances the energy of one meter in one interval. Pure.

    generation + import + discharge = consumption + export + charge + losses + unattributed      exactly, in whole Wh

Charge and discharge are those of the battery and of the electric vehicle together; each has fields of its own. What is
not measured is taken for none of it. How the equation is closed (`identity`):

- `FLOWS`: import and export are measured. Consumption or generation follows from the others, if one is not measured.
- `GROSS`: neither import nor export is measured. Consumption less generation and storage is netted over the interval:
  a deficit was imported, a surplus exported. Both may have happened within it, so they are lower bounds: `NETTED`.
- `UNSPECIFIED`: nothing is known, because a cumulative register was reset or jumped (`registers`); all flows are 0.
- `NET`: import or export is measured, and too little of what happens behind the meter. An ordinary meter with two
  registers is one, and a meter that counts import alone. `import - export` is all that is known: it is unattributed.

No measured value is changed. What the measured flows leave over is `unattributed`: a home that exports at night without
generation has a battery that nobody measures (`UNMETERED_STORAGE`); independent meters differ (`FLOWS_DISAGREE`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

STORAGE = ("charge_wh", "discharge_wh", "ev_charge_wh", "ev_discharge_wh")
QUANTITIES = ("import_wh", "export_wh", "consumption_wh", "generation_wh", *STORAGE, "losses_wh")
"""Fields of a reading that hold energy."""

NETTED = "NETTED"
FLOWS_DISAGREE = "FLOWS_DISAGREE"
UNMETERED_STORAGE = "UNMETERED_STORAGE"
NET_ONLY = "NET_ONLY"
IMPORT_UNMEASURED = "IMPORT_UNMEASURED"
EXPORT_UNMEASURED = "EXPORT_UNMEASURED"

METER_ERROR_PERCENT = 2
"""Error of a meter of class 2 in percent (IEC 62053-21). Flows that differ by more than this cannot all be right."""

Energy = Mapping[str, int | None]
"""Energy of an interval, by field of a reading."""


class ImpossibleEnergyError(ValueError):
    """Measured values that no flows of energy can produce."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Energy of a meter in an interval, in Wh; only `unattributed` may be negative.

    Attributes:
        consumption: Used behind the meter.
        generation: Generated behind the meter.
        imported: Delivered by the grid.
        exported: Delivered to the grid.
        charge: Taken into the battery.
        discharge: Given by the battery.
        ev_charge: Taken into an electric vehicle.
        ev_discharge: Given back by an electric vehicle.
        losses: Measured losses of conversion.
        unattributed: What these flows leave over.
        identity: `FLOWS`, `GROSS`, `NET` or `UNSPECIFIED`.
        flags: What is doubtful about the balance.
    """

    consumption: int
    generation: int
    imported: int
    exported: int
    charge: int
    discharge: int
    ev_charge: int
    ev_discharge: int
    losses: int
    unattributed: int
    identity: str
    flags: tuple[str, ...] = ()

    @property
    def basis(self) -> str:
        """`GROSS` or `FLOWS`, as in version 1 of `energy.balance`."""
        return "GROSS" if self.identity == "GROSS" else "FLOWS"

    @property
    def net(self) -> int:
        """Import less export, in Wh."""
        return self.imported - self.exported

    @property
    def self_consumption(self) -> int:
        """Energy generated and used or stored behind the meter, in Wh; export counts as generated first."""
        return max(self.generation - self.exported, 0)

    def fields(self) -> dict[str, int]:
        """Return the energy as fields of `energy.balance` and `energy.community-share`."""
        return {
            "consumption_wh": self.consumption,
            "generation_wh": self.generation,
            "import_wh": self.imported,
            "export_wh": self.exported,
            "charge_wh": self.charge,
            "discharge_wh": self.discharge,
            "ev_charge_wh": self.ev_charge,
            "ev_discharge_wh": self.ev_discharge,
            "losses_wh": self.losses,
            "unattributed_wh": self.unattributed,
        }


UNKNOWN = Balance(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "UNSPECIFIED")
"""Balance of an interval of whose energy nothing is known."""


@dataclass(frozen=True, slots=True)
class _Behind:
    """Measured energy of an interval; None where it was not measured."""

    imported: int | None
    exported: int | None
    consumption: int | None
    generation: int | None
    charge: int | None
    discharge: int | None
    ev_charge: int | None
    ev_discharge: int | None
    losses: int | None

    @property
    def given(self) -> int:
        """Energy that storage gave less what it took and what was lost, in Wh."""
        return self.discharged - (self.charge or 0) - (self.ev_charge or 0) - (self.losses or 0)

    @property
    def discharged(self) -> int:
        """Energy that the battery and the vehicle gave, in Wh."""
        return (self.discharge or 0) + (self.ev_discharge or 0)

    @property
    def stores_metered(self) -> bool:
        """Whether every flow of storage is measured, so that nothing else can take or give energy."""
        return None not in (self.charge, self.discharge, self.ev_charge, self.ev_discharge)

    @property
    def doubt(self) -> str:
        """What a remainder says: a store that is not measured, or meters that differ."""
        return FLOWS_DISAGREE if self.stores_metered else UNMETERED_STORAGE

    def closed(
        self, imported: int, exported: int, consumption: int, generation: int, identity: str, *flags: str
    ) -> Balance:
        """Return the balance of these four; what they and storage leave over is unattributed."""
        return Balance(
            consumption,
            generation,
            imported,
            exported,
            self.charge or 0,
            self.discharge or 0,
            self.ev_charge or 0,
            self.ev_discharge or 0,
            self.losses or 0,
            generation + imported + self.given - consumption - exported,
            identity,
            flags,
        )


def balance_of(energy: Energy) -> Balance | None:
    """Return the balance of an interval.

    Args:
        energy: Measured energy in Wh, by `QUANTITIES`; None or absent if it was not measured.

    Returns:
        The balance; None if neither the exchange with the grid nor both consumption and generation were measured.

    Raises:
        ImpossibleEnergyError: Energy is negative, or every store is measured and more was exported than came in.
    """
    for name in QUANTITIES:
        value = energy.get(name)
        if value is not None and value < 0:
            raise ImpossibleEnergyError(f"{name}: expected no less than 0, got {value}")
    flows = _Behind(*(energy.get(name) for name in QUANTITIES))
    gross = flows.consumption is not None and flows.generation is not None
    if flows.imported is None and flows.exported is None:
        return _gross(flows) if gross else None
    if gross:
        return _measured_twice(flows)
    if flows.imported is None or flows.exported is None:
        return _net(flows)
    if flows.generation is not None:
        return _consumption_follows(flows)
    if flows.consumption is not None:
        return _generation_follows(flows)
    return _net(flows)


def _gross(flows: _Behind) -> Balance:
    """Balance measured consumption, generation and storage; what is left over is exchanged with the grid."""
    consumption, generation = flows.consumption or 0, flows.generation or 0
    net = consumption - generation - flows.given
    return flows.closed(max(net, 0), max(-net, 0), consumption, generation, "GROSS", NETTED)


def _net(flows: _Behind) -> Balance:
    """Balance a meter whose exchange with the grid is known, and too little else."""
    unmeasured = [
        flag
        for flag, value in ((IMPORT_UNMEASURED, flows.imported), (EXPORT_UNMEASURED, flows.exported))
        if value is None
    ]
    return flows.closed(
        flows.imported or 0,
        flows.exported or 0,
        flows.consumption or 0,
        flows.generation or 0,
        "NET",
        NET_ONLY,
        *unmeasured,
    )


def _consumption_follows(flows: _Behind) -> Balance:
    imported, exported, generation = flows.imported or 0, flows.exported or 0, flows.generation or 0
    came_in = generation + imported + flows.given
    consumption = came_in - exported
    if consumption < 0 and flows.stores_metered:
        throughput = generation + imported + exported + flows.discharged
        if -consumption > len(QUANTITIES) + throughput * METER_ERROR_PERCENT // 100:
            raise ImpossibleEnergyError(
                f"consumption would be {consumption} Wh: import {imported}, export {exported}, generation "
                f"{generation}, given by storage {flows.given}, and every store is measured"
            )
    # Without a store, all that is exported was generated in the same interval.
    stored = consumption < 0 or exported > generation + flows.discharged
    doubt = (flows.doubt,) if stored else ()
    return flows.closed(imported, exported, max(consumption, 0), generation, "FLOWS", *doubt)


def _generation_follows(flows: _Behind) -> Balance:
    imported, exported, consumption = flows.imported or 0, flows.exported or 0, flows.consumption or 0
    generation = consumption + exported - imported - flows.given
    stored = generation < 0 or exported > generation + flows.discharged
    doubt = (flows.doubt,) if stored else ()
    return flows.closed(imported, exported, consumption, max(generation, 0), "FLOWS", *doubt)


def _measured_twice(flows: _Behind) -> Balance:
    """Balance measured consumption and generation beside one or both directions of the exchange.

    A direction that is not measured follows, if flows can make it. If they cannot, it is 0: nothing is invented.
    """
    consumption, generation = flows.consumption or 0, flows.generation or 0
    imported, exported = flows.imported, flows.exported
    net = consumption - generation - flows.given
    most = generation + flows.discharged
    if imported is not None and exported is not None:
        found = flows.closed(imported, exported, consumption, generation, "FLOWS")
        if not found.unattributed:
            return found
        return flows.closed(imported, exported, consumption, generation, "FLOWS", FLOWS_DISAGREE)
    if exported is None:
        imported = imported or 0
        exported = imported - net
        possible = 0 <= exported <= most
        exported = exported if possible else 0
    else:
        imported = exported + net
        possible = imported >= 0 and exported <= most
        imported = imported if possible else 0
    doubt = () if possible else (flows.doubt,)
    return flows.closed(imported, exported, consumption, generation, "FLOWS", *doubt)
