"""The identity of an interval: what came in = what was used, stored, given and lost, whatever was measured."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.energy.balance import (
    EXPORT_UNMEASURED,
    FLOWS_DISAGREE,
    IMPORT_UNMEASURED,
    NET_ONLY,
    NETTED,
    QUANTITIES,
    UNMETERED_STORAGE,
    Balance,
    ImpossibleEnergyError,
    balance_of,
)

ENERGY = st.integers(0, 10**9)
NO_STORAGE = {"charge_wh": 0, "discharge_wh": 0, "ev_charge_wh": 0, "ev_discharge_wh": 0}


def came_in(found: Balance) -> int:
    """Add up what came in."""
    return found.generation + found.imported + found.discharge + found.ev_discharge


def went_out(found: Balance) -> int:
    """Add up what was used, given, stored and lost, with what is left over."""
    stored = found.charge + found.ev_charge
    return found.consumption + found.exported + stored + found.losses + found.unattributed


def balanced(**told: int | None) -> Balance:
    """Balance an interval; the identity is exact and only the remainder may be negative."""
    found = balance_of({f"{name}_wh": value for name, value in told.items()})
    assert found is not None
    assert came_in(found) == went_out(found)
    parts = {name: value for name, value in found.fields().items() if name != "unattributed_wh"}
    assert min(parts.values()) >= 0
    assert found.self_consumption == max(found.generation - found.exported, 0)
    return found


@given(consumption=ENERGY, generation=ENERGY)
def test_gross_values_are_netted_to_the_watt_hour(consumption: int, generation: int) -> None:
    """Nothing is imported and exported in the same interval; the identity is exact; nothing is negative."""
    found = balanced(consumption=consumption, generation=generation)
    assert min(found.imported, found.exported) == 0
    assert found.self_consumption == min(consumption, generation)
    assert (found.identity, found.basis, found.flags, found.unattributed) == ("GROSS", "GROSS", (NETTED,), 0)


class Home(NamedTuple):
    """A home's flows in an interval, each in whole Wh, made so that they conserve energy."""

    sun: int
    sun_to_battery: int
    sun_to_ev: int
    sun_to_grid: int
    grid_to_home: int
    grid_to_battery: int
    grid_to_ev: int
    battery_to_home: int
    battery_to_grid: int
    ev_to_home: int
    ev_to_grid: int
    losses: int

    def measured(self) -> dict[str, int | None]:
        """Return what perfect meters count."""
        to_home = self.sun - self.sun_to_battery - self.sun_to_ev - self.sun_to_grid
        used = to_home + self.grid_to_home + self.battery_to_home + self.ev_to_home
        return {
            "import_wh": self.grid_to_home + self.grid_to_battery + self.grid_to_ev + self.losses,
            "export_wh": self.sun_to_grid + self.battery_to_grid + self.ev_to_grid,
            "consumption_wh": used,
            "generation_wh": self.sun,
            "charge_wh": self.sun_to_battery + self.grid_to_battery,
            "discharge_wh": self.battery_to_home + self.battery_to_grid,
            "ev_charge_wh": self.sun_to_ev + self.grid_to_ev,
            "ev_discharge_wh": self.ev_to_home + self.ev_to_grid,
            "losses_wh": self.losses,
        }


@st.composite
def homes(draw: st.DrawFn) -> Home:
    """Draw a home with sun, battery, vehicle and losses; each may stand still."""
    flow = st.one_of(st.just(0), st.integers(0, 20_000))
    sun_parts = [draw(flow) for _ in range(4)]
    return Home(sum(sun_parts), *sun_parts[:3], *(draw(flow) for _ in range(8)))


@given(home=homes(), left=st.sampled_from(["", "consumption_wh", "generation_wh"]))
def test_a_home_with_sun_battery_and_vehicle_conserves_energy(home: Home, left: str) -> None:
    """All flows measured, or all but consumption or generation: the balance has exactly what was made."""
    whole = home.measured()
    found = balance_of({**whole, left: None})
    assert found is not None
    assert found.fields() == {**whole, "unattributed_wh": 0}
    assert (found.identity, found.net) == ("FLOWS", (whole["import_wh"] or 0) - (whole["export_wh"] or 0))
    assert FLOWS_DISAGREE not in found.flags
    assert UNMETERED_STORAGE not in found.flags


