"""The rules on their topics: every bundled reading in, balances and shares out, whatever the batches."""

from collections import Counter

import pytest

from streams.domains.energy import agents, market_day
from streams.replay.recordings import bundled, bundled_scenarios
from streams.testing import assert_repeats_change_nothing
from tests.streams.domains.energy.facts import (
    BEGIN_US,
    CATALOG,
    HANDLERS,
    HOUR_US,
    ROWS,
    WHOLE,
    all_derived,
    bundled_readings,
    lengths,
    meter_reading,
    of_topic,
    run,
    shares_of,
)


@lengths
def test_readings_that_tell_enough_have_a_balance(rows: int) -> None:
    """All but Sydney's two half hours that never were and the first reading of cumulative registers."""
    readings = bundled_readings(rows)
    without = [each for each in readings if each["duration"] == "PT0S"]
    balances = [each for each in all_derived(rows) if each.topic == agents.BALANCE]
    assert len(without) == 2
    assert len(balances) == len(readings) - len(without) - 1
    assert {each.headers["simulated"] for each in balances} == {b"true"}
    assert {each.event["rule"] for each in balances} == {agents.BALANCE_RULE}


@lengths
def test_nothing_is_refused(rows: int) -> None:
    """No dead letters from sound recordings and a sound scenario."""
    assert {each.topic for each in all_derived(rows)} == {agents.BALANCE, agents.COMMUNITY_SHARE}


def test_balances_keep_what_the_reading_says_of_itself() -> None:
    """Meter, id, quality and flags."""
    by_id = {each["event_id"]: each for each in bundled_readings()}
    balances = [each for each in all_derived() if each.topic == agents.BALANCE]
    assert len({each.event["reading_id"] for each in balances}) == len(by_id) - 3
    for each in balances:
        reading = by_id[each.event["reading_id"]]
        assert each.key == each.event["meter"] == reading["meter"]
        assert each.event["quality"] == reading["quality"]
        assert set(reading.get("flags", ())) <= set(each.event["flags"])


def test_shares_are_keyed_by_community_and_day() -> None:
    """So one agent sees all of a group's day, and no state grows for ever."""
    keys = Counter(each.key for each in all_derived() if each.topic == agents.COMMUNITY_SHARE)
    assert {key.partition("/")[0] for key in keys} == {"citylearn-2022", "market-day"}
    # four homes' hours, and the end of each one's day; six homes' in Seoul
    assert {keys[f"citylearn-2022/2016-08-{day:02}"] for day in range(1, 17)} == {4 * (24 + 1)}
    assert keys["market-day/2026-05-04"] == 6 * (24 + 1)


def test_repeats_change_nothing() -> None:
    """The market day's readings, cumulative registers among them, redelivered at any place."""
    readings = of_topic(agents.READING, bundled_scenarios("energy"))
    assert_repeats_change_nothing(CATALOG, HANDLERS, readings, topic=agents.READING)


@lengths
def test_only_the_order_of_one_meter_matters(rows: int) -> None:
    """Meters one after the other or mixed, as other partition counts would have it: the same events and bytes."""
    files = [path for path in bundled("energy") if "Building" in path.name]
    apart = of_topic(agents.READING, files, rows)
    mixed = sorted(apart, key=lambda each: each["occurred_at"])
    found = {(each.topic, each.value) for each in run(agents.READING, mixed, batch_size=500)}
    assert len(found) > len(apart)
    assert found == {(each.topic, each.value) for each in run(agents.READING, apart)}


@pytest.mark.parametrize(
    ("rows", "hours"), [(ROWS, 400), pytest.param(WHOLE, 1465, marks=pytest.mark.nightly)]
)
def test_the_four_homes_make_one_community(rows: int, hours: int) -> None:
    """Four recordings, replayed one after the other: each hour is told again with each home, at last over all four."""
    found = run(agents.COMMUNITY_SHARE, shares_of(all_derived(rows)))
    homes = [each.event for each in found if each.key == "citylearn-2022"]
    assert Counter(each["members"] for each in homes) == dict.fromkeys(range(1, 5), hours)
    assert all(each["revision"] == each["members"] for each in homes)
    assert all(len(each["missing"]) == 4 - each["members"] for each in homes)


def test_a_register_that_goes_back_makes_a_flagged_balance_and_no_dead_letter() -> None:
    """Of its hour nothing is known; the next one is counted from it."""
    registers = [
        meter_reading(
            BEGIN_US + hour * HOUR_US,
            hour + 1,
            "market-day-home-1",
            community="market-day",
            accumulation="CUMULATIVE",
            import_wh=shown,
            export_wh=0,
            generation_wh=0,
        )
        for hour, shown in enumerate((100, 150, 20, 80))
    ]
    found = run(agents.READING, registers)
    balances = [each.event for each in found if each.topic == agents.BALANCE]
    assert [(each["import_wh"], each["identity"], each["duration"], each["flags"]) for each in balances] == [
        (50, "FLOWS", "PT1H", []),
        (0, "UNSPECIFIED", "PT1H", ["REGISTER_RESET:import_wh"]),
        (60, "FLOWS", "PT1H", []),
    ]
    shared = [each.event for each in found if each.topic == agents.COMMUNITY_SHARE]
    assert [each["import_wh"] for each in shared if each["kind"] == "INTERVAL"] == [50, 60]
    assert {each.topic for each in found} == {agents.BALANCE, agents.COMMUNITY_SHARE}
    assert_repeats_change_nothing(CATALOG, HANDLERS, registers, topic=agents.READING)


def test_a_register_that_is_sent_twice_loses_no_hour() -> None:
    """UtilitechAS/amsreader-firmware 1119: clock and register of 17:00 come again at 18:00; 8,056 Wh are two hours'."""
    shown = ((16, 109_552_248), (17, 109_554_016), (17, 109_554_016), (19, 109_562_072))
    registers = [
        meter_reading(
            BEGIN_US + (hour - 1) * HOUR_US, record, accumulation="CUMULATIVE", import_wh=wh, export_wh=0
        )
        for record, (hour, wh) in enumerate(shown, start=1)
    ]
    found = [each.event for each in run(agents.READING, registers)]
    begins = [(each["occurred_at"] - BEGIN_US) // HOUR_US for each in found]
    assert list(
        zip(begins, (each["duration"] for each in found), (each["net_wh"] for each in found), strict=True)
    ) == [
        (16, "PT1H", 1768),
        (17, "PT2H", 8056),
    ]
    assert found[1]["flags"] == ["GAP_BEFORE", "NET_ONLY"]


def test_the_scenario_is_what_its_module_makes() -> None:
    """The committed file and its generator agree to the byte."""
    (path,) = bundled_scenarios("energy")
    assert path.read_text() == "".join(f"{line}\n" for line in market_day.lines())
