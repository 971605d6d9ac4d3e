"""Reads rows of delimited text, one per line, from any bytes.

A table begins with its header: the first of the leading lines that has the format's columns. Title lines before it are
skipped with a reason. A row that cannot be split (wrong encoding, an open quote, too few or too many cells, a line that
is too long) is yielded with the reason instead of its cells. Its neighbours are not affected. A quoted line break is
not supported: the formats that use this reader have none.

Tables that were joined have headers in the middle. The same header again is skipped. Behind another header every row is
refused: its cells would be read under the wrong names. A refused line is taken for another header if it is one of the
format in any encoding and with any separator, or if it holds names alone.
"""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO

from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.readers.lines import BOM, LONGEST_LINE, Line, lines

HEADER_LINES = 20
"""Leading lines, blank ones included, in which the header is looked for."""

LEAST_NAMES = 3
"""Different names that a line must have to be taken for a header of unknown columns."""

LONGEST_HEADER = 1 << 15
"""Longest line that can be a header, in bytes."""

DELIMITERS = (",", ";", "\t")
"""Separators of cells that are tried on a header, the format's own one first."""


@dataclass(frozen=True, slots=True)
class Row:
    """A data row of the file.

    Attributes:
        record: Its number, from 1.
        line: Its line, from 1.
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


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a table.

    Attributes:
        line: Its line, from 1.
        columns: Its cells, without a byte order mark and the spaces around them.
        encoding: Name of the table's text encoding.
        delimiter: Separator of the table's cells.
    """

    line: int
    columns: tuple[str, ...]
    encoding: str
    delimiter: str

    def require(self, columns: Collection[str]) -> None:
        """Refuse a table that lacks a column.

        Raises:
            ValueError: It has not all of these. The message names those that it lacks.
        """
        absent = ", ".join(sorted(set(columns) - set(self.columns)))
        if absent:
            raise ValueError(f"the table lacks the column {absent}")


_NO_DIGIT = re.compile(r"\D*")
_NO_VALUE = frozenset(("", "-", "na", "n/a", "nan", "null", "none", "missing"))
_DIGIT_FIRST = re.compile(rb'[\s"]*[-+]?\d')

Known = Callable[[Sequence[str]], bool]
"""Returns True if cells are the header of a format."""

RowReader = Callable[[Row], EventDraft]
"""Makes a row's event. Raises ValueError if the row cannot become one."""

RowReaderFactory = Callable[[Header], RowReader]
"""Returns the reader of a table's rows. Raises ValueError if the table has none: every row is refused with its text."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a format's tables are written.

    Attributes:
        known: Returns True for the cells of its header.
        encodings: Text encodings, in the order in which they are tried on the header.
        delimiter: Separator of cells; others of `DELIMITERS` are tried after it.
        column_name: Normalises the name of a column.
    """

    known: Known
    encodings: tuple[str, ...] = ("utf-8",)
    delimiter: str = ","
    column_name: Callable[[str], str] = str.strip

    def header(self, head: bytes) -> Header | None:
        """Return the header of a table, None if the format's columns stand in no leading line.

        Args:
            head: First bytes of the file. Their last line may be cut.
        """
        for line in islice(lines(io.BytesIO(head)), HEADER_LINES):
            found = self.parse(line)
            if found is not None:
                return found
        return None

    def parse(self, line: Line) -> Header | None:
        """Return the header that a line is, None if it is none of this format."""
        if not line.data.strip() or len(line.data) > LONGEST_HEADER:
            return None
        for delimiter in (self.delimiter, *(each for each in DELIMITERS if each != self.delimiter)):
            for encoding in self.encodings:
                try:
                    columns = self.columns(line, encoding, delimiter)
                except ValueError:
                    continue
                if self.known(columns):
                    return Header(line.number, columns, encoding, delimiter)
        return None

    def columns(self, line: Line, encoding: str, delimiter: str) -> tuple[str, ...]:
        """Return the column names of a header line.

        Raises:
            ValueError: It is not text in this encoding, or its quotes do not match.
        """
        return tuple(map(self.column_name, cells_of(line.data, encoding, delimiter)))

    def matches(self, head: bytes) -> bool:
        """Return True if a file's first bytes have the header of this format."""
        return self.header(head) is not None


def cells_of(line: bytes, encoding: str, delimiter: str = ",") -> list[str]:
    """Split a line into its cells.

    Args:
        line: The line, without its end. A byte order mark does not belong to its first cell.
        encoding: Name of the text encoding.
        delimiter: Separator of the cells.

    Raises:
        ValueError: It is not text in this encoding, it holds a NUL, or its quotes do not match.
    """
    try:
        text = line.removeprefix(BOM).decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} of the line is not {encoding}") from None
    if "\0" in text:
        raise ValueError(f"character {text.index(chr(0)) + 1} of the line is NUL")
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise ValueError(f"not a CSV row: {error}") from None


