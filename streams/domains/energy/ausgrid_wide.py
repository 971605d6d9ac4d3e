"""Reads Ausgrid's own files of its solar homes: a row for each customer, day and category, with 48 half hours. Pure.

    Customer,Generator Capacity,Postcode,Consumption Category,date,0:30,1:00,…,23:30,0:00,Row Quality

From Ausgrid's notes on the "Solar home electricity data" of 2010-11, 2011-12 and 2012-13:

- A value is the kWh of the half hour that ends at its column's time; `0:00` ends the day. The clock is Sydney's.
- `GC`: general consumption, without the controlled load. `CL`: controlled load (off-peak hot water). `GG`: gross
  generation, measured apart from the load. A home without controlled load has no `CL` rows.
- Row quality: empty if every value was measured; `NA` if some were estimated.

The rows of one customer and day are one source record, and become its 48 readings: consumption is GC + CL, generation
GG. They need not follow each other: a customer's rows are held until those of another customer come, so their order
by day or by category does not matter, and memory is bounded by `MOST_ROWS` and `MOST_BYTES`. A row that cannot be
read is a refused record of its own; its day lacks the values of that row, and is flagged. A repeated header is skipped;
behind another one every row is refused. A customer's last day closes the session of its meter, so the file is read
twice. Dates are d/mm/yyyy, d-Mon-yy or yyyy-mm-dd.

The postcode is not kept: with the half hours of a home it would come close to naming it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import Any, BinaryIO

from streams.domains.energy.clocks import NONEXISTENT, SYDNEY, LocalClock
from streams.domains.energy.tables import not_negative, reading
from streams.domains.energy.units import KWH_TO_WH, Register, number
from streams.readers.delimited import Dialect, Header, cells_of
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.readers.lines import LONGEST_LINE, Line, lines

NAME = "ausgrid-solar-homes"
RULE = f"read-{NAME}@1"

HALF_HOURS = 48
MOST_ROWS = 10_000
"""Rows of one customer that are held at most: nine years of three rows a day."""
MOST_BYTES = 16 << 20
"""Bytes of these rows; a row has some 300."""
HIGHEST_KWH = 50
"""Energy of a half hour, in kWh, above which a home's value is flagged: it may be Wh instead of kWh."""
ABOVE_RATED = 2
"""A roof that yields more than so many times its rated power is flagged: it may be in another unit."""

CHANNELS = {"GC": "consumption", "CL": "controlled_load", "GG": "generation"}
CHANNEL_MISSING = "CHANNEL_MISSING"

_HALF_HOUR = timedelta(minutes=30)
_KEYS = ("customer", "generator capacity", "postcode", "consumption category", "date")
_QUALITY = "row quality"
_TIME = re.compile(r"0?(\d{1,2}):([03]0)(?::00)?", re.ASCII)
_DATES = (
    (re.compile(r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4}|\d\d)", re.ASCII), "d/mm/yyyy"),
    (re.compile(r"(?P<d>\d{1,2})[- ](?P<b>[A-Za-z]{3})[a-z]*[- ](?P<y>\d{4}|\d\d)", re.ASCII), "d-Mon-yy"),
    (re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})", re.ASCII), "yyyy-mm-dd"),
)
_MIDNIGHT = re.compile(r"[ T]0?0:00(:00)?$")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_CENTURY = 2000
_DIGIT_FIRST = re.compile(rb'[\s"]*\d')


def column_name(cell: str) -> str:
    """Return a column's name: lower case, and of a time the number of its half hour, from 1 to 48."""
    name = " ".join(cell.strip().lower().split())
    match = _TIME.fullmatch(name)
    if match is None:
        return name
    ends = int(match[1]) * 2 + int(match[2]) // 30
    return str(HALF_HOURS if ends in (0, HALF_HOURS) else ends)


def known(columns: Sequence[str]) -> bool:
    """Return whether columns are the header of such a file."""
    return {*_KEYS, *map(str, range(1, HALF_HOURS + 1))} <= set(columns)


DIALECT = Dialect(known, encodings=("utf-8", "latin-1"), column_name=column_name)


