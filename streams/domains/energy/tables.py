"""What the readers of this domain share: a CSV table whose rows become events one after the other. Pure.

One source record is one CSV data row. A row with values missing is accepted with nulls; what is odd is flagged;
refused is what cannot be parsed, what has no time, and what a meter cannot show (a gross register that goes back).
A row is read in its place in the file: registers count on from row to row, and a file without dates is dated by
counting its rows. So a refused row still has its place.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from schemas.names import topic_name
from streams.readers.delimited import Row, RowReader, first_line, header_cells, header_line, items
from streams.readers.formats import Accepted, EventDraft, Item

DOMAIN = "energy"
READING = topic_name(DOMAIN, "reading")

LONGEST_HOLD = 50_000
"""Items that are held back, at most, until it is known whether an accepted record is the file's last."""

Session = Callable[[Sequence[str], Path | None], RowReader]
"""Begins a file: gets its columns and its path, where that is known; raises ValueError."""


@dataclass(frozen=True, slots=True)
class Table:
    """How one format's table is told and read.

    Attributes:
        name: Name of the format.
        columns: Patterns of the columns that the format has, all of them; the first match of each counts.
        begin: Begins a file.
        alone: Whether there may be no other columns.
        metered: Whether its events are readings, of which the last closes the meter's session.
        shifted_with: Family of formats whose times are moved together.
    """

    name: str
    columns: tuple[str, ...]
    begin: Session
    alone: bool = False
    metered: bool = True
    shifted_with: str = ""

    @property
    def rule(self) -> str:
        """What refuses a row of this format."""
        return f"read-{self.name}@1"

    def matches(self, head: bytes) -> bool:
        """Tell whether a file begins like this format: all its columns are there, spelled with their units."""
        try:
            columns = header_cells(first_line(head))
        except ValueError:
            return False
        if self.alone and len(columns) != len(self.columns):
            return False
        return all(any(re.fullmatch(pattern, each) for each in columns) for pattern in self.columns)

    def read(self, stream: BinaryIO, path: Path | None = None) -> Iterator[Item]:
        """Read a file of this format, one item per data row."""
        found = self._items(stream, path)
        return _closed(found) if self.metered else found

    def _items(self, stream: BinaryIO, path: Path | None) -> Iterator[Item]:
        columns, draft_of = self._begin(stream, path)
        yield from items(stream, columns, draft_of, self.rule)

    def _begin(self, stream: BinaryIO, path: Path | None) -> tuple[Sequence[str], RowReader]:
        """Begin a file; where that fails, every row is refused for the same reason."""
        columns: Sequence[str] = ()
        try:
            columns = header_cells(header_line(stream))
            found = {pattern: _find(pattern, columns) for pattern in self.columns}
            draft_of = self.begin([found[pattern] for pattern in self.columns], path)
        except ValueError as error:
            return columns, _refusal(str(error))
        return columns, draft_of


def reading(meter: str, at_us: int, duration: str, fields: Mapping[str, Any]) -> EventDraft:
    """Make a reading of an interval's energy; fields that are not given are null."""
    base: dict[str, Any] = {
        "meter": meter,
        "community": None,
        "duration": duration,
        "accumulation": "DELTA",
        "import_wh": None,
        "export_wh": None,
        "consumption_wh": None,
        "generation_wh": None,
        "quality": "RAW",
        "closes": False,
        "flags": [],
    }
    return EventDraft(READING, at_us, {**base, **fields})


def not_negative(column: str, value: Fraction | None) -> Fraction | None:
    """Return the value of a register that counts one way.

    Raises:
        ValueError: It is negative.
    """
    if value is not None and value < 0:
        raise ValueError(f"column {column}: gross energy is never negative, got {float(value):g}")
    return value


def _find(pattern: str, columns: Sequence[str]) -> str:
    for column in columns:
        if re.fullmatch(pattern, column):
            return column
    raise ValueError(f"the table lacks the column {pattern.replace(chr(92), '')}")


def _refusal(reason: str) -> RowReader:
    def refuse(_: Row) -> EventDraft:
        raise ValueError(reason)

    return refuse


def _closed(items: Iterator[Item]) -> Iterator[Item]:
    """Let the last accepted record close its meter's session (docs/identity.md#closing-events).

    Behind an accepted record at most `LONGEST_HOLD` others are held back; a file that ends in more refused rows
    than that ends without closing.
    """
    held: list[Item] = []
    for item in items:
        if isinstance(item, Accepted) or len(held) > LONGEST_HOLD:
            yield from held
            held = []
        if isinstance(item, Accepted) or held:
            held.append(item)
        else:
            yield item
    if held:
        last, *rest = held
        yield _closing(last) if isinstance(last, Accepted) else last
        yield from rest


def _closing(item: Accepted) -> Accepted:
    *others, draft = item.drafts
    return replace(item, drafts=(*others, replace(draft, fields={**draft.fields, "closes": True})))
