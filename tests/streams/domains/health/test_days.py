"""Counts of the live city's local days: when a day closes, in whatever order, and what they must not tell."""

import datetime as dt
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.agents import handlers_of
from streams.domains.health import agents
from streams.domains.health.cohorts import LatestEntry
from streams.domains.health.days import (
    FAR_DAYS,
    GRACE_S,
    LARGEST_DAY,
    OPEN_DAYS,
    Day,
    FirstEntry,
    LiveDays,
    end_of_day,
    half_of,
    local_day,
)
from streams.testing import MemoryProducer, Sent, assert_repeats_change_nothing, run_handlers
from tests.streams.domains.health.people import CATALOG, events
from tests.streams.domains.health.people import door as any_door

RULES = handlers_of(agents)
KOREA = dt.timezone(dt.timedelta(hours=9))
HOUR_US = 3_600_000_000
SECRET = bytes(range(32))


def door(folder: Path) -> MemoryProducer:
    """Open a door with the same pseudonyms in each run: persons 0 to 4 are of both halves."""
    (folder / "keys").mkdir(parents=True, exist_ok=True)
    (folder / "keys" / "deployment.secret").write_bytes(SECRET)
    (folder / "keys" / "deployment.secret").chmod(0o600)
    return any_door(folder)


def at(day: int, hour: int = 8, minute: int = 0, second: int = 0) -> int:
    """Return an instant of November 2026 by Korea's clock, µs."""
    return int(dt.datetime(2026, 11, day, hour, minute, second, tzinfo=KOREA).timestamp()) * 1_000_000


def measured(person: int, occurred_at: int, **fields: Any) -> dict[str, Any]:
    """Make a live measurement of a plain woman of 34."""
    (plain,) = events({"SEQN": f"{93_703 + person}.0"})
    mark = f"{person:04x}{occurred_at:016x}"
    return {
        **plain,
        "event_id": f"01890000-0000-7000-{mark[:4]}-{mark[-12:]}",
        "salt": bytes.fromhex(mark.rjust(32, "0")),
        "source": f"device:scale-{person}#{occurred_at}",
        "occurred_at": occurred_at,
        "cycle": "walk-in",
        "period": None,
        **fields,
    }