@given(home=homes(), left=st.sets(st.sampled_from(QUANTITIES)))
def test_whatever_is_not_measured_the_rest_stays_as_it_was_measured(home: Home, left: set[str]) -> None:
    """No measured value is changed, but for gross values alone; the identity holds; nothing is refused."""
    told = {name: None if name in left else value for name, value in home.measured().items()}
    found = balance_of(told)
    exchanged = told["import_wh"] is not None or told["export_wh"] is not None
    if found is None:
        assert not exchanged
        assert None in (told["consumption_wh"], told["generation_wh"])
        return
    assert came_in(found) == went_out(found)
    assert {name: found.fields()[name] for name, value in told.items() if value is not None} == {
        name: value for name, value in told.items() if value is not None
    }


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        # night: the battery gives 760 Wh, 500 of it to the grid
        ({"imported": 0, "exported": 500, "generation": 0, "charge": 0, "discharge": 760}, 260),
        # noon: 3,000 Wh of sun, 1,800 into the battery, 700 to the grid
        ({"imported": 0, "exported": 700, "generation": 3000, "charge": 1800, "discharge": 0}, 500),
        # the battery is charged from the grid
        ({"imported": 5000, "exported": 0, "generation": 0, "charge": 4600, "discharge": 0}, 400),
        # V2G: the vehicle gives 2,000 Wh, 1,700 of it to the grid
        ({"imported": 0, "exported": 1700, "generation": 0, "ev_discharge": 2000}, 300),
        # the vehicle is charged from the sun, the losses are measured
        ({"imported": 0, "exported": 0, "generation": 4000, "ev_charge": 3500, "losses": 100}, 400),
        # home-assistant/core 102228: 28 kWh in, 26 out, 17.9 of sun, battery 27.1 in and 31.6 out: 24.4 kWh of use
        (
            {
                "imported": 28_000,
                "exported": 26_000,
                "generation": 17_900,
                "charge": 27_100,
                "discharge": 31_600,
            },
            24_400,
        ),
        # home-assistant/core 159190: 7.58 kWh in, 9.54 of sun, 10.5 into the battery: 6.62 kWh of use
        ({"imported": 7580, "exported": 0, "generation": 9540, "charge": 10_500, "discharge": 0}, 6620),
        # niltrip/powerocean 119, in mWh: 1899.95 of sun, 2205.08 from the battery, 2787.40 to the grid
        (
            {"imported": 0, "exported": 278_740, "generation": 189_995, "charge": 0, "discharge": 220_508},
            131_763,
        ),
    ],
)
def test_storage_is_a_flow_of_its_own(told: dict[str, int], expected: int) -> None:
    """What a home used follows from its meters, as their owners computed it by hand; nothing is left over."""
    named = {
        {"imported": "import", "exported": "export"}.get(name, name): value for name, value in told.items()
    }
    found = balanced(**named)
    assert (found.consumption, found.unattributed, found.identity) == (expected, 0, "FLOWS")
    assert FLOWS_DISAGREE not in found.flags


def test_a_battery_that_nobody_measures_shows_in_what_is_left_over() -> None:
    """Exported at night without generation: not impossible, and no export, generation or use is invented."""
    night = balanced(**{"import": 0, "export": 500, "generation": 0})
    assert (night.consumption, night.exported, night.unattributed) == (0, 500, -500)
    assert night.flags == (UNMETERED_STORAGE,)
    beyond = balanced(**{"import": 10, "export": 15, "generation": 10})
    assert (beyond.consumption, beyond.unattributed, beyond.flags) == (5, 0, (UNMETERED_STORAGE,))
    charged = balanced(**{"import": 20, "export": 0, "consumption": 10})
    assert (charged.generation, charged.unattributed, charged.flags) == (0, 10, (UNMETERED_STORAGE,))


