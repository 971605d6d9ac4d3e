"""A meter's readings, one after the other: balances, registers, gaps, and what the community is told."""

from datetime import date, timedelta
from typing import Any

import pytest

from schemas.catalog import load_catalog
from streams.domains.energy.communities import COMMUNITIES
from streams.domains.energy.intervals import REMEMBERED
from streams.domains.energy.rules import (
    CORRECTION,
    GAP,
    GRACE_US,
    LATE,
    MOST_DAYS,
    NOT_A_MEMBER,
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
        own = {"flags": [], "closes": False, **reading}
        after, assessment = assess(state, own)
        state = MeterState.from_value(after.to_value())
        assessments.append(assessment)
    return assessments


def energy(assessment: Assessment) -> dict[str, int]:
    """Tell the flows of a balance that are not 0, with the four of every home."""
    assert assessment.balance is not None
    always = ("consumption_wh", "generation_wh", "import_wh", "export_wh")
    return {name: value for name, value in assessment.balance.fields().items() if value or name in always}


def register(hour: int, record: int, **energy: Any) -> dict[str, Any]:
    """Make a reading of cumulative registers."""
    return meter_reading(BEGIN_US + hour * HOUR_US, record, accumulation="CUMULATIVE", **energy)


def test_a_reading_gives_its_balance() -> None:
    """Used 300, made 500: 300 of it at home, 200 to the grid."""
    (assessment,) = told(meter_reading(BEGIN_US, 1, consumption_wh=300, generation_wh=500))
    assert assessment.balance is not None
    assert energy(assessment) == {
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
    assert energy(second) == {
        "consumption_wh": 130,
        "generation_wh": 80,
        "import_wh": 100,
        "export_wh": 50,
    }
    assert second.balance.basis == "FLOWS"


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


def test_behind_a_gap_a_registers_balance_covers_the_gap() -> None:
    """No energy is lost: the balance begins where the last one ended. It is no hour of a community."""
    assessments = told(
        *(
            register(hour, hour + 1, import_wh=100 * hour, export_wh=0, generation_wh=0)
            for hour in (0, 1, 3, 4)
        )
    )
    assert [each.balance and each.balance.imported for each in assessments] == [None, 100, 200, 100]
    assert [each.gap for each in assessments] == [None, None, (BEGIN_US + 2 * HOUR_US, 2 * HOUR_US), None]
    assert [GAP in each.flags for each in assessments] == [False, False, True, False]


def test_an_interval_without_length_moves_nothing() -> None:
    """Half hours that summer time left out hold nothing: they lie in front of the one that begins at that instant."""
    never = meter_reading(BEGIN_US, 1, duration="PT0S", consumption_wh=0, generation_wh=0)
    assessments = told(never, never, meter_reading(BEGIN_US, 2, consumption_wh=1, generation_wh=0))
    assert [assessment.balance is not None for assessment in assessments] == [False, False, True]


def test_energy_in_a_half_hour_that_never_was_has_a_balance() -> None:
    """A day's energy is whole: what a source books into a skipped half hour is balanced at the instant of the jump."""
    skipped = [
        meter_reading(
            BEGIN_US, record, duration="PT0S", consumption_wh=used, generation_wh=0, flags=["NEVER"]
        )
        for record, used in ((1, 7), (2, 5))
    ]
    assessments = told(*skipped, meter_reading(BEGIN_US, 3, consumption_wh=1, generation_wh=0))
    assert [energy(each)["import_wh"] for each in assessments] == [7, 5, 1]
    assert ["NEVER" in each.flags for each in assessments] == [True, True, False]


def test_a_correction_makes_a_correcting_balance() -> None:
    """Other values, or another quality, of a balanced interval: the next revision, with the ids of what it corrects."""
    first, second = (
        meter_reading(BEGIN_US + hour * HOUR_US, hour + 1, import_wh=100, export_wh=0) for hour in (0, 1)
    )
    edited = meter_reading(BEGIN_US, 3, import_wh=90, export_wh=0, quality="EDITED")
    verified = meter_reading(BEGIN_US, 4, import_wh=90, export_wh=0, quality="VERIFIED")
    again = [first, edited, verified]
    assessments = told(first, second, edited, verified, *again)
    assert [each.balance and each.balance.net for each in assessments] == [100, 100, 90, 90, None, None, None]
    assert [each.revision for each in assessments[:4]] == [0, 0, 1, 2]
    assert [each.corrects and each.corrects.event_id for each in assessments[:4]] == [
        None,
        None,
        first["event_id"],
        edited["event_id"],
    ]
    corrected = [each.corrects_reading_id for each in assessments[:4]]
    assert corrected == [None, None, first["event_id"], edited["event_id"]]
    assert [CORRECTION in each.flags for each in assessments[:4]] == [False, False, True, True]


def test_a_correction_that_names_its_reading_is_taken_up_however_old_it_is() -> None:
    """The memory holds `REMEMBERED` intervals; without a name, an older reading cannot be told from a repeat."""
    hours = [
        meter_reading(BEGIN_US + hour * HOUR_US, hour + 1, import_wh=1, export_wh=0)
        for hour in range(REMEMBERED + 1)
    ]
    old = meter_reading(BEGIN_US, 900, import_wh=2, export_wh=0)
    named = meter_reading(BEGIN_US, 901, import_wh=3, export_wh=0, corrects=hours[0]["event_id"])
    *_, unnamed, found = told(*hours, old, named)
    assert unnamed.balance is None
    assert energy(found)["import_wh"] == 3
    assert (found.revision, found.corrects, found.corrects_reading_id) == (1, None, hours[0]["event_id"])


@pytest.mark.parametrize("between", [1, REMEMBERED + 6])
def test_of_two_corrections_of_one_reading_the_later_has_the_higher_revision(between: int) -> None:
    """Both name the same original, far beyond the memory; the second names what the first one made."""
    last = 96
    hours = [
        meter_reading(BEGIN_US + hour * HOUR_US, hour + 1, import_wh=10, export_wh=0)
        for hour in range(last + between)
    ]
    named = {"export_wh": 0, "corrects": hours[10]["event_id"]}
    at = BEGIN_US + 10 * HOUR_US
    one = meter_reading(at, 500, import_wh=99, **named)
    two = meter_reading(at, 501, import_wh=55, **named)
    found = told(*hours[:last], one, *hours[last:], two, one, two)
    first, second = found[last], found[-3]
    assert (first.revision, second.revision) == (1, 2)
    assert second.corrects_reading_id == one["event_id"]
    assert second.corrects is not None
    assert [each.balance for each in found[-2:]] == [None, None]


def test_a_correction_of_a_forgotten_correction_has_a_higher_revision_still() -> None:
    """Also behind more named corrections than are remembered."""
    hours = [
        meter_reading(BEGIN_US + hour * HOUR_US, hour + 1, import_wh=10, export_wh=0)
        for hour in range(2 * REMEMBERED + 8)
    ]
    fixed = [
        meter_reading(each["occurred_at"], 1000 + at, import_wh=20, export_wh=0, corrects=each["event_id"])
        for at, each in enumerate(hours[: REMEMBERED + 4])
    ]
    again = meter_reading(BEGIN_US, 2000, import_wh=30, export_wh=0, corrects=hours[0]["event_id"])
    found = told(*hours, *fixed, again)
    assert found[-1].balance is not None
    assert found[-1].revision > max(each.revision for each in found[:-1])


def test_a_correction_of_another_source_is_one() -> None:
    """The reading names what it replaces: its stream has not seen it, but it is no first balance."""
    named = meter_reading(BEGIN_US, 1, source="operator:anna", import_wh=5, export_wh=0, corrects="x" * 36)
    (found,) = told(named)
    assert (found.revision, found.corrects, found.corrects_reading_id) == (1, None, "x" * 36)
    assert CORRECTION in found.flags


def test_a_late_reading_fills_its_hole() -> None:
    """An interval that was left out gets its balance when its reading comes, once."""
    hours = {
        hour: meter_reading(BEGIN_US + hour * HOUR_US, hour + 1, import_wh=1, export_wh=0)
        for hour in range(3)
    }
    late = told(hours[0], hours[2], hours[1], hours[1])[2:]
    assert [each.balance is not None for each in late] == [True, False]
    assert (LATE in late[0].flags, late[0].revision) == (True, 0)


def test_a_correction_of_registers_is_refused() -> None:
    """It would change two intervals; a repeat of a register is none."""
    shown = [register(hour, hour + 1, import_wh=100 * hour, export_wh=0) for hour in range(3)]
    assert told(*shown, shown[1])[-1].balance is None
    with pytest.raises(ValueError, match="send the interval's energy as DELTA"):
        told(*shown, register(1, 9, import_wh=150, export_wh=0))


def test_a_corrected_share_goes_to_the_day_of_its_interval() -> None:
    """Under the key of that day, with the revision; it ends no day."""
    readings = list(hourly("market-day-home-1", range(20)))
    *_, found = told(*readings, {**readings[2], "event_id": "x" * 36, "consumption_wh": 1})
    (share,) = found.shares
    assert (share.group("c"), share.revision) == ("c/2024-10-04", 1)
    assert share.balance is not None


@pytest.mark.parametrize("duration", ["", "1h", "P1M"])
def test_a_reading_without_a_duration_is_refused(duration: str) -> None:
    """Energy without its interval means nothing."""
    with pytest.raises(ValueError, match="expected ISO 8601"):
        told(meter_reading(BEGIN_US, 1, duration=duration, consumption_wh=1, generation_wh=1))


def test_a_member_tells_its_community_each_interval_and_the_end_of_each_day() -> None:
    """A day in Seoul ends at 15:00 UTC: told once the member is `GRACE_US` beyond it, or at once when it closes."""
    assessments = told(*hourly("market-day-home-1", range(28), closes=True))
    kinds = [
        ["end" if share.balance is None else "part" for share in assessment.shares]
        for assessment in assessments
    ]
    midnight = BEGIN_US + 15 * HOUR_US
    assert kinds == [["part"]] * 17 + [["end", "part"]] + [["part"]] * 9 + [["part", "end"]]
    assert [share.group("x") for share in assessments[17].shares] == ["x/2024-10-04", "x/2024-10-05"]
    assert assessments[17].shares[0].watermark == midnight + GRACE_US
    assert [share.begins_us for share in assessments[17].shares] == [midnight - DAY_US, midnight]
    assert assessments[27].shares[1].watermark == midnight + DAY_US


def test_days_of_a_gap_are_ended_too() -> None:
    """Nobody waits for a member on days on which it told nothing; after a very long gap the oldest are told."""
    for gap, expected in ((5, 5), (400, MOST_DAYS)):
        _, assessment = told(*hourly("market-day-home-1", [0, gap * 24 - 9 + 3]))
        ended = [share.day for share in assessment.shares if share.balance is None]
        assert ended == [date(2024, 10, 4) + timedelta(days=day) for day in range(expected)]


def test_a_meter_outside_a_community_tells_nobody() -> None:
    """No community, one that is not declared, a meter that is no member, or intervals that are not the community's."""
    alone = meter_reading(BEGIN_US, 1, "market-day-home-1", consumption_wh=1, generation_wh=1)
    unknown = {**alone, "community": "nowhere"}
    stranger = {**alone, "community": "market-day", "meter": "elsewhere"}
    other = {**alone, "community": "market-day", "duration": "PT15M"}
    cases = ((alone, None), (unknown, UNKNOWN_COMMUNITY), (stranger, NOT_A_MEMBER), (other, OTHER_INTERVAL))
    for reading, flag in cases:
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
    value = {
        "frontier": 1,
        "days_told": 2,
        "registers": {"import_wh": [3, 4, 5, 6, 7, True, 2]},
        "late": 4,
        "balanced": "x",
        "corrected": "y",
        "revised": 8,
    }
    state = MeterState.from_value(value)
    assert (state.frontier, state.days_ended, state.late, state.balanced) == (1, 2, 4, "x")
    assert (state.corrected, state.revised) == ("y", 8)
    assert state.to_value() == value
    assert MeterState.from_value(value) == state
