"""The cut of JSON texts: against the standard library on valid texts, and by its spans on any bytes."""

import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.readers import json_stream
from streams.readers.json_stream import Element, Envelope, cut, envelope, opening
from tests.properties import fewer

PATHS = [("body", "list"), ("events",), ()]

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
elements = st.lists(json_values, max_size=5)


class ShortReads(io.BytesIO):
    """A stream that returns a few bytes at a time, so that every token is split somewhere."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def read(self, _: int | None = -1, /) -> bytes:
        """Return at most as many bytes as this stream has been made for."""
        return super().read(self._size)


def parts(data: bytes, size: int = 1 << 18, **limits: int) -> tuple[list[Element], Envelope]:
    """Cut a text. Check that every byte belongs to one part."""
    *found, last = cut(ShortReads(data, size), PATHS, **limits)
    assert isinstance(last, Envelope)
    cut_out = [each for each in found if isinstance(each, Element)]
    assert len(cut_out) == len(found)
    spans = sorted([*(each.span for each in cut_out), *last.spans])
    assert [0, *(end for _, end in spans)] == [*(begin for begin, _ in spans), len(data)]
    for each in cut_out:
        begin, end = each.span
        assert data[begin:end].startswith(each.data)
        assert each.line == 1 + data[:begin].count(b"\n")
    return cut_out, last


@fewer(4)
@given(elements, json_values, st.sampled_from([None, 0, 3]), st.integers(1, 9), st.booleans())
def test_a_valid_text_is_cut_into_its_elements(
    values: list[Any], other: Any, indent: int | None, size: int, behind: bool
) -> None:
    """However it is laid out, wherever its arrays stand, and however few bytes are read at a time."""
    around = {"a": other, "body": {"x": [other], "list": values, "y": other}, "b": other}
    emptied: Any
    for whole, emptied in [
        (around, {**around, "body": {"x": [other], "list": [], "y": other}}),
        ({"events": values, "n": other} if behind else {"n": other, "events": values}, None),
        (values, []),
    ]:
        text = json.dumps(whole, indent=indent, ensure_ascii=behind).encode("utf-8", "surrogatepass")
        found, left = parts(text, size)
        assert [json.loads(each.data.decode("utf-8", "surrogatepass")) for each in found] == values
        assert [each.problem for each in found] == [None] * len(values)
        assert left.problem is None
        if emptied is not None:
            assert json.loads(left.data.decode("utf-8", "surrogatepass")) == emptied
        assert (found, left) == parts(text)


@fewer(2)
@given(elements, st.data())
def test_a_mutated_text_keeps_all_its_bytes(values: list[Any], data: st.DataObject) -> None:
    """The parts do not depend on where the reads end."""
    text = bytearray(json.dumps({"body": {"list": values}, "n": 1}).encode("utf-8", "surrogatepass"))
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(begin, min(begin + 9, len(text))))
        text[begin:end] = data.draw(
            st.sampled_from([b"", b"\x00", b'"', b"\\", b"\n", b"{", b"]", b",", b"}", b"\xff", b"\r"])
            | st.just(bytes(text[begin:end]) * 2)
        )
    text = text.replace(b"\r", b" ")
    assert parts(bytes(text)) == parts(bytes(text), data.draw(st.integers(1, 9)))


@given(st.binary(max_size=60), st.integers(1, 9))
def test_any_bytes_are_accounted_for(data: bytes, size: int) -> None:
    """Also what is no JSON at all."""
    data = data.replace(b"\r", b" ")
    assert parts(data) == parts(data, size)


@pytest.mark.parametrize(
    ("text", "elements", "problem"),
    [
        (b"", [], "the text is empty"),
        (b"nonsense", [], None),  # its envelope does not parse
        (b'{"events": 3}', [], None),
        (b'{"ev\\u0065nts": [1]}', [("1", None)], None),
        (b"[1 2]", [("1", None), ("2", "no comma stands before it")], None),
        (b"[1,]", [("1", "no value stands behind its comma")], None),
        (b"[,1]", [(",", "expected a value, got ,"), ("1", "no comma stands before it")], None),
        (b'[{"a": [1}, {"b": 2}]', [('{"a": [1}', None), ('{"b": 2}', None)], None),
        (b'[{"a": 1]}, {"b": 2}]', [('{"a": 1]}', None), ('{"b": 2}', None)], None),
        (b'[{"a": "x\n}, {"b": 2}]', [('{"a": "x\n}', None), ('{"b": 2}', None)], None),
        (b"[1, 2", [("1", None), ("2", None)], "the text ends inside the list of its top level"),
        (b"[1, ", [("1", None)], "the text ends inside the list of its top level"),
        (b'[1, {"a": ', [("1", None), ('{"a": ', "the text ends inside this value")], "the text ends inside"),
        (b"[1] [2]", [("1", None)], "the text goes on behind its value, on line 1"),
        (b'{"events": [1], "events": [2]}', [("1", None), ("2", None)], None),  # the parse refuses it
        (b'{"events": [1], }', [("1", None)], None),
        (b'{"events": [1], 2}', [("1", None)], "line 1: expected a member's name, got '2'"),
        (b'{"events": [1] "n": 2}', [("1", None)], "line 1: expected , or } behind a member, got '\"'"),
        (b'\xef\xbb\xbf{"events": [1]}', [("1", None)], None),
    ],
)
def test_damage_is_named_where_the_cut_shows_it(
    text: bytes, elements: list[tuple[str, str | None]], problem: str | None
) -> None:
    """A damaged element leaves the others whole wherever its end can be told."""
    found, left = parts(text)
    assert [(each.data.decode(), each.problem) for each in found] == elements
    assert (left.problem is None) == (problem is None)
    assert (left.problem or "").startswith(problem or "")
    assert not left.data.startswith(b"\xef\xbb\xbf")


def test_a_line_ends_with_any_line_end() -> None:
    """CR, LF and CRLF, also where a read splits them."""
    found, _ = parts(b"[1,\n2]")
    assert [each.line for each in found] == [1, 2]
    for size in (1, 2, 3, 100):
        *cut_out, _ = cut(ShortReads(b"[1,\r\n2,\r3,\n4]", size), PATHS)
        assert [each.line for each in cut_out] == [1, 2, 3, 4]


def test_an_element_above_the_limit_is_named_and_not_kept() -> None:
    """So is an envelope."""
    found, left = parts(b'[1, "' + b"x" * 50 + b'", {"a": [' + b"2," * 50 + b"3]}, 4]", 7, largest_element=40)
    assert [each.problem for each in found] == [
        None,
        "a value of 52 bytes, read are at most 40",
        "a value of 110 bytes, read are at most 40",
        None,
    ]
    assert left.problem is None
    _, left = parts(b'{"n": "' + b"x" * 99 + b'", "events": []}', largest_envelope=40)
    assert left.problem == "what stands around the list is of 122 bytes, read are at most 40"


def test_200_000_levels_end_with_their_element() -> None:
    """No recursion follows the text's nesting."""
    deep = b"[" * 200_000 + b"]" * 200_000
    found, left = parts(b'{"events": [1, ' + deep + b", 2]}")
    assert [each.data for each in found] == [b"1", deep, b"2"]
    assert left.problem is None


