"""Cumulative registers that go back, jump, or contradict one another: what it costs, and that the meter lives on."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.energy.registers import PLAUSIBLE_W
from streams.domains.energy.rules import REGISTERS_DISAGREE, Assessment, MeterState, assess
from streams.domains.energy.units import duration_text
from tests.streams.domains.energy.facts import BEGIN_US, HOUR_US, meter_reading

RESET, JUMP = "REGISTER_RESET:import_wh", "REGISTER_JUMP:import_wh"


def shown(
    values: Sequence[int | dict[str, int]], *, hours: Sequence[int] | None = None, **fields: Any
) -> list[Assessment]:
    """Let an hourly meter show its registers; a number is its import."""
    state, found = None, []
    for record, value in enumerate(values):
        hour = record if hours is None else hours[record]
        own = value if isinstance(value, dict) else {"import_wh": value}
        reading = {"flags": [], "closes": False, "accumulation": "CUMULATIVE", **own, **fields}
        after, assessment = assess(state, meter_reading(BEGIN_US + hour * HOUR_US, record + 1, **reading))
        state = MeterState.from_value(after.to_value())
        found.append(assessment)
    return found


def imported(found: Sequence[Assessment]) -> list[int | str | None]:
    """Tell the import of each reading's balance, or the flag because of which nothing is known."""
    told: list[int | str | None] = []
    for each in found:
        flag = next((flag for flag in each.flags if flag.startswith("REGISTER")), None)
        assert (flag is not None) == (each.balance is not None and each.balance.identity == "UNSPECIFIED")
        told.append(flag or (each.balance.imported if each.balance else None))
    return told


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # one garbled value, above or below, or 0, or a lost digit: its two intervals
        ((1000, 1100, 9_999_999, 1300, 1400, 1500), (None, 100, JUMP, RESET, 100, 100)),
        ((1000, 1100, 2**62, 1300, 1400, 1500), (None, 100, JUMP, RESET, 100, 100)),
        ((1000, 1100, 0, 1300, 1400, 1500), (None, 100, RESET, JUMP, 100, 100)),
        ((1000, 1100, 120, 1300, 1400, 1500), (None, 100, RESET, JUMP, 100, 100)),
        ((1000, 1100, -1, 1300, 1400, 1500), (None, 100, RESET, JUMP, 100, 100)),
        ((8_001_000, 8_001_100, 0, 8_001_300, 8_001_400), (None, 100, RESET, JUMP, 100)),
        ((8_001_000, 8_001_100, 0, 0, 8_001_400, 8_001_500), (None, 100, RESET, 0, JUMP, 100)),
        ((1000, 1100, 0, 0, 2400, 2500), (None, 100, RESET, 0, JUMP, 100)),
        # a value that is too high to be right, and too low to be a jump
        ((1000, 1010, 1900, 1030, 1040, 21_000), (None, 10, 890, RESET, 10, 19_960)),
        # the second value is garbled: there is no history yet
        ((1000, 9_999_999, 1200, 1300), (None, JUMP, RESET, 100)),
        # the first one is
        ((9_999_999, 1100, 1200, 1300), (None, RESET, 100, 100)),
        ((0, 9_999_999, 9_999_999, 10_000_099), (None, JUMP, 0, 100)),
        # two of them
        ((1000, 1100, 9_999_999, 1300, 9_999_999, 1500, 1600), (None, 100, JUMP, RESET, JUMP, RESET, 100)),
        # another meter, or a roll-over, which cannot be told from it
        ((99_900, 99_990, 50, 150, 250), (None, 90, RESET, 100, 100)),
        ((99_900, 99_990, 0, 100, 200), (None, 90, RESET, 100, 100)),
        # another meter twice
        ((99_900, 50, 150, 20, 120), (None, RESET, 100, RESET, 100)),
        # a new meter that slowly passes what the old one showed
        ((1000, 1100, 900, 1000, 1090, 1190), (None, 100, RESET, 100, 90, 100)),
        # back by one
        ((1000, 999, 1010), (None, RESET, JUMP)),
    ],
)
def test_a_bad_value_costs_the_intervals_beside_it(
    values: tuple[int, ...], expected: tuple[int | str | None, ...]
) -> None:
    """Every reading is taken up; what a register shows is the base of what follows."""
    assert tuple(imported(shown(values))) == expected


@given(
    st.integers(0, 10**12),
    st.lists(st.integers(0, 20_000), min_size=8, max_size=20),
    st.integers(0, 10**15),
    st.data(),
)
def test_one_bad_value_costs_no_more_than_its_two_intervals(
    begin: int, used: list[int], bad: int, data: st.DataObject
) -> None:
    """Whatever it is, wherever it stands: all other intervals have the energy that they have without it."""
    values = [begin]
    for energy in used:
        values.append(values[-1] + energy)
    at = data.draw(st.integers(1, len(used)))
    clean = imported(shown(values))
    assert clean == [None, *used]
    found = imported(shown([*values[:at], bad, *values[at + 1 :]]))
    assert [each for place, each in enumerate(found) if place not in (at, at + 1)] == [
        each for place, each in enumerate(clean) if place not in (at, at + 1)
    ]