def items(stream: BinaryIO, dialect: Dialect, row_reader: RowReaderFactory, rule: str) -> Iterator[Item]:
    """Read a table as source records of one event each.

    Args:
        stream: The file, at its beginning.
        dialect: How the format's tables are written.
        row_reader: Returns the reader of the rows below a header. The reader receives every row in file order, also
            those without cells.
        rule: The rule that refuses a row, `name@version`.

    Yields:
        One item for each line: accepted with its event, refused with the reason, or skipped as header, title or blank.
    """
    found = lines(stream)
    leading, header = _leading(found, dialect)
    if header is None:
        table = _Table.without_header(dialect)
    else:
        table = _Table(dialect, header, row_reader)
        for line in leading:
            yield Skipped(line.number, _what(line, header), line.spans)
        leading = []
    record = 0
    for line in chain(leading, found):
        if not line.text.strip():
            yield Skipped(line.number, "blank line", line.spans)
            continue
        if table.repeated(line):
            yield Skipped(line.number, "header again", line.spans)
            continue
        record += 1
        row = table.row(record, line)
        try:
            draft = table.draft_of(row)
        except ValueError as error:
            table.refused(line, row)
            yield Refused(record, line.number, line.data, str(error), rule, line.spans)
        else:
            yield Accepted(record, line.number, line.data, (draft,), line.spans)


def _leading(found: Iterator[Line], dialect: Dialect) -> tuple[list[Line], Header | None]:
    """Take the lines to the header. Return them with the header, or `HEADER_LINES` lines and None."""
    leading = []
    for line in islice(found, HEADER_LINES):
        leading.append(line)
        header = dialect.parse(line)
        if header is not None:
            return leading, header
    return leading, None


def _what(line: Line, header: Header) -> str:
    if line.number == header.line:
        return "header"
    return "line before the header" if line.text.strip() else "blank line"


class _Table:
    """The table that is read: its header, and the reader of its rows."""

    def __init__(self, dialect: Dialect, header: Header, row_reader: RowReaderFactory) -> None:
        self._dialect = dialect
        self._header = header
        self._length = sum(map(len, header.columns))
        self._names = frozenset(header.columns)
        named = [each for each in header.columns if each]
        self._twice = sorted({each for each in named if named.count(each) > 1})
        self._other: int | None = None  # line of another header
        try:
            self.draft_of = row_reader(header)
        except ValueError as error:
            self.draft_of = _refusal(str(error))

    @classmethod
    def without_header(cls, dialect: Dialect) -> "_Table":
        """Return the table of a file whose leading lines have no header: every row is refused."""
        return cls(dialect, Header(0, (), "latin-1", ","), lambda _: _refusal("no header of this format"))

    def repeated(self, line: Line) -> bool:
        """Return True if a line is the table's header again. The rows below it are read, whatever stood before."""
        if not self._length or len(line.data) < self._length or _DIGIT_FIRST.match(line.data):
            return False
        try:
            columns = self._dialect.columns(line, self._header.encoding, self._header.delimiter)
        except ValueError:
            return False
        if columns != self._header.columns:
            return False
        self._other = None
        return True

    def row(self, record: int, line: Line) -> Row:
        """Return a line's row, with its cells or with the reason why it has none."""
        try:
            cells = self._cells(line)
        except ValueError as error:
            return Row(record, line.number, line.data, {}, str(error))
        return Row(record, line.number, line.data, dict(zip(self._header.columns, cells, strict=True)))

    def _cells(self, line: Line) -> list[str]:
        """Split a line into as many cells as the header has.

        Raises:
            ValueError: It has others, or is another header, or stands below one.
        """
        if len(line.data) > LONGEST_LINE:
            raise ValueError(f"line of more than {LONGEST_LINE} bytes")
        if self._other is not None:
            raise ValueError(f"stands below another header (line {self._other}): split the file there")
        header = self._header
        cells = cells_of(line.data, header.encoding, header.delimiter)
        if (_NO_DIGIT.fullmatch(cells[0]) or not self._names.isdisjoint(cells)) and self._known(cells):
            self._other = line.number
            raise ValueError("another header of this format: split the file here")
        if len(cells) != len(header.columns):
            raise ValueError(f"expected {len(header.columns)} cells as in the header, got {len(cells)}")
        for name in self._twice:
            if len({cell for column, cell in zip(header.columns, cells, strict=True) if column == name}) > 1:
                raise ValueError(f"the table has the column {name} more than once, with different cells")
        return cells

    def _known(self, cells: Sequence[str]) -> bool:
        return self._dialect.known([self._dialect.column_name(each) for each in cells])

    def refused(self, line: Line, row: Row) -> None:
        """Look at a refused line: if it is another header, the rows below it are refused, too.

        It may be written in another encoding or with other separators, or have names that nobody knows.
        """
        if self._other is None and (self._dialect.parse(line) is not None or _names_alone(row)):
            self._other = line.number


def _names_alone(row: Row) -> bool:
    """Return True if a row of the right width holds different names, and no number and no missing value."""
    cells = [cell.strip().lower() for cell in row.cells.values()]
    if len(cells) < LEAST_NAMES or any(map(str.isdigit, "".join(cells))):
        return False
    names = {cell for cell in cells if cell not in _NO_VALUE}
    return len(names) >= max(LEAST_NAMES, len(cells) * 2 // 3)


def _refusal(reason: str) -> RowReader:
    def refuse(_: Row) -> EventDraft:
        raise ValueError(reason)

    return refuse
