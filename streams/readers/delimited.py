"""Reads rows of delimited text, one per line, from any bytes.

A row that cannot be split (wrong encoding, an open quote, too few or too many cells, a line that is too long) is
yielded with the reason instead of its cells. Its neighbours are not affected. Line ends are LF or CRLF. A quoted line
break is not supported: the formats that use this reader have none.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped

LONGEST_LINE = 1 << 20
"""Longest line that is a row, in bytes. It bounds the memory for files without line ends."""


@dataclass(frozen=True, slots=True)
class Row:
    """A data row of the file.

    Attributes:
        record: Its number, from 1.
        line: Its line, from 1. The header is line 1.
        data: Its bytes, without the line end.
        cells: Its cells by column name. Empty if `problem` is set.
        problem: Why there are no cells.
    """

    record: int
    line: int
    data: bytes
    cells: dict[str, str]
    problem: str | None = None

    def require_cells(self) -> dict[str, str]:
        """Return the cells.

        Raises:
            ValueError: The row has none. The message is `problem`.
        """
        if self.problem is not None:
            raise ValueError(self.problem)
        return self.cells


RowReader = Callable[[Row], EventDraft]
"""Makes a row's event. Raises ValueError if the row cannot become one."""


def cells_of(line: bytes, encoding: str, delimiter: str = ",") -> list[str]:
    """Split a line into its cells.

    Args:
        line: The line, without its end.
        encoding: Name of the text encoding.
        delimiter: Separator of the cells.

    Raises:
        ValueError: It is not text in this encoding, or its quotes do not match.
    """
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} of the line is not {encoding}") from None
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise ValueError(f"not a CSV row: {error}") from None


def rows(
    stream: BinaryIO, columns: Sequence[str], encoding: str, delimiter: str = ","
) -> Iterator[Row | int]:
    """Read the rows below the header.

    Args:
        stream: The file, positioned behind its header line.
        columns: The header's cells.
        encoding: Name of the text encoding.
        delimiter: Separator of the cells.

    Yields:
        Rows in file order, and the line number of each blank line.
    """
    record = 0
    for number, data in _lines(stream, first=2):
        if not data.strip():
            yield number
            continue
        record += 1
        if len(data) > LONGEST_LINE:
            yield Row(record, number, data, {}, f"line of more than {LONGEST_LINE} bytes")
            continue
        try:
            cells = cells_of(data, encoding, delimiter)
        except ValueError as error:
            yield Row(record, number, data, {}, str(error))
            continue
        if len(cells) != len(columns):
            problem = f"expected {len(columns)} cells as in the header, got {len(cells)}"
            yield Row(record, number, data, {}, problem)
            continue
        yield Row(record, number, data, dict(zip(columns, cells, strict=True)))


def items(
    stream: BinaryIO,
    columns: Sequence[str],
    draft_of: RowReader,
    rule: str,
    encoding: str = "utf-8",
    delimiter: str = ",",
) -> Iterator[Item]:
    """Read the rows below the header as source records of one event each.

    Args:
        stream: The file, positioned behind its header line.
        columns: The header's cells.
        draft_of: Makes a row's event. It receives every row in file order, also those without cells.
        rule: The rule that refuses a row, `name@version`.
        encoding: Name of the text encoding.
        delimiter: Separator of the cells.

    Yields:
        One item for each line: accepted with its event, refused with the reason, or skipped as blank.
    """
    for row in rows(stream, columns, encoding, delimiter):
        if isinstance(row, int):
            yield Skipped(row)
            continue
        try:
            draft = draft_of(row)
        except ValueError as error:
            yield Refused(row.record, row.line, row.data, str(error), rule)
        else:
            yield Accepted(row.record, row.line, row.data, (draft,))


def first_line(head: bytes) -> bytes:
    """Return the header line of a file's first bytes, without its end."""
    return head.split(b"\n", 1)[0].rstrip(b"\r")


def header_cells(line: bytes, encoding: str = "utf-8", delimiter: str = ",") -> list[str]:
    """Return the column names of a header line, without a byte order mark and the spaces around them.

    Raises:
        ValueError: It is not text in this encoding, or its quotes do not match.
    """
    return [cell.removeprefix("\ufeff").strip() for cell in cells_of(line, encoding, delimiter)]


def header_line(stream: BinaryIO) -> bytes:
    """Read the header line, without its end."""
    return stream.readline(LONGEST_LINE).rstrip(b"\r\n")


def _lines(stream: BinaryIO, first: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines with their numbers. A line that is too long is truncated."""
    number = first
    while data := stream.readline(LONGEST_LINE + 2):
        rest = data
        while not rest.endswith(b"\n") and len(rest) == LONGEST_LINE + 2:
            rest = stream.readline(LONGEST_LINE + 2)
        yield number, data.rstrip(b"\r\n")
        number += 1