def test_memory_does_not_grow_with_the_text() -> None:
    """A string without an end is read through, and only its beginning kept."""

    class Endless(io.RawIOBase):
        """A text of 30 MB."""

        left = 3_000

        def read(self, _: int = -1, /) -> bytes:
            """Return the beginning of an object, then further text of one string."""
            self.left -= 1
            return b'[{"a": "' if self.left == 2_999 else b"x" * 10_000 if self.left > 0 else b""

    tracemalloc.start()
    *found, _ = cut(Endless(), [()])  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 1
    assert peak < 4 * json_stream.LARGEST_ELEMENT
    assert found[0].problem is not None


def test_the_envelope_can_be_had_alone() -> None:
    """Its arrays are empty."""
    found = envelope(io.BytesIO(b' {"a": 1, "events": [{}, {}], "b": 2}'), PATHS)
    assert json.loads(found.data) == {"a": 1, "events": [], "b": 2}
    assert found.arrays == (("events",),)


@pytest.mark.parametrize("size", [1, 5, 100])
def test_the_opening_is_a_text_of_its_own(size: int) -> None:
    """It is closed where the first element begins, and nothing behind that is read."""
    text = b'\xef\xbb\xbf{"a": [1], "body": {"x": {}, "list": [{"b": 2}, '
    found = opening(ShortReads(text, size), PATHS)
    assert found is not None
    assert json.loads(found) == {"a": [1], "body": {"x": {}, "list": []}}
    for none in (b'{"a": 1}', b'{"events": []}', b'{"a": ', b""):
        assert opening(ShortReads(none, size), PATHS) is None