def test_flows_that_disagree_stay_as_they_were_measured() -> None:
    """A home that charges from the sun: used 100, generated 400, nothing exported. The 300 are left over."""
    found = balanced(**{"import": 0, "export": 0, "consumption": 100, "generation": 400})
    assert (found.exported, found.unattributed, found.flags) == (0, 300, (FLOWS_DISAGREE,))
    found = balanced(**{"import": 5, "export": 5, "consumption": 100, "generation": 40})
    assert (found.imported, found.exported, found.unattributed, found.flags) == (5, 5, -60, (FLOWS_DISAGREE,))


@pytest.mark.parametrize(
    ("told", "exchange", "flags"),
    [
        ({"import": 700, "export": 120}, (700, 120), (NET_ONLY,)),
        ({"import": 700}, (700, 0), (NET_ONLY, EXPORT_UNMEASURED)),
        ({"export": 120}, (0, 120), (NET_ONLY, IMPORT_UNMEASURED)),
        ({"import": 0, "export": 0}, (0, 0), (NET_ONLY,)),
    ],
)
def test_registers_of_exchange_alone_have_a_net_balance(
    told: dict[str, int | None], exchange: tuple[int, int], flags: tuple[str, ...]
) -> None:
    """The ordinary meter with two registers, and one with import alone: net = import - export, all unattributed."""
    found = balanced(**told)
    assert (found.imported, found.exported) == exchange
    assert found.net == found.unattributed == exchange[0] - exchange[1]
    assert (found.identity, found.basis, found.flags) == ("NET", "FLOWS", flags)
    assert (found.consumption, found.generation) == (0, 0)


@pytest.mark.parametrize(
    ("told", "exchange", "left", "flags"),
    [
        ({"consumption": 500, "generation": 200, "import": 400}, (400, 100), 0, ()),
        ({"consumption": 500, "generation": 200, "export": 50}, (350, 50), 0, ()),
        ({"consumption": 500, "generation": 0, "import": 100}, (100, 0), -400, (UNMETERED_STORAGE,)),
        ({"consumption": 50, "generation": 0, "import": 100}, (100, 0), 50, (UNMETERED_STORAGE,)),
        ({"consumption": 100, "generation": 0, "export": 500}, (0, 500), -600, (UNMETERED_STORAGE,)),
    ],
)
def test_the_other_direction_follows_where_flows_can_make_it(
    told: dict[str, int | None], exchange: tuple[int, int], left: int, flags: tuple[str, ...]
) -> None:
    """Gross values with one direction of the exchange; where none fits, none is invented."""
    found = balanced(**told)
    assert ((found.imported, found.exported), found.unattributed, found.flags) == (exchange, left, flags)


@pytest.mark.parametrize(
    "told", [{}, {"generation_wh": 5}, {"consumption_wh": 5}, {"discharge_wh": 1, "charge_wh": 2}]
)
def test_too_little_gives_no_balance(told: dict[str, int | None]) -> None:
    """A roof that tells its yield alone says nothing about a home; neither does a battery."""
    assert balance_of(told) is None


@pytest.mark.parametrize(
    "told",
    [
        *({name: -1} for name in QUANTITIES),
        {"import_wh": 0, "export_wh": 500, "generation_wh": 0, **NO_STORAGE},
        {"import_wh": 100, "export_wh": 500, "generation_wh": 100, **NO_STORAGE, "discharge_wh": 200},
    ],
)
def test_what_no_meter_can_have_counted_is_refused(told: dict[str, int | None]) -> None:
    """Negative energy, or more given to the grid than came from anywhere, with every store measured."""
    with pytest.raises(ImpossibleEnergyError):
        balance_of(told)


def test_meters_may_differ_by_their_error() -> None:
    """Rounding and two per cent of a class 2 meter are no impossibility; the difference is flagged."""
    found = balance_of({"import_wh": 0, "export_wh": 10_100, "generation_wh": 10_000, **NO_STORAGE})
    assert found is not None
    assert (found.consumption, found.unattributed, found.flags) == (0, -100, (FLOWS_DISAGREE,))
