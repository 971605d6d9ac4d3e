"""Whole days of a home: energy is conserved to the watt hour, over batteries and over changes of the clock."""

import io
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from streams.domains.energy import agents
from streams.domains.energy.recordings import TABLES
from streams.readers.formats import Accepted
from tests.streams.domains.energy.facts import BEGIN_US, HOUR_US, Event, event, meter_reading, run

TABLE = {table.name: table for table in TABLES}

# A home's day in Wh: load, sun, and what its battery does (charge above 0, discharge below), planned by hand. The
# battery of 6,400 Wh is bought from the grid at 03:00, filled by the sun, and gives to the grid at 19:00 to 21:00.
LOAD = (
    310,
    280,
    260,
    250,
    260,
    330,
    620,
    810,
    640,
    480,
    450,
    470,
    560,
    480,
    500,
    610,
    850,
    1240,
    1420,
    1310,
    1060,
)
LOAD_LATE = (720, 430, 350)
SUN = (0,) * 6 + (150, 600, 1300, 2100, 2700, 3000, 3100, 2900, 2300, 1500, 800, 200) + (0,) * 6
BATTERY = (
    0,
    0,
    0,
    1500,
    0,
    0,
    0,
    0,
    600,
    1500,
    2200,
    600,
    0,
    0,
    0,
    0,
    0,
    -900,
    -1000,
    -1700,
    -1500,
    -700,
    0,
    0,
)

EXCHANGE = (
    (310, 0),
    (280, 0),
    (260, 0),
    (1750, 0),
    (260, 0),
    (330, 0),
    (470, 0),
    (210, 0),
    (0, 60),
    (0, 120),
    (0, 50),
    (0, 1930),
    (0, 2540),
    (0, 2420),
    (0, 1800),
    (0, 890),
    (50, 0),
    (140, 0),
    (420, 0),
    (0, 390),
    (0, 440),
    (20, 0),
    (430, 0),
    (350, 0),
)
"""Import and export of each hour in Wh, computed by hand: load + battery - sun, above or below 0."""


def battery_readings(measured: Iterable[str]) -> list[Event]:
    """Make the readings of the home's day with some of its flows."""
    found = []
    for hour, ((imported, exported), load, sun, battery) in enumerate(
        zip(EXCHANGE, (*LOAD, *LOAD_LATE), SUN, BATTERY, strict=True)
    ):
        whole = {
            "import_wh": imported,
            "export_wh": exported,
            "consumption_wh": load,
            "generation_wh": sun,
            "charge_wh": max(battery, 0),
            "discharge_wh": max(-battery, 0),
        }
        own: dict[str, Any] = {name: whole[name] for name in measured}
        found.append(meter_reading(BEGIN_US + hour * HOUR_US, hour + 1, "battery-home", **own))
    return found


def balances(readings: list[Event]) -> list[Event]:
    """Run the balance rule."""
    found = run(agents.READING, readings)
    assert {each.topic for each in found} == {agents.BALANCE}
    return [each.event for each in found]


STORED = ("charge_wh", "discharge_wh")


@pytest.mark.parametrize(
    "measured",
    [
        ("import_wh", "export_wh", "generation_wh", *STORED),
        ("import_wh", "export_wh", "consumption_wh", *STORED),
        ("consumption_wh", "generation_wh", *STORED),
        ("import_wh", "export_wh", "consumption_wh", "generation_wh", *STORED),
    ],
)
def test_a_battery_homes_day_hour_by_hour(measured: tuple[str, ...]) -> None:
    """Whatever its meters count, each hour has the load, sun, import and export that were planned by hand."""
    found = balances(battery_readings(measured))
    assert [(each["import_wh"], each["export_wh"]) for each in found] == list(EXCHANGE)
    assert [each["consumption_wh"] for each in found] == [*LOAD, *LOAD_LATE]
    assert [each["generation_wh"] for each in found] == list(SUN)
    assert {each["unattributed_wh"] for each in found} == {0}
    assert sum(each["charge_wh"] for each in found) == 6400
    assert sum(each["discharge_wh"] for each in found) == 5800


def test_a_battery_homes_day_without_a_meter_at_the_battery() -> None:
    """Nothing is refused; over the day, use and what is left over are load, and what the battery kept."""
    found = balances(battery_readings(("import_wh", "export_wh", "generation_wh")))
    assert len(found) == 24
    night = found[19]
    assert (night["export_wh"], night["consumption_wh"], night["unattributed_wh"]) == (390, 0, -390)
    assert night["flags"] == ["UNMETERED_STORAGE"]
    kept = 6400 - 5800
    assert (
        sum(each["consumption_wh"] + each["unattributed_wh"] for each in found)
        == sum((*LOAD, *LOAD_LATE)) + kept
    )


def test_a_battery_homes_two_registers_have_its_net_exchange() -> None:
    """Import and export alone: each hour's net, and the day's."""
    found = balances(battery_readings(("import_wh", "export_wh")))
    assert [each["net_wh"] for each in found] == [imported - exported for imported, exported in EXCHANGE]
    assert {each["identity"] for each in found} == {"NET"}


