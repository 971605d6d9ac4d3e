"""Rows of delimited text, one per line, whatever the bytes are.

A row that cannot be told (wrong encoding, a quote that does not end, too few or too many cells, a line
without end) is given with the reason instead of its cells; it never costs its neighbours. Line ends are LF
or CRLF. A quoted line break is not supported: the formats read with this have none.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

LONGEST_LINE = 1 << 20
"""Bytes above which a line is not taken for a row; bounds memory on files that have no line ends."""


@dataclass(frozen=True, slots=True)
class Row:
    """A data row of the file.

    Attributes:
        record: Its number, from 1.
        line: Its line, from 1; the header is line 1.
        data: Its bytes, without the line end.
        cells: Its cells by column name; empty when `problem` is set.
        problem: Why there are no cells.
    """

    record: int
    line: int
    data: bytes
    cells: dict[str, str]
    problem: str | None = None


def cells_of(line: bytes, encoding: str, delimiter: str = ",") -> list[str]:
    """Split a line into its cells.

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
        stream: The file behind its header line.
        columns: The header's cells.
        encoding: Name of the text encoding.
        delimiter: What stands between two cells.

    Yields:
        Rows in the file's order, and the line number of each blank line.
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


def header_line(stream: BinaryIO) -> bytes:
    """Read the header line, without its end."""
    return stream.readline(LONGEST_LINE).rstrip(b"\r\n")


def _lines(stream: BinaryIO, first: int) -> Iterator[tuple[int, bytes]]:
    """Number the lines; of one that is too long, only the beginning is kept."""
    number = first
    while data := stream.readline(LONGEST_LINE + 2):
        rest = data
        while not rest.endswith(b"\n") and len(rest) == LONGEST_LINE + 2:
            rest = stream.readline(LONGEST_LINE + 2)
        yield number, data.rstrip(b"\r\n")
        number += 1
