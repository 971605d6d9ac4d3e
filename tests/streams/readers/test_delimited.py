"""Rows of delimited text: each is given or refused by itself, and every line is accounted for."""

import io
from collections.abc import Callable

import pytest

from streams.readers.delimited import Dialect, Header, Row, RowReader, cells_of, items
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.readers.lines import LONGEST_LINE

DIALECT = Dialect(frozenset({"a", "b"}).issubset)


def draft_of(row: Row) -> EventDraft:
    """Make the event of a row: `a` is its time, `b` a field."""
    return EventDraft("topic", int(row.require_cells()["a"]), {"b": row.cells["b"]})


def reader(_: Header) -> RowReader:
    """Return the reader of rows, whatever the header."""
    return draft_of


def read(data: bytes, dialect: Dialect = DIALECT, rows: Callable[[Header], RowReader] = reader) -> list[Item]:
    """Read a table."""
    return list(items(io.BytesIO(data), dialect, rows, "read-it@1"))


def kinds(found: list[Item]) -> str:
    """Tell the kinds of the items by their first letters."""
    return "".join(type(each).__name__[0] for each in found)


def test_quotes_are_understood() -> None:
    """A quoted cell may hold the delimiter and doubled quotes."""
    assert cells_of(b'"x,y","say ""hi"""', "utf-8") == ["x,y", 'say "hi"']


def test_a_quote_without_end_is_no_row() -> None:
    """It does not swallow the lines after it."""
    assert kinds(read(b'a,b\n"1,2\n3,4\n')) == "SRA"


def test_a_line_that_does_not_end_is_bounded() -> None:
    """What is too long is refused with its beginning and all its bytes, and the next line is read."""
    header, first, second = read(b"a,b\n" + b"x" * (3 * LONGEST_LINE) + b"\n7,2\n")
    assert isinstance(first, Refused)
    assert len(first.data) <= LONGEST_LINE + 2
    assert "more than" in first.reason
    assert first.spans == ((4, 3 * LONGEST_LINE + 5),)
    assert isinstance(second, Accepted)
    assert (second.record, second.line, second.drafts[0].occurred_at) == (2, 3, 7)
    assert header.spans == ((0, 4),)


def test_each_line_becomes_one_item_and_a_refused_row_costs_only_itself() -> None:
    """The reader of rows gets every row, those without cells too, and its ValueError is the reason."""
    places: list[int] = []

    def rows(_: Header) -> RowReader:
        def draft(row: Row) -> EventDraft:
            places.append(row.record)
            return draft_of(row)

        return draft

    data = "a,b\n1,x\n\n2\nno,y\n4,ü\n".encode("cp1252")
    assert read(data, Dialect(DIALECT.known, ("cp1252",)), rows) == [
        Skipped(1, "header", ((0, 4),)),
        Accepted(1, 2, b"1,x", (EventDraft("topic", 1, {"b": "x"}),), ((4, 8),)),
        Skipped(3, "blank line", ((8, 9),)),
        Refused(2, 4, b"2", "expected 2 cells as in the header, got 1", "read-it@1", ((9, 11),)),
        Refused(3, 5, b"no,y", "invalid literal for int() with base 10: 'no'", "read-it@1", ((11, 16),)),
        Accepted(4, 6, b"4,\xfc", (EventDraft("topic", 4, {"b": "ü"}),), ((16, 20),)),
    ]
    assert places == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "head",
    [
        b"a,b",
        b"a;b",
        b"a\tb",
        b'"a","b"',
        b'\xef\xbb\xbf"a","b"',
        b"\xef\xbb\xbfa,b",
        b" a , b ",
        b"Title,of it\n\na,b",
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\n\r"])
def test_a_header_is_found_however_it_is_written(head: bytes, end: bytes) -> None:
    """With another separator, quotes, a byte order mark, spaces, title lines, other line ends."""
    cells = b"1;x" if b";" in head else b"1\tx" if b"\t" in head else b"1,x"
    data = (head + b"\n" + cells + b"\n").replace(b"\n", end)
    assert DIALECT.matches(data)
    found = read(data)
    assert isinstance(found[-1], Accepted)
    assert found[-1].drafts[0].fields == {"b": "x"}
    assert {type(each) for each in found[:-1]} == {Skipped}
    assert found[-1].spans[-1][1] == len(data)


def test_tables_that_were_joined_are_read_on() -> None:
    """The same header again is skipped, with a byte order mark too."""
    found = read(b"a,b\n1,x\na,b\n2,y\n\xef\xbb\xbfa,b\n3,z\n")
    assert kinds(found) == "SASASA"
    assert found[2] == Skipped(3, "header again", ((8, 12),))


def test_rows_below_another_header_are_refused() -> None:
    """Their cells stand in another order: they would be read under the wrong names."""
    found = read(b"a,b\n1,x\nb,a\ny,2\n")
    assert kinds(found) == "SARR"
    assert isinstance(found[3], Refused)
    assert found[3].reason == "stands below another header (line 3): split the file there"


WIDE = Dialect(frozenset({"time", "pm2.5", "place"}).issubset, ("utf-8", "cp949"))


def times(header: Header) -> RowReader:
    """Return a reader of tables whose `time` is a whole number."""
    del header

    def draft(row: Row) -> EventDraft:
        return EventDraft("topic", int(row.require_cells()["time"]), dict(row.cells))

    return draft


@pytest.mark.parametrize(
    "other",
    [
        "pm2.5,time,place",  # a name with a digit first
        "place,pm2.5,time,",  # and a cell more
        "place;time;pm2.5",  # with another separator
        "pm2.5,time,place,측정소",  # in another encoding
        "breite,länge,name",  # unknown names
    ],
)
def test_another_header_is_found_however_it_is_written(other: str) -> None:
    """What stands below it is refused, and what stands below the first header again is read."""
    encoding = "cp949" if "측" in other else "utf-8"
    data = b"time,pm2.5,place\n1,2,x\n" + other.encode(encoding) + b"\n3,4,5\ntime,pm2.5,place\n6,7,y\n"
    assert kinds(read(data, WIDE, times)) == "SARRSA"


@pytest.mark.parametrize("row", ["NA,NA,NA", "-,-,-", "x,,", "a,a,a", ",,end of the file"])
def test_a_row_without_numbers_is_no_header(row: str) -> None:
    """Missing values and words refuse their own row only."""
    assert kinds(read(f"time,pm2.5,place\n{row}\n3,4,5\n".encode(), WIDE, times)) == "SRA"


def test_a_column_that_comes_twice_must_say_the_same() -> None:
    """Which of two different cells is meant, nobody knows."""
    found = read(b"a,b,b\n1,x,x\n2,x,y\n")
    assert kinds(found) == "SAR"
    assert isinstance(found[2], Refused)
    assert found[2].reason == "the table has the column b more than once, with different cells"


@pytest.mark.parametrize("data", [b"1,2\n", b"x\n" * 30 + b"a,b\n1,2\n"])
def test_without_a_header_every_line_is_refused(data: bytes) -> None:
    """A table whose header is missing or stands too far below is no table of the format."""
    assert not DIALECT.matches(data)
    assert {type(each) for each in read(data)} == {Refused}


def test_a_nul_is_told() -> None:
    """No table holds one: the file is damaged there."""
    (found,) = read(b"a,b\n1,\0\n")[1:]
    assert isinstance(found, Refused)
    assert found.reason == "character 3 of the line is NUL"
