"""Rows of delimited text: each is given or refused by itself."""

import io

import pytest

from streams.readers.delimited import (
    LONGEST_LINE,
    Row,
    cells_of,
    first_line,
    header_cells,
    header_line,
    items,
    rows,
)
from streams.readers.formats import Accepted, EventDraft, Refused, Skipped


def read(data: bytes, columns: tuple[str, ...] = ("a", "b")) -> list[Row | int]:
    """Read rows in UTF-8."""
    return list(rows(io.BytesIO(data), columns, "utf-8"))


def test_quotes_are_understood() -> None:
    """A quoted cell may hold the delimiter and doubled quotes."""
    assert cells_of(b'"x,y","say ""hi"""', "utf-8") == ["x,y", 'say "hi"']


def test_a_quote_without_end_is_no_row() -> None:
    """It does not swallow the lines after it."""
    first, second = read(b'"x,1\ny,2\n')
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert first.problem is not None
    assert second.cells == {"a": "y", "b": "2"}


def test_a_line_that_does_not_end_is_bounded() -> None:
    """What is too long is refused with its beginning, and the next line is read."""
    first, second = read(b"x" * (3 * LONGEST_LINE) + b"\ny,2\n")
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert len(first.data) <= LONGEST_LINE + 2
    assert "more than" in (first.problem or "")
    assert (second.record, second.line, second.cells) == (2, 3, {"a": "y", "b": "2"})


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_line_ends_do_not_belong_to_the_header(end: bytes) -> None:
    """LF, CRLF or none."""
    assert header_line(io.BytesIO(b"a,b" + end)) == b"a,b"


def test_blank_lines_are_given_as_their_numbers() -> None:
    """Below the header, which is line 1."""
    assert [each if isinstance(each, int) else each.record for each in read(b"1,2\n\n3,4\n")] == [1, 3, 2]


def test_each_line_becomes_one_item_and_a_refused_row_costs_only_itself() -> None:
    """The reader of rows gets every row, those without cells too, and its ValueError is the reason."""
    places: list[int] = []

    def draft_of(row: Row) -> EventDraft:
        places.append(row.record)
        return EventDraft("topic", int(row.require_cells()["a"]), {"b": row.cells["b"]})

    stream = io.BytesIO("1,x\n\n2\nno,y\n4,ü\n".encode("cp1252"))
    found = list(items(stream, ("a", "b"), draft_of, "read-it@1", "cp1252"))
    assert found == [
        Accepted(1, 2, b"1,x", (EventDraft("topic", 1, {"b": "x"}),)),
        Skipped(3),
        Refused(2, 4, b"2", "expected 2 cells as in the header, got 1", "read-it@1"),
        Refused(3, 5, b"no,y", "invalid literal for int() with base 10: 'no'", "read-it@1"),
        Accepted(4, 6, b"4,\xfc", (EventDraft("topic", 4, {"b": "ü"}),)),
    ]
    assert places == [1, 2, 3, 4]


def test_a_header_is_its_names_alone() -> None:
    """Neither a byte order mark nor the spaces around a name belong to it."""
    head = "\ufeff a ;b \r\n1;2\r\n".encode()
    assert header_cells(first_line(head), delimiter=";") == ["a", "b"]
    with pytest.raises(ValueError, match="is not utf-8"):
        header_cells(b"\xfc")
