"""A lexer of ClickHouse's SQL: words, strings, comments, brackets.

It draws the borders that the engine's own lexer draws (ClickHouse, src/Parsers/Lexer.cpp; a differential test holds the
two together through `tokenizeQuery`), and raises where that one finds an error. So a text passes only where it is sure
what is code, string and comment. It works on bytes and lazily: a caller that stops at `INSERT … FORMAT x` never reads
the data behind it. Time and memory are linear in what is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.clickhouse.errors import RefusedError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

MOST_DEPTH = 1000
"""Open brackets at which reading stops: the engine's own `max_parser_depth`."""

_SPACE = rb"""[\ \t\n\r\f\v]++|\xc2[\x85\xa0]|\xe1\xa0\x8e|\xe2\x80[\x80-\x8d\xa8\xa9\xaf]|\xe2\x81[\x9f\xa0]
        |\xe3\x80\x80|\xef\xbb\xbf"""
_DIGITS = rb"[0-9](?:[0-9]|_(?=[0-9]))*+"
_HEX = rb"[0-9A-Fa-f](?:[0-9A-Fa-f]|_(?=[0-9A-Fa-f]))*+"
_SIGNED = rb"(?:[-+](?=[\s\S]))?+(?:" + _DIGITS + rb")?+"
_EXPONENT = rb"(?:[eE](?=[\s\S])" + _SIGNED + rb")?+"
# Letters that follow a number directly make it a name; behind a decimal point they are an error.
_NUMBER = (
    rb"(?:0[xX]" + _HEX + rb"(?:\.(?:" + _HEX + rb")?+)?+(?:[pP](?=[\s\S])" + _SIGNED + rb")?+"
    rb"|(?:0[bB](?=[01]))?+" + _DIGITS + rb"(?:\.(?:" + _DIGITS + rb")?+)?+" + _EXPONENT + rb")[A-Za-z0-9_]*+"
)
_TAIL = re.compile(rb"[A-Za-z0-9_]++\Z")


def _pattern(number: bytes) -> re.Pattern[bytes]:
    """Return the pattern of one token; `number` is the rule for numbers, which depends on the token before."""
    return re.compile(
        rb"(?P<space>" + _SPACE + rb")"
        rb"""
        |(?P<comment>--[^\n]*+|//[^\n]*+|\#[\ !][^\n]*+)
        |(?P<nested>/\*)
        |(?P<string>'(?:[^'\\]++|\\.|'')*+'|[xX]'[0-9A-Fa-f]*+'|[bB]'[01]*+'|\xe2\x80\x98.*?\xe2\x80\x99)
        |(?P<heredoc>\$[A-Za-z0-9_]*+\$)
        |(?P<quoted>`(?:[^`\\]++|\\.|``)*+`|"(?:[^"\\]++|\\.|"")*+"|\xe2\x80\x9c.*?\xe2\x80\x9d)
        |(?P<number>"""
        + number
        + rb""")
        |(?P<open>'|"|`|[xXbB]'(?=.)|\xe2\x80[\x98\x9c])
        |(?P<word>[A-Za-z_][A-Za-z0-9_$]*+|\$[A-Za-z0-9_][A-Za-z0-9_$]*+)
        |(?P<sign>\$|~\*|->|<=>|[=<>!]=|<>|\|[|>]|::|@@|\\G|\xe2\x88\x92|[-+*/%=<>?:|@.,;()\[\]{}^~])
        """,
        re.VERBOSE | re.DOTALL,
    )


