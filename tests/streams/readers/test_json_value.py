"""JSON of unknown origin: RFC 8259 is read, extensions of it are refused with one line."""

import pytest

from streams.readers.json_value import DEEPEST, DuplicateNameError, JsonError, parse


def test_a_value_is_read() -> None:
    """With a byte order mark and surrogate pairs."""
    assert parse(b'\xef\xbb\xbf{"a": [1, -0.5, "\\ud83d\\ude80", null, true]}') == {
        "a": [1, -0.5, "\U0001f680", None, True]
    }


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"[1,]", b"{'a': 1}", b"01", b"1 2", b"NaN", b"[Infinity]", b"[-Infinity]", b'"\n"'),
        *(b'"\\ud800"', b'["\\uDC00"]', b'{"\\uD800": 1}', b'"\xff"', b'"\xed\xa0\x80"', b"9" * 5_000),
    ],
)
def test_what_is_no_json_is_refused(text: bytes) -> None:
    """Each reason is one line."""
    with pytest.raises(JsonError, match=r"^not JSON: [^\n]+$"):
        parse(text)


@pytest.mark.parametrize("text", [b'{"a": 1, "a": 1}', b'[{"b": {"a": 1, "\\u0061": 2}}]'])
def test_a_name_that_stands_twice_is_refused(text: bytes) -> None:
    """At any depth and in any spelling."""
    with pytest.raises(DuplicateNameError, match="'a' stands twice"):
        parse(text)


def test_nesting_is_bounded() -> None:
    """However deep a text is, the parser ends with an error."""
    assert parse(b"[" * DEEPEST + b"]" * DEEPEST)
    for depth in (DEEPEST + 1, 5_000, 200_000):
        with pytest.raises(JsonError, match="nest"):
            parse(b"[" * depth + b"]" * depth)
        with pytest.raises(JsonError, match="nest"):
            parse(b'{"a":' * depth + b"1" + b"}" * depth)


def test_the_text_of_a_number_can_be_kept() -> None:
    """Digits are lost in a `float`."""
    assert parse(b"[1e400, 10.00, 5]", number=str) == ["1e400", "10.00", 5]
