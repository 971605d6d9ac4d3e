"""The lexer draws the engine's own borders, or refuses: `tokenizeQuery` is the judge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.clickhouse.errors import RefusedError
from infra.clickhouse.sql_lexer import tokens
from tests.infra.clickhouse.server.asking import ask

if TYPE_CHECKING:
    from tests.harness.engine import ClickHouse

_KINDS = {"BareWord": "word", "QuotedIdentifier": "quoted", "StringLiteral": "string", "HereDoc": "string"}
_PIECES = [
    *(
        "'",
        '"',
        "`",
        "\\",
        "''",
        "\\'",
        "$",
        "$$",
        "$a$",
        "$1$",
        "# ",
        "#!",
        "#",
        "--",
        "-",
        "//",
        "/",
        "/*",
        "*/",
        "*",
    ),
    *(
        "\n",
        "\r",
        "\t",
        " ",
        "\v",
        "\u00a0",
        "\u200b",
        "\ufeff",
        "\u2028",
        "\u2060",
        "\u0085",
        "\u1680",
        "\x00",
        "\x1a",
    ),
    *(
        "‘",
        "’",
        "“",
        "”",
        "−",
        "x'",
        "b'",
        "X'4f'",
        "b'01'",
        "0x",
        "0b1",
        "1e",
        "1e-",
        ".",
        "..",
        "1",
        ".5",
        "1_0",
        "_",
    ),
    *(
        "file",
        "SELECT",
        "a",
        "é",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ";",
        "\\G",
        "->",
        "<=>",
        "||",
        "|>",
        "::",
        "@@",
        "!",
        "!=",
    ),
    *("=", "==", "<>", "?", ":", "|", "@", "^", "~", "&", "%", ",", "p", "e", "x", "b", "X", "+"),
]
_texts = st.lists(st.sampled_from(_PIECES), max_size=14).map(lambda pieces: "".join(pieces).encode())
_bytes = st.lists(
    st.one_of(st.sampled_from(_PIECES).map(str.encode), st.binary(max_size=2)), max_size=10
).map(b"".join)


def _engine(door: ClickHouse, texts: list[bytes]) -> list[list[tuple[int, int, str]]]:
    """Return the engine's tokens of each text: begin, end, type."""
    sql = "SELECT tokenizeQuery(unhex(h)) AS t FROM (SELECT arrayJoin({texts:Array(String)}) AS h) FORMAT JSONEachRow"
    given_texts = "[" + ",".join(f"'{text.hex()}'" for text in texts) + "]"
    answer = ask(door, sql.encode(), param_texts=given_texts)
    assert answer.status == 200, answer.text
    rows = [json.loads(line)["t"] for line in answer.text.splitlines()]
    return [[(row["begin"], row["end"], row["type"]) for row in rows_of_text] for rows_of_text in rows]


def _expected(found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]] | None:
    """Return the tokens that matter; None if the engine's lexer finds an error."""
    if any(kind.startswith("Error") for _, _, kind in found):
        return None
    rest = [row for row in found if row[2] not in ("Whitespace", "Comment")]
    return [
        (begin, end, _KINDS.get(kind, "number" if kind == "Number" else "sign")) for begin, end, kind in rest
    ]


def _ours(text: bytes) -> list[tuple[int, int, str]] | None:
    try:
        return [(token.start, token.end, token.kind) for token in tokens(text)]
    except RefusedError:
        return None


def _compare(door: ClickHouse, texts: list[bytes]) -> None:
    for text, found in zip(texts, _engine(door, texts), strict=True):
        ours = _ours(text)
        if ours is not None:
            assert ours == _expected(found), text


@settings(max_examples=30)
@given(texts=st.lists(st.one_of(_texts, _bytes), min_size=20, max_size=40))
def test_the_lexer_reads_what_the_engine_reads_or_refuses(clickhouse: ClickHouse, texts: list[bytes]) -> None:
    """No text has another border for the engine than for us; what the engine does not read, we refuse."""
    _compare(clickhouse, texts)


def test_every_pair_and_triple_of_signs_is_read_as_the_engine_reads_it(clickhouse: ClickHouse) -> None:
    """All pairs of pieces, and all triples of what opens and closes quotes and comments, exhaustively."""
    core = ["'", "/", "*", "-", "\n", "$", "#", " ", "`", "\\", "x", "1", "."]
    texts = [f"{a}{b}".encode() for a in _PIECES for b in _PIECES]
    texts += [
        f"{a}{b}{c}{d}".encode() for a in core for b in core for c in core for d in ("", "'", "/*", "\n1")
    ]
    for at in range(0, len(texts), 500):
        _compare(clickhouse, texts[at : at + 500])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 // it's\n, 2",
        "SELECT /* /* it's */ ' */ 1",
        "SELECT $a$ ' $a$, # ' \n 2",
        "SELECT x'4f', b'01', 1_000, 0x1p-3, t.1.2, 1e5",
        "SELECT \u201ca b\u201d, \u2018it's\u2019, \u22121\ufeff",
        'SELECT a->b, c::Int8, d <=> e, f || g, @@h FROM `t`."u" WHERE {p:String} = ?',
    ],
)
def test_ordinary_texts_are_read(clickhouse: ClickHouse, sql: str) -> None:
    """What the engine reads is not refused either."""
    (found,) = _engine(clickhouse, [sql.encode()])
    assert _ours(sql.encode()) == _expected(found)


@pytest.mark.parametrize(
    "sql", ["'", "SELECT 'a", "/* /* */", "SELECT `a", "é", "SELECT \x00", "1.5abc", "“a", "x'zz'", "!"]
)
def test_what_the_engine_does_not_read_is_refused(sql: str) -> None:
    """A quote or comment that does not end, and characters that SQL does not know."""
    with pytest.raises(RefusedError):
        list(tokens(sql.encode()))
