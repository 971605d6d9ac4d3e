"""Ausgrid's own files: customers' days of 48 half hours by category, as readings of one meter each."""

import io
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.energy import agents, ausgrid_wide
from streams.domains.energy.ausgrid_wide import day_of
from streams.domains.energy.recordings import FORMATS
from streams.readers.formats import Accepted, Item, Refused, Skipped
from tests.properties import fewer
from tests.streams.domains.energy.facts import Event, event, run

TITLE = '"2012-2013 Solar home electricity data v2 - see the notes"' + "," * 53
TIMES = [f"{half // 2}:{half % 2 * 30:02}" for half in range(1, 48)] + ["0:00"]
HEADER = ",".join(["Customer,Generator Capacity,Postcode,Consumption Category,date", *TIMES, "Row Quality"])


def row(
    channel: str, day: str, kwh: list[str] | str = "0.1", *, customer: int = 900, quality: str = ""
) -> str:
    """Spell a row."""
    values = [kwh] * 48 if isinstance(kwh, str) else kwh
    return ",".join([f"{customer},1.50,2000,{channel},{day}", *values, quality])


def read(*rows: str, title: str = TITLE, header: str = HEADER, end: str = "\r\n") -> list[Item]:
    """Read a file; every byte of it belongs to exactly one item."""
    data = end.join([*filter(None, (title, header)), *rows, ""]).encode()
    items = list(ausgrid_wide.read(io.BytesIO(data)))
    spans = sorted(span for item in items for span in item.spans)
    assert [begin for begin, _ in spans] == [0, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == len(data)
    return items


def days(items: list[Item]) -> list[Accepted]:
    """Take the accepted days."""
    return [item for item in items if isinstance(item, Accepted)]


def readings(items: list[Item]) -> Iterator[dict[str, Any]]:
    """Yield the readings of all days, with their time in UTC."""
    for item in days(items):
        for draft in item.drafts:
            at = datetime.fromtimestamp(draft.occurred_at / 1e6, UTC)
            yield {**draft.fields, "at": at.strftime("%Y-%m-%dT%H:%MZ")}


def test_the_rows_of_a_day_become_its_half_hours() -> None:
    """A value is the kWh of the half hour that ends at its column; the controlled load is part of what is used."""
    rising = [f"{half / 1000:.3f}" for half in range(1, 49)]
    items = read(
        row("GC", "1/07/2012", rising), row("CL", "1/07/2012", "0.5"), row("GG", "1/07/2012", "0.25")
    )
    assert [item.reason for item in items if isinstance(item, Skipped)] == [
        "line before the header",
        "header",
    ]
    (day,) = days(items)
    assert (day.record, day.line, len(day.spans), len(day.drafts)) == (1, 3, 3, 48)
    found = list(readings(items))
    assert (found[0]["at"], found[47]["at"]) == ("2012-06-30T14:00Z", "2012-07-01T13:30Z")
    names = (
        "meter",
        "consumption_wh",
        "controlled_load_wh",
        "generation_wh",
        "generator_kw",
        "quality",
        "zone",
    )
    assert tuple(found[47][name] for name in names) == (
        "ausgrid-900",
        548,
        500,
        250,
        1.5,
        "RAW",
        "Australia/Sydney",
    )
    assert [each["closes"] for each in found] == [False] * 47 + [True]
    assert {(each["duration"], tuple(each["flags"])) for each in found} == {("PT30M", ())}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/07/2012", date(2012, 7, 1)),
        ("29/02/2012", date(2012, 2, 29)),
        ("01/07/10", date(2010, 7, 1)),
        ("1-Jul-10", date(2010, 7, 1)),
        ("31-DEC-2011", date(2011, 12, 31)),
        ("1 July 2010", date(2010, 7, 1)),
        ("2012-07-01", date(2012, 7, 1)),
        ("1/07/2012 0:00", date(2012, 7, 1)),
        (" 2012-07-01 00:00:00", date(2012, 7, 1)),
    ],
)
def test_dates_of_every_year_are_read(text: str, expected: date) -> None:
    """The files of 2012-13 have d/mm/yyyy, those of 2010-11 have d-Mon-yy; spreadsheets add forms of their own."""
    assert day_of(text) == expected


