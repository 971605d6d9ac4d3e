"""The door sees the same tokens as the engine."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.clickhouse.errors import RefusedError
from infra.clickhouse.sql_lexer import tokens


def _texts(sql: str) -> list[str]:
    return [token.text.decode() for token in tokens(sql.encode())]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 'it''s -- no comment'", ["SELECT", "'it''s -- no comment'"]),
        ("SELECT 'a\\'b' /* c ' */ , 1 -- d '\n+2", ["SELECT", "'a\\'b'", ",", "1", "+", "2"]),
        ("SELECT $$ it's $$, $t$ ' $t$", ["SELECT", "$$ it's $$", ",", "$t$ ' $t$"]),
        ('SELECT `a``b`, "c"', ["SELECT", "`a``b`", ",", '"c"']),
        ("a\u00a0(1)", ["a", "(", "1", ")"]),
        ("SELECT ‘it's’ + 1", ["SELECT", "‘it's’", "+", "1"]),
        ("SELECT # c '\n1", ["SELECT", "1"]),
    ],
)
def test_strings_comments_and_names_end_where_the_engine_ends_them(sql: str, expected: list[str]) -> None:
    """Each token comes out whole, and no comment or string swallows code."""
    assert _texts(sql) == expected


def test_a_quoted_name_is_read_with_its_escapes_undone() -> None:
    """Hexadecimal escapes in a name spell it all the same."""
    assert [token.name for token in tokens(rb"`fi\x6ce`")] == ["file"]


@given(st.binary(max_size=200))
def test_any_bytes_have_tokens_in_order(data: bytes) -> None:
    """The lexer takes or refuses whatever comes, never moves back, and ends."""
    at = 0
    with contextlib.suppress(RefusedError):
        for token in tokens(data):
            assert at <= token.start < token.end <= len(data)
            at = token.end
