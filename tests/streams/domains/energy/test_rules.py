"""A meter's readings, one after the other: balances, registers, gaps, and what the community is told."""

from typing import Any

import pytest

from schemas.catalog import load_catalog
from streams.domains.energy.balance import ImpossibleEnergyError
from streams.domains.energy.communities import COMMUNITIES
from streams.domains.energy.rules import (
    GAP,
    GRACE_US,
    MOST_DAYS,
    OTHER_INTERVAL,
    UNKNOWN_COMMUNITY,
    Assessment,
    MeterState,
    assess,
)
from streams.domains.energy.units import duration_us
from tests.streams.domains.energy.facts import BEGIN_US, DAY_US, HOUR_US, hourly, meter_reading


def told(*readings: dict[str, Any]) -> list[Assessment]:
    """Let readings count one after the other, the state going through JSON's types."""
    state, assessments = None, []
    for reading in readings:
        after, assessment = assess(state, {"flags": [], "closes": False, **reading})
        state = MeterState.from_value(after.to_value())
        assessments.append(assessment)
    return assessments


def register(hour: int, record: int, **energy: Any) -> dict[str, Any]:
    """Make a reading of cumulative registers."""
    return meter_reading(BEGIN_US + hour * HOUR_US, record, accumulation="CUMULATIVE", **energy)


def test_a_reading_gives_its_balance() -> None:
    """Used 300, made 500: 300 of it at home, 200 to the grid."""
    (assessment,) = told(meter_reading(BEGIN_US, 1, consumption_wh=300, generation_wh=500))
    assert assessment.balance is not None
    assert assessment.balance.fields() == {
        "consumption_wh": 300,
        "generation_wh": 500,
        "import_wh": 0,
        "export_wh": 200,
    }
    assert assessment.balance.self_consumption == 300