@pytest.mark.parametrize(
    "text", ["", "30/02/2012", "1-Foo-10", "7/13/2012", "1.7.2012", "2012", "1/07/2012 9:00"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    """A row without a day is a refused record of its own, with the reason."""
    (item,) = read(row("GC", text), title="")[1:]
    assert isinstance(item, Refused)
    assert (item.record, item.line, item.rule) == (1, 2, "read-ausgrid-solar-homes@1")
    assert "no such day" in item.reason or "column date: expected d/mm/yyyy" in item.reason


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row("GX", "1/07/2012"), "expected GC, CL or GG, got 'GX'"),
        (row("GC", "1/07/2012", "-0.1"), "gross energy is never negative"),
        (row("GC", "1/07/2012", "x"), "expected a number, got 'x'"),
        (row("GC", "1/07/2012")[:-40], "cells as in the header"),
        (row("GC", "1/07/2012").replace("900", "A9", 1), "column Customer: expected a number"),
        (row("GG", "1/07/2012"), "a second GG row of customer 900 on 2012-07-01"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_alone(bad: str, reason: str) -> None:
    """Its day has what the other rows say, and says what is missing."""
    items = read(row("GG", "1/07/2012", "0.2"), bad, row("GG", "2/07/2012"))
    (refused,) = (item for item in items if isinstance(item, Refused))
    assert reason in refused.reason
    assert refused.data == bad.encode()
    found = list(readings(items))
    assert len(found) == 96
    assert {(each["consumption_wh"], tuple(each["flags"])) for each in found} == {
        (None, ("CHANNEL_MISSING:GC",))
    }
    assert found[-1]["closes"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"quality": "NA"}, ("MIXED", [])),
        ({"quality": "x"}, ("OTHER", [])),
        ({"kwh": "578"}, ("RAW", ["OUT_OF_RANGE:consumption"])),
        ({"kwh": ""}, ("RAW", [])),
    ],
)
def test_what_is_doubtful_is_told(changes: dict[str, Any], expected: tuple[str, list[str]]) -> None:
    """Estimated rows, values that may be Wh, empty cells."""
    items = read(row("GC", "1/07/2012", **changes), row("GG", "1/07/2012"))
    first = next(readings(items))
    assert (first["quality"], first["flags"]) == expected
    assert (first["consumption_wh"] is None) == (changes.get("kwh") == "")


def test_a_roof_beyond_its_rating_is_flagged() -> None:
    """1.5 kW yield at most 0.75 kWh in half an hour; twice that may be another unit."""
    items = read(row("GC", "1/07/2012"), row("GG", "1/07/2012", "1.6"))
    assert next(readings(items))["flags"] == ["OUT_OF_RANGE:generation"]


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        HEADER.removesuffix(",Row Quality"),
        HEADER.lower(),
        HEADER.replace(",0:00,", ",24:00,"),
        HEADER.replace(",0:30", ",00:30").replace(",1:00", ",01:00"),
        ",".join(f'"{cell}"' for cell in HEADER.split(",")),
        "\ufeff" + HEADER,
    ],
)
@pytest.mark.parametrize("title", ["", TITLE, "\ufeff" + TITLE, "x\n\n" + TITLE])
def test_a_header_is_found_however_it_is_spelled(header: str, title: str) -> None:
    """With and without title lines, byte order mark, quotes and the last column; by one format only."""
    lines = [*filter(None, (title, header)), row("GC", "1/07/2012"), row("GG", "1/07/2012")]
    if "quality" not in header.lower():
        lines[-2:] = [each[:-1] for each in lines[-2:]]
    data = "\n".join(lines).encode()
    assert [form.name for form in FORMATS if form.matches(data)] == ["ausgrid-solar-homes"]
    assert len(days(list(ausgrid_wide.read(io.BytesIO(data))))) == 1


CHANNELS = ("GC", "CL", "GG")