_AFTER_VALUE = _pattern(_NUMBER)
_AFTER_DOT = _pattern(_DIGITS + rb"[A-Za-z0-9_]*+|\.[0-9](?:[0-9]|_(?=[0-9]))*+" + _EXPONENT)
_ELSEWHERE = _pattern(_NUMBER + rb"|\." + _DIGITS + _EXPONENT)
_NESTING = re.compile(rb"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Token:
    """One token that is neither space nor comment; `kind` is word, quoted, string, number or sign."""

    kind: str
    text: bytes
    start: int
    end: int
    depth: int  # how many round brackets are open before it

    @property
    def upper(self) -> bytes:
        """Return the text in upper case, as keywords are compared."""
        return self.text.upper()

    @property
    def name(self) -> str:
        """Return the identifier that the token spells, without quotes and escapes."""
        text = self.text.decode("utf-8", "replace")
        if self.kind != "quoted":
            return text
        quote = text[0]
        return re.sub(r"\\x([0-9A-Fa-f]{2})|\\(.)", _unescape, text[1:-1]).replace(quote * 2, quote)


def _unescape(found: re.Match[str]) -> str:
    return chr(int(found.group(1), 16)) if found.group(1) else found.group(2)


def tokens(sql: bytes, left: threading.Event | None = None, most: int | None = None) -> Iterator[Token]:
    """Yield the tokens of a statement in order, without spaces and comments.

    Args:
        sql: The statement.
        left: Set when nobody waits for the answer any more.
        most: Most bytes that are read; None: all.

    Raises:
        RefusedError: Code 62 at a text that the engine's lexer does not read either, such as a quote that is not
            closed; 306 if more than `MOST_DEPTH` brackets are open; 191 behind `most` bytes; 394 when `left` is set.
    """
    depth, at, pattern = 0, 0, _ELSEWHERE
    while at < len(sql):
        found = pattern.match(sql, at)
        kind = found.lastgroup if found else None
        if found is None or kind is None or kind == "open" or (at == 0 and found.group() == b"."):
            raise _unreadable(sql, at)
        start, at = at, found.end()
        _check_going_on(at, left, most)
        if kind in ("space", "comment"):
            continue
        if kind == "nested":
            at = _end_of_comment(sql, start)
            continue
        if kind == "heredoc":
            kind, at = _heredoc(sql, start, at)
        text = sql[start:at]
        if kind == "number":
            kind = _number_kind(sql, start, text, after_dot=pattern is _AFTER_DOT)
        if text == b")":
            depth -= 1
        yield Token(kind, text, start, at, depth)
        if text == b"(":
            depth += 1
            if depth > MOST_DEPTH:
                raise RefusedError(
                    306, "TOO_DEEP_RECURSION", f"more than {MOST_DEPTH} brackets are open at byte {start}"
                )
        pattern = _pattern_after(kind, text)


def _check_going_on(at: int, left: threading.Event | None, most: int | None) -> None:
    if most is not None and at > most:
        raise RefusedError(
            191,
            "QUERY_IS_TOO_LARGE",
            f"a statement of more than {most:,} bytes (the data of an insert does not count)",
        )
    if left is not None and left.is_set():
        raise RefusedError(394, "QUERY_WAS_CANCELLED", "the client has gone")


def _pattern_after(kind: str, text: bytes) -> re.Pattern[bytes]:
    if kind in ("word", "quoted", "number") or text in (b")", b"]"):
        return _AFTER_VALUE
    return _AFTER_DOT if text == b"." else _ELSEWHERE


def _number_kind(sql: bytes, start: int, text: bytes, *, after_dot: bool) -> str:
    """Return whether digits are a number or begin a name."""
    if re.fullmatch(rb"[0-9]+(?:_[0-9]+)*", text) or (
        (not after_dot or text[:1] == b".") and _is_number(sql, start, len(text))
    ):
        return "number"
    if re.fullmatch(rb"[A-Za-z0-9_]+", text) is None:
        raise _unreadable(sql, start)
    return "word"


_WHOLE_NUMBER = re.compile(_NUMBER.removesuffix(rb"[A-Za-z0-9_]*+") + rb"|\." + _DIGITS + _EXPONENT)


def _is_number(sql: bytes, start: int, size: int) -> bool:
    found = _WHOLE_NUMBER.match(sql, start)
    return found is not None and found.end() == start + size


def _heredoc(sql: bytes, start: int, at: int) -> tuple[str, int]:
    """Return kind and end of what begins with `$tag$`: a string up to the same tag, else a name or a sign."""
    tag = sql[start:at]
    closing = sql.find(tag, at)
    if closing >= 0:
        return "string", closing + len(tag)
    if tag == b"$$":
        return "sign", start + 1
    found = _ELSEWHERE_WORD.match(sql, start)
    return "word", found.end() if found else at


_ELSEWHERE_WORD = re.compile(rb"[A-Za-z0-9_$]+")


def _end_of_comment(sql: bytes, start: int) -> int:
    """Return where a comment `/* … */` ends; such comments nest, as in the SQL standard."""
    level = 0
    for found in _NESTING.finditer(sql, start):
        level += 1 if found.group() == b"/*" else -1
        if level == 0:
            return found.end()
    raise _unreadable(sql, start)


def _unreadable(sql: bytes, at: int) -> RefusedError:
    shown = sql[at : at + 20].decode("utf-8", "replace")
    return RefusedError(
        62,
        "SYNTAX_ERROR",
        f"the statement cannot be read from byte {at} on ({shown!r}): a quote or comment that does not end, "
        "or a character that SQL does not know",
    )