def ausgrid(rows: Iterable[str]) -> list[Event]:
    """Read rows of a customer's file as events."""
    data = "\n".join([",GC,GG", *rows, ""]).encode()
    found = []
    for item in TABLE["ausgrid-half-hourly"].read(io.BytesIO(data), Path("customer900.csv")):
        if isinstance(item, Accepted):
            (draft,) = item.drafts
            found.append(event(draft.occurred_at, f"replay:900#{item.record}", draft.fields))
    return found


def day_rows(day: str, stamps: Iterable[str]) -> list[str]:
    """Make rows of mean power: each half hour has another one."""
    return [
        f"{day} {stamp}:00,{0.4 + number / 50:.2f},{number / 100:.2f}" for number, stamp in enumerate(stamps)
    ]


def half_hours() -> list[str]:
    """Spell the 48 half hours of a day."""
    midnight = datetime.fromisoformat("2012-04-01")
    return [(midnight + timedelta(minutes=30 * number)).strftime("%H:%M") for number in range(48)]


def with_second_pass(*, side_by_side: bool) -> list[str]:
    """Spell the 50 half hours of Sydney's day of 25 hours, the two passes one after the other or sorted."""
    stamps = half_hours()
    if side_by_side:
        return sorted([*stamps, "02:00", "02:30"])
    return [*stamps[:6], "02:00", "02:30", *stamps[6:]]


@pytest.mark.parametrize(
    ("day", "stamps"),
    [
        ("2012-04-01", with_second_pass(side_by_side=False)),
        ("2012-04-01", with_second_pass(side_by_side=True)),
        ("2012-04-01", half_hours()),
        ("2011-10-02", half_hours()),
        ("2012-10-07", half_hours()),
        ("2011-07-01", half_hours()),
    ],
    ids=[
        "both-passes",
        "both-passes-sorted",
        "one-pass",
        "energy-in-the-gap",
        "energy-in-next-years-gap",
        "plain",
    ],
)
def test_a_days_energy_is_whole_where_clocks_change(day: str, stamps: list[str]) -> None:
    """What a file has of a day is in the balances, to the Wh; no instant is balanced twice, the doubt is flagged."""
    rows = day_rows(day, stamps)
    found = balances(ausgrid(rows))
    parts = [row.split(",") for row in rows]
    for column, name in ((1, "consumption_wh"), (2, "generation_wh")):
        assert sum(each[name] for each in found) == round(sum(float(part[column]) * 500 for part in parts))
    spans = [each["occurred_at"] for each in found if each["duration"] != "PT0S"]
    assert len(set(spans)) == len(spans)
    doubts = {flag for each in found for flag in each["flags"] if flag.endswith("LOCAL_TIME")}
    expected = {"2012-04-01": "AMBIGUOUS_LOCAL_TIME", "2011-07-01": None}.get(day, "NONEXISTENT_LOCAL_TIME")
    assert (expected in doubts) if expected else not doubts
    assert ("REPEATED_LOCAL_TIME" in doubts) == (len(stamps) == 50)
    assert {each["zone"] for each in found} == {"Australia/Sydney"}


def test_the_second_pass_of_a_repeated_hour_is_the_second_hour() -> None:
    """Sydney, 2012-04-01: 02:00 is 15:00 UTC in summer time, then 16:00 UTC; 03:00 follows at 17:00 UTC."""
    stamps = ("01:30", "02:00", "02:30", "02:00", "02:30", "03:00")
    begin = datetime.fromisoformat("2012-03-31T14:30:00+00:00").timestamp()
    found: list[Any] = ausgrid(day_rows("2012-04-01", stamps))
    assert [(each["occurred_at"] / 1e6 - begin) / 1800 for each in found] == [0, 1, 2, 3, 4, 5]
    assert [each["flags"] for each in found] == [
        [],
        ["AMBIGUOUS_LOCAL_TIME"],
        ["AMBIGUOUS_LOCAL_TIME"],
        ["REPEATED_LOCAL_TIME"],
        ["REPEATED_LOCAL_TIME"],
        [],
    ]


def test_a_stamp_with_its_offset_is_that_instant() -> None:
    """As pandas writes times with a zone: both passes of the repeated hour, and no doubt about either."""
    stamps = (
        "2012-04-01 02:30:00+11:00",
        "2012-04-01 02:00:00+10:00",
        "2012-04-01T02:30+1000",
        "2012-03-31T17:00Z",
    )
    found = ausgrid(f"{stamp},1.0,0" for stamp in stamps)
    begin = datetime.fromisoformat("2012-03-31T15:30:00+00:00").timestamp()
    assert [(each["occurred_at"] / 1e6 - begin) / 1800 for each in found] == [0, 1, 2, 3]
    assert [each["flags"] for each in found] == [[]] * 4