def day_of(text: str) -> date:
    """Return the date of a cell; the day stands before the month.

    Raises:
        ValueError: It is no date in a form of these files.
    """
    text = _MIDNIGHT.sub("", text.strip())
    for pattern, _ in _DATES:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        found = match.groupdict()
        month = found.get("m") or str(
            _MONTHS.index(found["b"].lower()) + 1 if found["b"].lower() in _MONTHS else 0
        )
        year = int(found["y"])
        try:
            return date(
                year + _CENTURY if len(found["y"]) == len("10") else year, int(month), int(found["d"])
            )
        except ValueError:
            raise ValueError(f"no such day: {text[:40]}") from None
    forms = ", ".join(form for _, form in _DATES)
    raise ValueError(f"column date: expected {forms}, got {text[:40]!r}")


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A row that could be read.

    Attributes:
        line: Its line.
        customer: Number of the customer.
        day: Its day.
        channel: `GC`, `CL` or `GG`.
        kwh: Energy of each half hour in kWh; None where the cell is empty.
        capacity: Rated power of the generator in kW; None if the cell is empty.
        quality: Text of the row quality.
    """

    line: Line
    customer: int
    day: date
    channel: str
    kwh: tuple[Fraction | None, ...]
    capacity: Fraction | None
    quality: str


@dataclass(slots=True)
class Customer:
    """The meter of a customer, over the whole file.

    Attributes:
        number: Number of the customer.
        last_line: Number of its last line in the file.
        registers: What each channel counted.
        clock: The wall clock of its rows.
    """

    number: int
    last_line: int
    registers: Mapping[str, Register] = field(
        default_factory=lambda: {channel: Register() for channel in CHANNELS}
    )
    clock: LocalClock = field(default_factory=lambda: LocalClock(SYDNEY))

    def drafts(self, rows: Mapping[str, ChannelRow], *, closes: bool) -> tuple[EventDraft, ...]:
        """Return the readings of a day.

        Args:
            rows: Row of each channel.
            closes: Whether the last reading ends the meter's session.

        Raises:
            ValueError: The day is before 1970.
        """
        first = next(iter(rows.values()))
        midnight = datetime.combine(first.day, time())
        return tuple(
            self._draft(rows, midnight + half * _HALF_HOUR, half, closes=closes and half == HALF_HOURS - 1)
            for half in range(HALF_HOURS)
        )

    def _draft(
        self, rows: Mapping[str, ChannelRow], local: datetime, half: int, *, closes: bool
    ) -> EventDraft:
        at_us, doubts = self.clock.instant(local)
        nonexistent = NONEXISTENT in doubts
        kwh = {channel: row.kwh[half] for channel, row in rows.items()}
        wh = {
            channel: None if energy is None else self.registers[channel].count(energy * KWH_TO_WH)
            for channel, energy in kwh.items()
        }
        general, controlled = wh.get("GC"), wh.get("CL")
        whole = general is not None and ("CL" not in rows or controlled is not None)
        missing = [channel for channel in ("GC", "GG") if channel not in rows]
        capacity = next((row.capacity for row in rows.values() if row.capacity is not None), None)
        fields: dict[str, Any] = {
            "zone": SYDNEY.key,
            "consumption_wh": (general or 0) + (controlled or 0) if whole else None,
            "controlled_load_wh": controlled,
            "generation_wh": wh.get("GG"),
            "generator_kw": None if capacity is None else float(capacity),
            "quality": "QUESTIONABLE" if nonexistent else _quality(rows),
            "closes": closes,
            "flags": [
                *doubts,
                *(f"{CHANNEL_MISSING}:{channel}" for channel in missing),
                *_odd(kwh, capacity),
            ],
        }
        return reading(f"ausgrid-{self.number}", at_us, "PT0S" if nonexistent else "PT30M", fields)


def _quality(rows: Mapping[str, ChannelRow]) -> str:
    found = {row.quality.upper() for row in rows.values()} - {""}
    if not found:
        return "RAW"
    return "MIXED" if found == {"NA"} else "OTHER"


def _odd(kwh: Mapping[str, Fraction | None], capacity: Fraction | None) -> Iterator[str]:
    for channel, energy in kwh.items():
        rated = capacity * ABOVE_RATED / 2 if channel == "GG" and capacity else None
        if energy is not None and (energy > HIGHEST_KWH or (rated is not None and energy > rated)):
            yield f"OUT_OF_RANGE:{CHANNELS[channel]}"


def channel_row(header: Header, line: Line, other: int | None = None) -> ChannelRow:
    """Return a line's row.

    Args:
        header: The header of the table.
        line: The line.
        other: Line of another header that stands above it; None if there is none.

    Raises:
        ValueError: It cannot be read.
    """
    if other is not None:
        raise ValueError(f"below another header (line {other}): split the file there")
    if len(line.data) > LONGEST_LINE:
        raise ValueError(f"line of more than {LONGEST_LINE} bytes")
    cells = cells_of(line.data, header.encoding, header.delimiter)
    if len(cells) == len(header.columns) - 1 and header.columns[-1] == _QUALITY:
        cells.append("")
    if len(cells) != len(header.columns):
        raise ValueError(f"expected {len(header.columns)} cells as in the header, got {len(cells)}")
    found = {name: cell.strip() for name, cell in zip(header.columns, cells, strict=True)}
    customer, channel = found["customer"], found["consumption category"].upper()
    if not (customer.isascii() and customer.isdigit() and len(customer) <= 9):
        raise ValueError(f"column Customer: expected a number, got {customer[:40]!r}")
    if channel not in CHANNELS:
        raise ValueError(f"column Consumption Category: expected GC, CL or GG, got {channel[:40]!r}")
    kwh = tuple(
        not_negative(name, number(name, found[str(half)]))
        for half, name in ((half, f"of half hour {half}") for half in range(1, HALF_HOURS + 1))
    )
    capacity = not_negative("Generator Capacity", number("Generator Capacity", found["generator capacity"]))
    return ChannelRow(
        line, int(customer), day_of(found["date"]), channel, kwh, capacity, found.get(_QUALITY, "")
    )


def _has_names(header: Header, line: Line) -> bool:
    """Return whether a line has names where a row has its customer, capacity and postcode: another header."""
    try:
        cells = DIALECT.columns(line, header.encoding, header.delimiter)
    except ValueError:
        return False
    keys = [cell for name, cell in zip(header.columns, cells, strict=False) if name in _KEYS]
    return len(cells) == len(header.columns) and all(each[:1].isalpha() for each in keys)


class _Reader:
    """Reads one file, behind its header."""

    def __init__(self, header: Header, last_lines: Mapping[int, int]) -> None:
        self._header = header
        self._last_lines = last_lines
        self._customers: dict[int, Customer] = {}
        self._held: dict[date, dict[str, ChannelRow]] = {}
        self._rows = 0
        self._bytes = 0
        self._customer: int | None = None
        self._record = 0
        self._other: int | None = None  # line of another header

    def items(self, line: Line) -> Iterator[Item]:
        """Take a line that is no header; yield what became whole."""
        if not line.text.strip():
            yield Skipped(line.number, "blank line", line.spans)
            return
        if not _DIGIT_FIRST.match(line.text):
            again = DIALECT.parse(line)
            if self._other is None and again == replace(self._header, line=line.number):
                yield Skipped(line.number, "header again", line.spans)
                return
            if self._other is None and (again is not None or _has_names(self._header, line)):
                self._other = line.number
        try:
            row = channel_row(self._header, line, self._other)
        except ValueError as error:
            yield self._refused(line, str(error))
            return
        is_full = self._rows >= MOST_ROWS or self._bytes >= MOST_BYTES
        if row.customer != self._customer or is_full:
            yield from self.flush(line.number)
        self._customer = row.customer
        day = self._held.setdefault(row.day, {})
        if row.channel in day:
            yield self._refused(line, f"a second {row.channel} row of customer {row.customer} on {row.day}")
            return
        day[row.channel] = row
        self._rows += 1
        self._bytes += len(line.data)

    def flush(self, following: int | None = None) -> Iterator[Item]:
        """Yield the held days of the customer.

        Args:
            following: Number of the line that follows; None at the end of the file.
        """
        held, self._held, self._rows, self._bytes = self._held, {}, 0, 0
        if self._customer is None:
            return
        number = self._customer
        customer = self._customers.setdefault(number, Customer(number, self._last_lines.get(number, 0)))
        ended = following is None or customer.last_line < following
        for day in sorted(held):
            rows = dict(sorted(held[day].items(), key=lambda each: each[1].line.begin))
            parts = [row.line for row in rows.values()]
            try:
                drafts = customer.drafts(rows, closes=ended and day == max(held))
            except ValueError as error:
                for part in parts:
                    yield self._refused(part, str(error))
                continue
            self._record += 1
            data = b"\n".join(part.data for part in parts)
            spans = tuple((part.begin, part.end) for part in parts)
            yield Accepted(self._record, parts[0].number, data, drafts, spans)

    def _refused(self, line: Line, reason: str) -> Refused:
        self._record += 1
        return Refused(self._record, line.number, line.data, reason, RULE, line.spans)


def read(stream: BinaryIO) -> Iterator[Item]:
    """Yield the items of a file: each customer's days, refused rows, and what was skipped.

    Args:
        stream: The file, decompressed; it is read twice.
    """
    head = stream.read(1 << 20)
    header = DIALECT.header(head)
    stream.seek(0)
    last_lines = _last_lines(stream)
    stream.seek(0)
    if header is None:
        for record, line in enumerate(lines(stream), start=1):
            yield Refused(record, line.number, line.data, "no header of this format", RULE, line.spans)
        return
    reader = _Reader(header, last_lines)
    for line in lines(stream):
        if line.number < header.line:
            yield Skipped(line.number, "line before the header", line.spans)
        elif line.number == header.line:
            yield Skipped(line.number, "header", line.spans)
        else:
            yield from reader.items(line)
    yield from reader.flush()


def _last_lines(stream: BinaryIO) -> dict[int, int]:
    """Return the number of the last line of each customer."""
    found: dict[int, int] = {}
    for line in lines(stream):
        text = re.split(rb"[,;\t]", line.text[:20], maxsplit=1)[0].strip(b'" ')
        if text.isdigit():
            found[int(text)] = line.number
    return found
