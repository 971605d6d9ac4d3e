"""Reads CSV tables whose rows become events one after the other; shared by the readers of this domain. Pure.

One source record is one CSV data row. A row with missing values is accepted with nulls; anomalies are flagged. A row
is refused if it cannot be parsed, has no time, or shows the impossible (a gross register that goes back). The order of
rows matters: registers count on from row to row, and in a file without dates the row's number gives its date. So a
refused row is counted as well.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from schemas.names import topic_name
from streams.readers.delimited import Dialect, Header, RowReader, items
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped, size_of

DOMAIN = "energy"
READING = topic_name(DOMAIN, "reading")

LONGEST_HOLD = 50_000
"""Most items that are held back until it is known whether an accepted record is the file's last."""

LARGEST_HOLD = 16 << 20
"""Most bytes of these items."""

HEADER_AGAIN = "header again"
"""Reason with which `streams.readers.delimited` skips a repeated header."""

RowReaderFactory = Callable[[Sequence[str], Path | None], RowReader]
"""Returns the row reader of a file, by its columns and its path (None if unknown); raises ValueError."""


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Layout of one format's table.

    Attributes:
        name: Name of the format.
        columns: Pattern of each column of the format; the first match counts.
        row_reader: Returns the row reader of a file.
        alone: Whether other columns exclude the format.
        metered: Whether its events are readings; the last reading then closes the meter's session.
        counted: Whether a row's number gives its date. Rows below a repeated header are refused: theirs is not known.
        shifted_with: Shift group of the format; empty if it is shifted alone.
    """

    name: str
    columns: tuple[str, ...]
    row_reader: RowReaderFactory
    alone: bool = False
    metered: bool = True
    counted: bool = False
    shifted_with: str = ""

    @property
    def rule(self) -> str:
        """Rule that refuses a row of this format, `name@version`."""
        return f"read-{self.name}@1"

    @property
    def dialect(self) -> Dialect:
        """How tables of this format are written."""
        return Dialect(self._known)

    def matches(self, head: bytes) -> bool:
        """Return whether a file has this format: its header has every column, spelled with its unit.

        Args:
            head: First bytes of the file.
        """
        return self.dialect.matches(head)

    def read(self, stream: BinaryIO, path: Path | None = None) -> Iterator[Item]:
        """Yield one item per line of a file of this format.

        Args:
            stream: The file, decompressed.
            path: Path of the file; None if unknown.
        """
        found = items(stream, self.dialect, partial(self._row_reader, path), self.rule)
        found = _to_header_again(found, self.rule) if self.counted else found
        return _closed(found) if self.metered else found

    def _known(self, cells: Sequence[str]) -> bool:
        if self.alone and len(cells) != len(self.columns):
            return False
        return all(any(re.fullmatch(pattern, each) for each in cells) for pattern in self.columns)

    def _row_reader(self, path: Path | None, header: Header) -> RowReader:
        return self.row_reader([_find(pattern, header.columns) for pattern in self.columns], path)


def reading(meter: str, at_us: int, duration: str, fields: Mapping[str, Any]) -> EventDraft:
    """Return the draft of a reading.

    Args:
        meter: Name of the meter.
        at_us: Start of the interval, µs since 1970 UTC.
        duration: Length of the interval, ISO 8601.
        fields: Further fields; absent quantities are null.
    """
    base: dict[str, Any] = {
        "meter": meter,
        "community": None,
        "zone": None,
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
    """Return a value of gross energy.

    Raises:
        ValueError: The value is negative.
    """
    if value is not None and value < 0:
        raise ValueError(f"column {column}: gross energy is never negative, got {float(value):g}")
    return value


def _find(pattern: str, columns: Sequence[str]) -> str:
    for column in columns:
        if re.fullmatch(pattern, column):
            return column
    raise ValueError(f"the table lacks the column {pattern.replace(chr(92), '')}")


def _to_header_again(items: Iterator[Item], rule: str) -> Iterator[Item]:
    """Refuse what is accepted below a repeated header: a second file begins there, whose rows count from 1."""
    line: int | None = None
    for item in items:
        if line is None and isinstance(item, Skipped) and item.reason == HEADER_AGAIN:
            line = item.line
        if line is not None and isinstance(item, Accepted):
            reason = (
                f"below a repeated header (line {line}) the row's number gives no date: split the file there"
            )
            yield Refused(item.record, item.line, item.data, reason, rule, item.spans)
        else:
            yield item


def _closed(items: Iterator[Item]) -> Iterator[Item]:
    """Set `closes` on the last accepted record, which ends its meter's session (docs/identity.md#closing-events).

    At most `LONGEST_HOLD` items of `LARGEST_HOLD` bytes are held back after an accepted record. A file that ends in
    more refused rows than that ends without a closing event.
    """
    held: list[Item] = []
    size = 0
    for item in items:
        if isinstance(item, Accepted) or len(held) > LONGEST_HOLD or size > LARGEST_HOLD:
            yield from held
            held, size = [], 0
        if isinstance(item, Accepted) or held:
            held.append(item)
            size += size_of(item)
        else:
            yield item
    if held:
        last, *rest = held
        yield _closing(last) if isinstance(last, Accepted) else last
        yield from rest


def _closing(item: Accepted) -> Accepted:
    *others, draft = item.drafts
    return replace(item, drafts=(*others, replace(draft, fields={**draft.fields, "closes": True})))