def entries(into: MemoryProducer, given: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make the cohort entries of measurements."""
    sent = run_handlers(CATALOG, RULES, list(given), topic=agents.MEASUREMENT, producer=into)
    return [each.event for each in sent if each.topic == agents.COHORT_ENTRY]


def count(into: MemoryProducer, given: list[dict[str, Any]], batch_size: int = 1_000) -> list[Sent]:
    """Run entries through the rules of the counts."""
    return run_handlers(
        CATALOG, RULES, given, topic=agents.COHORT_ENTRY, producer=into, batch_size=batch_size
    )


def persons(sents: list[Sent]) -> dict[str, int]:
    """Return the number of persons by day."""
    return {
        sent.event["period"]: sent.event["persons"]
        for sent in sents
        if (sent.event["sex"], sent.event["scheme"]) == ("ALL", "PERSONS")
    }


def crowd(day: int, number: int, first: int = 0, hour: int = 8) -> list[dict[str, Any]]:
    """Make one measurement each of a number of persons on a day."""
    return [measured(person, at(day, hour)) for person in range(first, first + number)]


def test_a_local_day_is_counted_when_five_persons_of_a_later_day_have_come(tmp_path: Path) -> None:
    """Twelve persons are told as ten, of the day by Korea's clock, without a device's name."""
    given = entries(into := door(tmp_path), [*crowd(10, 12), *crowd(11, 5)])
    assert count(into, given[:-1]) == []
    sents = count(into, given)
    assert persons(sents) == {"2026-11-10": 10}
    for sent in sents:
        event = sent.event
        assert sent.key == event["cohort"] == event["source"] == "live:walk-in"
        assert (event["cycle"], event["zone"]) == ("walk-in", "Asia/Seoul")
        assert event["occurred_at"] == at(11, 0)
        assert event["persons"] % 5 == 0
        assert event["persons"] >= 5
        assert "simulated" not in sent.headers


def test_days_are_those_of_the_citys_clock(tmp_path: Path) -> None:
    """23:59:59 and 0:00:00 in Seoul are two days, though one in UTC."""
    late = [measured(person, at(10, 23, 59, 59)) for person in range(5)]
    early = [measured(person, at(11, 0)) for person in range(5, 12)]
    given = entries(into := door(tmp_path), [*late, *early, *crowd(12, 5)])
    assert persons(count(into, given)) == {"2026-11-10": 5, "2026-11-11": 5}


@pytest.mark.parametrize(("hour", "second", "closes"), [(5, 59, False), (6, 0, True)])
def test_a_day_waits_for_its_grace(tmp_path: Path, hour: int, second: int, closes: bool) -> None:
    """Six hours past midnight, included."""
    minute = 59 if second else 0
    later = [measured(person, at(11, hour, minute, second)) for person in range(5)]
    given = entries(into := door(tmp_path), [*crowd(10, 5), *later])
    assert bool(count(into, given)) == closes


def test_one_wrong_clock_closes_nothing_and_stops_nothing(tmp_path: Path) -> None:
    """One person in 2099, or four: the day waits for five; and an entry far ahead is in no day."""
    wrong = [measured(person, at(10) + 73 * 365 * 24 * HOUR_US) for person in range(4)]
    given = entries(into := door(tmp_path), [*crowd(10, 6), *wrong, *crowd(10, 6, first=6)])
    assert count(into, given) == []
    more = entries(into, [*crowd(11, 6), *wrong, *crowd(12, 6)])
    assert persons(count(into, [*given, *more])) == {"2026-11-10": 10, "2026-11-11": 5}


def test_a_wrong_clock_that_five_persons_share_closes_days_too_early(tmp_path: Path) -> None:
    """The README says so: days up to its date count who had come until then, once, and days after it are whole."""
    early = [measured(person, at(20)) for person in range(20, 26)]
    true = [each for day in range(11, 23) for each in crowd(day, 12)]
    given = entries(into := door(tmp_path), [*crowd(10, 12), *early, *crowd(10, 8, first=12), *true])
    assert persons(count(into, given)) == {"2026-11-10": 10, "2026-11-20": 15, "2026-11-21": 10}


def test_the_same_counts_for_any_order_within_the_grace_and_any_batches(tmp_path: Path) -> None:
    """Entries of a day come in any order before those that close it: same ids, same bytes."""
    into = door(tmp_path)
    first, second, last = (entries(into, crowd(day, 9 + day)) for day in (10, 11, 12))
    want = [(sent.event["event_id"], sent.value) for sent in count(into, [*first, *second, *last])]
    assert len({event_id for event_id, _ in want}) == len(want) > 10
    for seed, size in ((1, 1), (2, 3), (3, 1_000)):
        mix = random.Random(seed)
        given = [mix.sample(group, len(group)) for group in (first, second, last)]
        found = count(into, [*given[0], *given[1], *given[2]], size)
        assert [(sent.event["event_id"], sent.value) for sent in found] == want


def test_a_partition_that_is_read_far_ahead_makes_nobody_of_the_other_late(tmp_path: Path) -> None:
    """Three days that come at once over two partitions: in turn, or one whole partition before the other."""
    into = door(tmp_path)
    given = entries(into, [each for day in (10, 11, 12) for each in crowd(day, 16)])
    halves = [[entry for entry in given if half_of(entry["person"]) == half] for half in (0, 1)]
    assert min(map(len, halves)) >= 15
    want = [(sent.event["event_id"], sent.value) for sent in count(into, given)]
    assert persons(count(into, given)) == {"2026-11-10": 15, "2026-11-11": 15}
    for order in (halves, halves[::-1]):
        found = count(into, [*order[0], *order[1]], 7)
        assert [(sent.event["event_id"], sent.value) for sent in found] == want


def test_persons_of_one_half_close_a_day_a_month_later(tmp_path: Path) -> None:
    """In a city of few, the other half may never come."""
    into = door(tmp_path)
    some = entries(into, crowd(1, 30))
    names = [number for number, entry in enumerate(some) if half_of(entry["person"]) == 0][:6]
    days = [[measured(person, at(day)) for person in names] for day in (1, 2, 30)]
    given = entries(into, [each for day in days for each in day])
    assert count(into, given) == []
    later = entries(into, [measured(person, at(30) + 4 * 24 * HOUR_US) for person in names])
    assert persons(count(into, [*given, *later])) == {"2026-11-01": 5, "2026-11-02": 5}


def test_live_events_that_come_twice_change_nothing(tmp_path: Path) -> None:
    """Also when a day that they belong to is closed already."""
    into = door(tmp_path)
    given = [*crowd(10, 6), *crowd(11, 6), *crowd(12, 6)]
    assert_repeats_change_nothing(CATALOG, RULES, given, topic=agents.MEASUREMENT, producer=into)
    assert_repeats_change_nothing(
        CATALOG, RULES, entries(into, given), topic=agents.COHORT_ENTRY, producer=into
    )


def test_no_day_is_counted_again_and_a_person_counts_once_a_day(tmp_path: Path) -> None:
    """Who comes too late is in no count: a second count would tell the difference, which is that person."""
    into = door(tmp_path)
    often = [measured(1, at(10, hour)) for hour in range(9, 20)]
    given = entries(into, [*often, *crowd(10, 5), *crowd(11, 6)])
    told = count(into, given)
    assert persons(told) == {"2026-11-10": 5}
    late = entries(into, [*crowd(10, 9, first=20, hour=12), *crowd(11, 5, first=30, hour=12)])
    again = count(into, [*given, *late])
    assert [sent.value for sent in again] == [sent.value for sent in told]


def test_a_small_day_is_not_told_and_each_programme_has_its_own_days(tmp_path: Path) -> None:
    """Four persons of a day and the fifth of another programme stay untold."""
    into = door(tmp_path)
    other = measured(4, at(10), cycle="school")
    given = entries(into, [*crowd(10, 4), other, *crowd(12, 5)])
    assert {entry["cohort"] for entry in given} == {"live:walk-in", "live:school"}
    assert count(into, given) == []


def test_who_is_forgotten_before_the_day_closes_is_not_in_it(tmp_path: Path) -> None:
    """Eleven and one forgotten are ten; two forgotten are nine, told as five."""
    into = door(tmp_path)
    given = entries(into, [*crowd(10, 11), *crowd(11, 5, first=20)])
    names = sorted({entry["person"] for entry in given[:11]})
    into.keys.forget(names[0])
    assert persons(count(into, given)) == {"2026-11-10": 10}
    into.keys.forget(names[1])
    assert persons(count(into, given)) == {"2026-11-10": 5}


def test_recordings_and_scenarios_stay_in_cohorts_of_their_own(tmp_path: Path) -> None:
    """They are counted at their end, never by day: nobody is in two counts."""
    given = [
        {**measured(person, at(day)), "source": "scenario:00112233445566ff#1"}
        for day in (10, 12)
        for person in range(6)
    ]
    found = entries(into := door(tmp_path), given)
    assert {entry["cohort"] for entry in found} == {"scenario:00112233445566ff"}
    assert count(into, found) == []


def test_a_doubtful_class_is_counted_as_a_flag(tmp_path: Path) -> None:
    """Seven sheets whose BMI contradicts weight and height move no share."""
    odd = [measured(person, at(10), bmi=40.0) for person in range(7)]
    given = entries(into := door(tmp_path), [*odd, *crowd(10, 6, first=10), *crowd(11, 5)])
    cells = {
        (sent.event["scheme"], sent.event["class"]): sent.event["persons"]
        for sent in count(into, given)
        if (sent.event["sex"], sent.event["age_band"]) == ("ALL", "ALL")
    }
    assert cells["PERSONS", "ALL"] == 10
    assert cells["WHO", "PRE_OBESE"] == 5
    assert cells["FLAG", "DOUBTFUL:WHO"] == cells["FLAG", "DOUBTFUL:KSSO-2018"] == 5
    assert cells["FLAG", "BMI_MISMATCH"] == 5


def test_the_state_holds_ciphertext_only_and_comes_back_whole(tmp_path: Path) -> None:
    """What stands in the changelog opens for nobody without the person's key."""
    live = LiveDays()
    for entry in entries(door(tmp_path), [*crowd(10, 4), *crowd(11, 3)]):
        live.add(
            entry["person"],
            LatestEntry(entry["occurred_at"], entry["event_id"], entry["classes"]),
            entry["salt"],
        )
    text = orjson.dumps(live.to_value())
    assert b"FEMALE" not in text
    assert LiveDays.from_value(orjson.loads(text)) == live


def fill(live: LiveDays, day: int, number: int) -> int:
    """Add entries of many persons on a day; return the number of days that closed."""
    return sum(
        len(
            live.add(
                f"p-{person:032x}",
                LatestEntry(at(1) + day * 24 * HOUR_US, f"{person:036}", bytes(45)),
                bytes(16),
            )
        )
        for person in range(number)
    )


def test_the_state_stays_small_whatever_comes() -> None:
    """A large day is sampled; a resident who sends a year at once keeps at most two months open."""
    live = LiveDays()
    fill(live, 0, LARGEST_DAY + 50)
    (day,) = live.days.values()
    assert (len(day.persons), day.sampled) == (LARGEST_DAY, True)
    assert fill(live, 1, 10) == 1
    alone = LiveDays()
    assert sum(fill(alone, day, 1) for day in range(365)) == 365 - OPEN_DAYS
    entry = LatestEntry(at(1), "0" * 36, bytes(45))
    full = {f"p-{person:032x}": entry for person in range(LARGEST_DAY)}
    first = FirstEntry(at(1), "0" * 36, bytes(16))
    crowded = LiveDays({f"2026-12-{day:02}": Day(first, dict(full)) for day in range(1, 8)})
    assert fill(crowded, 40, 1) == 3
    assert len(orjson.dumps(crowded.to_value())) < 980_000


def test_a_day_ends_at_midnight_of_the_next_and_instants_without_a_date_have_none() -> None:
    """The first and the last years, and whatever an envelope can hold."""
    assert end_of_day("2026-11-30") == at(30) + 16 * HOUR_US
    assert GRACE_S < 24 * 3600 < FAR_DAYS * 24 * 3600
    for instant in (
        -(2**62),
        2**62,
        int(dt.datetime(9999, 12, 31, 23, tzinfo=dt.UTC).timestamp()) * 1_000_000,
    ):
        assert local_day(instant) is None
    assert local_day(0) == "1970-01-01"
