"""The parts of one SQL statement that the HTTP server needs: its kind, its format, where its inline data begins.

Pure: bytes in, a small record out. The meaning of the statement is left to the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from infra.clickhouse.sql_lexer import tokens

if TYPE_CHECKING:
    import threading

    from infra.clickhouse.sql_lexer import Token

Kind = Literal["empty", "select", "insert", "insert_select", "session", "other"]
_SESSION_WORDS = frozenset({b"SET", b"USE"})
_SELECT_WORDS = frozenset({b"SELECT", b"WITH", b"("})


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as far as it is parsed before the engine gets it."""

    kind: Kind
    sql: bytes  # the statement without the data behind INSERT … FORMAT x
    head: bytes  # for an insert: the part before FORMAT or VALUES, as the engine wants it
    format: str | None  # the format named in the text: of the result, or of an insert's data
    data: bytes  # an insert's inline data
    input_structure: str | None  # the structure given in `FROM input('…')`
    input_span: tuple[int, int] | None  # where `input('…')` stands in `head`
    found: tuple[Token, ...]  # the tokens of `sql`

    @property
    def has_totals(self) -> bool:
        """Return True if the result carries more than rows, which a stream of blocks would lose."""
        return any(token.upper in (b"TOTALS", b"EXTREMES") for token in self.found if token.kind == "word")

    @property
    def makes_session_state(self) -> bool:
        """Return True for SET, USE and temporary tables, which later statements of the session rely on."""
        words = [token.upper for token in self.found[:3] if token.kind == "word"]
        return self.kind == "session" or b"TEMPORARY" in words[1:]


def parse_statement(text: bytes, most: int | None = None, left: threading.Event | None = None) -> Statement:
    """Split a statement from its inline data.

    Args:
        text: `query=` and body, joined as ClickHouse joins them.
        most: Most bytes of the statement without an insert's data; None: any number.
        left: Set when the client has gone, which ends the parsing.

    Returns:
        The statement; `kind` "empty" if there is no token at all.

    Raises:
        RefusedError: The text cannot be read, or is too large.
    """
    stream = tokens(text, left, most)
    first = next(stream, None)
    if first is None:
        return Statement("empty", text, text, None, b"", None, None, ())
    if first.upper == b"INSERT":
        return _parse_insert(text, most, left)
    found = (first, *stream)
    return Statement(_kind(first), text, text, _result_format(found), b"", None, None, found)


def _kind(first: Token) -> Kind:
    if first.upper in _SESSION_WORDS:
        return "session"
    return "select" if first.upper in _SELECT_WORDS else "other"


def _result_format(found: tuple[Token, ...]) -> str | None:
    for at in range(len(found) - 2, 0, -1):
        token = found[at]
        if token.kind == "word" and token.depth == 0 and token.upper == b"FORMAT":
            return found[at + 1].name if found[at + 1].kind in ("word", "quoted") else None
    return None


def _parse_insert(text: bytes, most: int | None, left: threading.Event | None) -> Statement:
    found: list[Token] = []
    selects = False
    for token in tokens(text, left, most):
        top = token.kind == "word" and token.depth == 0
        if top and token.upper in (b"SELECT", b"WITH"):
            selects = True
        if top and found and _is_word(found[-1], b"FORMAT"):
            name = "Values" if token.upper == b"VALUES" else token.name
            return _insert(text, found[:-1], found[-1].start, name, _skip_space(text, token.end))
        if top and token.upper == b"VALUES" and not selects:
            return _insert(text, found, token.start, "Values", token.end)
        found.append(token)
    kind: Kind = "insert_select" if selects else "insert"
    structure, span = _input_call(found)
    return Statement(kind, text, text, None, b"", structure, span, tuple(found))


def _is_word(token: Token, word: bytes) -> bool:
    return token.kind == "word" and token.depth == 0 and token.upper == word


def _insert(text: bytes, found: list[Token], head_end: int, name: str, data_start: int) -> Statement:
    structure, span = _input_call(found)
    selects = any(t.kind == "word" and t.depth == 0 and t.upper in (b"SELECT", b"WITH") for t in found)
    return Statement(
        "insert_select" if selects and structure is None else "insert",
        text if selects and structure is None else text[:data_start],
        text[:head_end],
        name,
        b"" if selects and structure is None else text[data_start:],
        structure,
        span,
        tuple(found),
    )


def _skip_space(text: bytes, at: int) -> int:
    """Return where data begins: behind spaces and one line end; HTTP clients may add a `;` there."""
    while text[at : at + 1] in (b" ", b"\t", b"\r"):
        at += 1
    if text[at : at + 1] == b";":
        at += 1
        while text[at : at + 1] in (b" ", b"\t", b"\r"):
            at += 1
    return at + 1 if text[at : at + 1] == b"\n" else at


def _input_call(found: list[Token]) -> tuple[str | None, tuple[int, int] | None]:
    for at in range(len(found) - 3):
        word, opened, argument, closed = found[at : at + 4]
        if word.kind == "word" and word.upper == b"INPUT" and opened.text == b"(" and closed.text == b")":
            structure = argument.text.decode("utf-8")[1:-1].replace("\\'", "'").replace("''", "'")
            return structure, (word.start, closed.end)
    return None, None
