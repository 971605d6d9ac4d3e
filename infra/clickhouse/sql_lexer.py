"""A lexer of ClickHouse's SQL: words, strings, comments, brackets.

It draws the same borders between words, strings and comments as the engine's own lexer. So nothing that the engine
would run as code passes here as a string or a comment. It works on bytes and lazily: a caller that stops at
`INSERT … FORMAT x` never reads the data behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    rb"""
      (?P<space>[\s\x00]++|\xe2\x88\x92(?!\xe2\x88\x92)|(?!\xe2\x80[\x98\x9c]|\xe2\x88\x92)[\x80-\xff])
    | (?P<comment>--[^\n]*+|\#[\ !][^\n]*+|/\*.*?(?:\*/|\Z))
    | (?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<string>'(?:[^'\\]++|\\.|'')*+(?:'|\Z)|\xe2\x80\x98.*?(?:\xe2\x80\x99|\Z))
    | (?P<quoted>`(?:[^`\\]++|\\.|``)*+(?:`|\Z)
        |"(?:[^"\\]++|\\.|"")*+(?:"|\Z)
        |\xe2\x80\x9c.*?(?:\xe2\x80\x9d|\Z))
    | (?P<word>[A-Za-z_][A-Za-z0-9_$]*+)
    | (?P<number>[0-9][0-9A-Za-z_]*+)
    | (?P<sign>\xe2\x88\x92|.)
    """,
    re.VERBOSE | re.DOTALL,
)


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


def tokens(sql: bytes) -> Iterator[Token]:
    """Yield the tokens of a statement in order, without spaces and comments."""
    depth, at = 0, 0
    while at < len(sql):
        found = _TOKEN.match(sql, at)
        if found is None:  # pragma: no cover  (the last branch takes any byte)
            return
        kind = found.lastgroup or "sign"
        at = found.end()
        if kind in ("space", "comment"):
            continue
        text = found.group()
        if text == b")":
            depth -= 1
        yield Token("string" if kind == "heredoc" else kind, text, found.start(), at, depth)
        if text == b"(":
            depth += 1