@fewer(times=4)
@given(data=st.data())
def test_no_order_of_rows_loses_energy(data: st.DataObject) -> None:
    """Rows by day, by category or mixed within a customer: each half hour once, and all energy to the Wh."""
    rows = []
    expected: dict[tuple[int, str], Fraction] = defaultdict(Fraction)
    for customer in (1, 2):
        own = [
            (channel, day)
            for channel in CHANNELS
            for day in ("30/09/2011", "1/10/2011", "2/10/2011", "3/10/2011")
        ]
        for channel, day in data.draw(st.permutations(own)):
            cell = data.draw(st.sampled_from(["0", "0.0004", "0.1234", "1.5"]))
            rows.append(row(channel, day, cell, customer=customer))
            expected[customer, channel] += 48 * 1000 * Fraction(cell)
    items = read(*rows)
    found = list(readings(items))
    assert len(found) == 2 * 4 * 48
    for customer in (1, 2):
        own_readings = [each for each in found if each["meter"] == f"ausgrid-{customer}"]
        sums = {
            "GC": sum(each["consumption_wh"] - each["controlled_load_wh"] for each in own_readings),
            "CL": sum(each["controlled_load_wh"] for each in own_readings),
            "GG": sum(each["generation_wh"] for each in own_readings),
        }
        assert all(abs(sums[channel] - expected[customer, channel]) <= Fraction(1, 2) for channel in CHANNELS)
        assert [each["closes"] for each in own_readings] == [False] * 191 + [True]
        assert own_readings == sorted(own_readings, key=lambda each: each["at"])


@pytest.mark.parametrize(
    "other",
    [
        HEADER.replace(",".join(TIMES), ",".join(reversed(TIMES))),
        HEADER.replace("Generator Capacity,Postcode", "Postcode,Generator Capacity"),
        HEADER.replace("Postcode", "Post Code").replace("Customer", "Client"),
        HEADER.replace(",", ";"),
    ],
    ids=["times reversed", "capacity and postcode swapped", "unknown names", "other separator"],
)
def test_below_another_header_every_row_is_refused(other: str) -> None:
    """The same header again is skipped."""
    day = [row("GC", "1/07/2012"), row("GG", "1/07/2012")]
    later = [each.replace("1/07/2012", "2/07/2012") for each in day]
    joined = read(*day, HEADER, *later)
    assert [each.reason for each in joined if isinstance(each, Skipped)][2:] == ["header again"]
    assert len(days(joined)) == 2
    items = read(*day, other, *later)
    assert len(days(items)) == 1
    assert [type(item) for item in items].count(Refused) == len((other, *later))


def test_customers_may_come_again() -> None:
    """A file sorted by day: each block is a day; the meter's session closes with its last."""
    rows = [
        row(channel, day, customer=customer)
        for day in ("1/07/2012", "2/07/2012")
        for customer in (1, 2)
        for channel in ("GC", "GG")
    ]
    found = list(readings(read(*rows)))
    assert [each["meter"] for each in found[::48]] == ["ausgrid-1", "ausgrid-2"] * 2
    assert [each["closes"] for each in found[47::48]] == [False, False, True, True]


def test_a_days_energy_is_in_the_balances_where_clocks_change() -> None:
    """2012-10-07 has 23 hours; what the file books into the two half hours that never were is balanced at the jump."""
    for day, doubt in (("7/10/2012", "NONEXISTENT_LOCAL_TIME"), ("1/04/2012", "AMBIGUOUS_LOCAL_TIME")):
        items = read(row("GC", day, "0.1"), row("CL", day, "0.05"), row("GG", day, "0.02"))
        events: list[Event] = [
            event(draft.occurred_at, f"replay:wide#{place}", draft.fields)
            for item in days(items)
            for place, draft in enumerate(item.drafts, start=1)
        ]
        found = [each.event for each in run(agents.READING, events)]
        assert sum(each["consumption_wh"] for each in found) == 48 * 150
        assert sum(each["generation_wh"] for each in found) == 48 * 20
        assert sum(doubt in each["flags"] for each in found) == 2
