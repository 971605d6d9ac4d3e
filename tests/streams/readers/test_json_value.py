"""JSON of unknown origin: RFC 8259 is read, extensions of it are refused with one line."""

import pytest

from streams.readers.json_value import DEEPEST, DuplicateNameError, JsonError, dump, parse


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


@pytest.mark.parametrize(
    "number", ["1e400", "10.00", "5", "-0", "0.12345678901234567890123", "1E-7", "12" * 30]
)
def test_a_number_can_be_kept_as_it_was_written(number: str) -> None:
    """A `float` loses digits, and the infinite ones."""
    text = f'{{"a": [{number}], "\u00e9\\n": "\u00e9"}}'
    value = parse(text.encode(), exact=True)
    assert dump(value) == text
    assert float(value["a"][0]) == float(number)


def test_members_are_written_in_order_of_their_names() -> None:
    """Equal objects give equal texts."""
    assert (
        dump(parse(b'{"b":1,"a":{"d":null,"c":[true, 2.5]}}'))
        == '{"a": {"c": [true, 2.5], "d": null}, "b": 1}'
    )