def test_a_repeat_a_late_one_and_an_overlap_give_nothing() -> None:
    """An interval is balanced once; whatever reaches back before the end of the last one is counted, not used."""
    first = meter_reading(BEGIN_US, 1, consumption_wh=1, generation_wh=0)
    half = meter_reading(BEGIN_US + HOUR_US // 2, 2, consumption_wh=9, generation_wh=0)
    early = meter_reading(BEGIN_US - HOUR_US, 3, consumption_wh=9, generation_wh=0)
    assessments = told(first, first, half, early)
    assert [assessment.balance is not None for assessment in assessments] == [True, False, False, False]


def test_cumulative_registers_give_their_differences() -> None:
    """The first reading only says where they stand."""
    first, second = told(
        register(0, 1, import_wh=1000, export_wh=10, generation_wh=500),
        register(1, 2, import_wh=1100, export_wh=60, generation_wh=580),
    )
    assert first.balance is None
    assert second.balance is not None
    assert second.balance.fields() == {
        "consumption_wh": 130,
        "generation_wh": 80,
        "import_wh": 100,
        "export_wh": 50,
    }
    assert second.balance.basis == "FLOWS"


def test_a_register_that_goes_back_is_refused() -> None:
    """A cumulative register counts one way; the message tells from where to where."""
    with pytest.raises(
        ImpossibleEnergyError, match="import_wh: a cumulative register went back, from 1000 to 999 Wh"
    ):
        told(register(0, 1, import_wh=1000), register(1, 2, import_wh=999))


def test_a_meter_that_was_closed_begins_anew() -> None:
    """A new meter's registers may stand lower; its first reading gives no balance."""
    assessments = told(
        register(0, 1, import_wh=1000, export_wh=0, generation_wh=0, closes=True),
        register(1, 2, import_wh=5, export_wh=0, generation_wh=0),
        register(2, 3, import_wh=8, export_wh=0, generation_wh=0),
    )
    assert [assessment.balance and assessment.balance.imported for assessment in assessments] == [
        None,
        None,
        3,
    ]


def test_behind_a_gap_a_register_has_no_balance() -> None:
    """The difference covers more than the interval; the one after that is right again."""
    assessments = told(
        *(
            register(hour, hour + 1, import_wh=100 * hour, export_wh=0, generation_wh=0)
            for hour in (0, 1, 3, 4)
        )
    )
    assert [assessment.balance is not None for assessment in assessments] == [False, True, False, True]
    assert GAP in assessments[2].flags


def test_an_interval_without_length_moves_nothing() -> None:
    """The half hours that summer time left out lie in front of the one that begins at the same instant."""
    never = meter_reading(BEGIN_US, 1, duration="PT0S", consumption_wh=7, generation_wh=0)
    assessments = told(never, never, meter_reading(BEGIN_US, 2, consumption_wh=1, generation_wh=0))
    assert [assessment.balance is not None for assessment in assessments] == [False, False, True]


@pytest.mark.parametrize("duration", ["", "1h", "P1M"])
def test_a_reading_without_a_duration_is_refused(duration: str) -> None:
    """Energy without its interval means nothing."""
    with pytest.raises(ValueError, match="expected ISO 8601"):
        told(meter_reading(BEGIN_US, 1, duration=duration, consumption_wh=1, generation_wh=1))


def test_a_member_tells_its_community_each_interval_and_the_end_of_each_day() -> None:
    """The end of a day once the member is `GRACE_US` beyond it; a session that closes ends its last day at once."""
    assessments = told(*hourly("market-day-home-1", range(28), closes=True))
    kinds = [
        ["end" if share.balance is None else "part" for share in assessment.shares]
        for assessment in assessments
    ]
    assert kinds == [["part"]] * 26 + [["end", "part"]] + [["part", "end"]]
    assert [share.group("x") for share in assessments[26].shares] == ["x/2024-10-04", "x/2024-10-05"]
    assert assessments[26].shares[0].watermark == BEGIN_US + DAY_US + GRACE_US
    assert assessments[27].shares[1].watermark == BEGIN_US + 2 * DAY_US


def test_days_of_a_gap_are_ended_too() -> None:
    """Nobody waits for a member on days on which it told nothing; after a very long gap the oldest are told."""
    for gap, expected in ((5, 5), (400, MOST_DAYS)):
        _, assessment = told(*hourly("market-day-home-1", [0, gap * 24 + 3]))
        ended = [share.day for share in assessment.shares if share.balance is None]
        assert ended == list(range(BEGIN_US // DAY_US, BEGIN_US // DAY_US + expected))


def test_a_meter_outside_a_community_tells_nobody() -> None:
    """No community, one that is not declared, or intervals that are not the community's."""
    alone = meter_reading(BEGIN_US, 1, consumption_wh=1, generation_wh=1)
    unknown = {**alone, "community": "nowhere"}
    other = {**alone, "community": "market-day", "duration": "PT15M"}
    for reading, flag in ((alone, None), (unknown, UNKNOWN_COMMUNITY), (other, OTHER_INTERVAL)):
        (assessment,) = told(reading)
        assert assessment.balance is not None
        assert assessment.shares == ()
        assert flag is None or flag in assessment.flags


def test_grace_and_intervals_are_what_the_catalogue_and_the_communities_say() -> None:
    """Two spellings of one number agree; members are sorted and known once; intervals divide a day."""
    share = next(
        topic for topic in load_catalog().domains["energy"].topics if topic.event == "community-share"
    )
    assert share.grace_s * 1_000_000 == GRACE_US
    for community in COMMUNITIES.values():
        assert list(community.members) == sorted(set(community.members))
        assert DAY_US % duration_us(community.interval) == 0
        assert community.market is None or community.market.feed_in <= community.market.retail


def test_the_state_of_a_meter_keeps_its_persisted_keys() -> None:
    """A changelog that an earlier release wrote is read back."""
    value = {"frontier": 1, "days_told": 2, "registers": {"import_wh": 3}, "late": 4}
    state = MeterState(1, 2, {"import_wh": 3}, 4)
    assert state.to_value() == value
    assert MeterState.from_value(value) == state