def test_what_is_plausible_is_counted() -> None:
    """The limit itself; a large plant after its first interval; growth of ten times; long gaps."""
    assert imported(shown((0, PLAUSIBLE_W, 2 * PLAUSIBLE_W + 1))) == [None, PLAUSIBLE_W, PLAUSIBLE_W + 1]
    assert imported(shown((0, PLAUSIBLE_W + 1))) == [None, JUMP]
    plant = (0, 500_000, 980_000, 1_500_000, 6_000_000)
    assert imported(shown(plant)) == [None, JUMP, 480_000, 520_000, 4_500_000]
    week = shown((0, 100, 100 + 168 * 50_000), hours=(0, 1, 169))
    assert imported(week) == [None, 100, 168 * 50_000]
    silent = shown([{"import_wh": 0}, *({"export_wh": 0} for _ in range(9)), {"import_wh": 10 * PLAUSIBLE_W}])
    assert imported(silent)[-1] == 10 * PLAUSIBLE_W


def test_a_quarter_hours_energy_is_judged_by_its_power() -> None:
    """A fourth of the energy, at the same power."""
    for energy, flagged in ((PLAUSIBLE_W // 4, False), (PLAUSIBLE_W // 4 + 1, True)):
        state = None
        for record, value in enumerate((0, energy)):
            own: dict[str, Any] = {
                "flags": [],
                "closes": False,
                "accumulation": "CUMULATIVE",
                "import_wh": value,
            }
            at = BEGIN_US + record * HOUR_US // 4
            state, found = assess(
                state, meter_reading(at, record + 1, duration=duration_text(HOUR_US // 4), **own)
            )
        assert (JUMP in found.flags) is flagged


def test_a_bad_register_takes_its_neighbours_interval_with_it() -> None:
    """A balance needs all flows; the other register's next interval is whole."""
    pairs = [{"import_wh": 1000 + 10 * hour, "export_wh": 500 + 20 * hour} for hour in range(5)]
    pairs[2]["export_wh"] = 3
    found = shown(pairs)
    flags = [[flag for flag in each.flags if flag.startswith("REGISTER")] for each in found]
    assert flags == [[], [], ["REGISTER_RESET:export_wh"], ["REGISTER_JUMP:export_wh"], []]
    assert [each.balance and (each.balance.imported, each.balance.exported) for each in found] == [
        None,
        (10, 20),
        (0, 0),
        (0, 0),
        (10, 20),
    ]


def test_a_reset_behind_a_gap_covers_the_gap() -> None:
    """Of all that time nothing is known."""
    found = shown((1000, 1100, 50, 150), hours=(0, 1, 5, 6))
    assert imported(found) == [None, 100, RESET, 100]
    assert [each.gap for each in found] == [None, None, (BEGIN_US + 2 * HOUR_US, 4 * HOUR_US), None]


def test_a_low_reading_that_closes_ends_the_meter() -> None:
    """Its own interval is a reset; the next meter begins anew."""
    before = shown((99_900, 99_990))
    assert imported(before) == [None, 90]
    (closing,) = shown((50,), closes=True)
    assert closing.balance is None
    state = None
    for hour, (value, closes) in enumerate(((99_990, False), (50, True), (10, False), (60, False))):
        own: dict[str, Any] = {
            "flags": [],
            "closes": closes,
            "accumulation": "CUMULATIVE",
            "import_wh": value,
        }
        state, found = assess(state, meter_reading(BEGIN_US + hour * HOUR_US, hour + 1, **own))
        expected = {1: (RESET, 0), 3: (None, 50)}.get(hour)
        assert (found.balance is not None) == (expected is not None)
        if expected and found.balance:
            assert (
                next(iter(f for f in found.flags if f == RESET), None),
                found.balance.imported,
            ) == expected


def test_registers_that_contradict_one_another_cost_one_interval() -> None:
    """An export from nowhere, where every store is measured, would make each later difference as impossible."""
    stores = dict.fromkeys(("charge_wh", "discharge_wh", "ev_charge_wh", "ev_discharge_wh"), 0)
    rows = [
        {"import_wh": 100 * hour, "export_wh": 9000 * (hour >= 2), "generation_wh": 0, **stores}
        for hour in range(5)
    ]
    found = shown(rows)
    assert imported(found) == [None, 100, REGISTERS_DISAGREE, 100, 100]


def test_an_unknown_interval_is_corrected_by_its_energy() -> None:
    """The hour's energy as DELTA: the next revision."""
    state = None
    for hour, value in enumerate((1000, 1100, 5, 105)):
        own: dict[str, Any] = {"flags": [], "closes": False, "accumulation": "CUMULATIVE", "import_wh": value}
        state, _ = assess(state, meter_reading(BEGIN_US + hour * HOUR_US, hour + 1, **own))
    edit: dict[str, Any] = {"flags": [], "closes": False, "import_wh": 100, "quality": "EDITED"}
    _, found = assess(state, meter_reading(BEGIN_US + 2 * HOUR_US, 9, **edit))
    assert found.balance is not None
    assert (found.balance.imported, found.revision, found.corrects is not None) == (100, 1, True)
