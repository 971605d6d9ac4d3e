"""The deny list: names that grants cannot withhold are refused before the engine sees the statement.

It is a help for people, and a second line: what bounds a statement is the confinement of the process
(docs/confinement.md), which holds whatever a text spells.

The embedded engine counts as a local tool: its scalar function `file` reads any file of the host, `INTO
OUTFILE` writes one and `FROM INFILE` reads one, all without a grant. Functions may also be named without a
call (`arrayMap(file, …)`, `APPLY file`). So the *name* is refused wherever it may be a function; a column
of that name is written `t.file`. Settings whose text is parsed as an expression are read-only
(`engine_config.py`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from infra.clickhouse.errors import RefusedError
from infra.clickhouse.sql_lexer import tokens

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator, Sequence

    from infra.clickhouse.sql_lexer import Token

_NAMES = frozenset({"file", "python", "executable", "executablepool", "eval", "disk", "catboostevaluate"})
# What may spell one of them: the name itself, or an escape in a quoted name.
_SUSPECT = re.compile(
    rb"(?i)" + b"|".join(name.encode() for name in sorted(_NAMES)) + rb"|[`\"][^`\"]*\\|\xe2\x80\x9c"
)
_ALWAYS = frozenset({"file"})
_KEYWORDS = frozenset({b"OUTFILE", b"INFILE"})
_DEFINING = frozenset({b"CREATE", b"ALTER", b"ATTACH"})


def refuse_unsafe(found: Sequence[Token], *, calls_only: bool = False) -> None:
    """Refuse a statement that names a function or clause which reaches past the tables.

    Args:
        found: The statement's tokens.
        calls_only: True for the head of an insert, whose bare names are columns.

    Raises:
        RefusedError: Code 497, with the name.
    """
    for at, token in enumerate(found):
        if token.kind not in ("word", "quoted"):
            continue
        before = found[at - 1] if at else None
        after = found[at + 1] if at + 1 < len(found) else None
        if token.kind == "word" and token.upper in _KEYWORDS and before is not None and before.kind == "word":
            raise _refusal(token)
        name = token.name.casefold()
        if name in _NAMES and _may_call(name, before, after, found[0], calls_only):
            raise _refusal(token)


def refuse_unsafe_text(data: bytes) -> None:
    """Apply `refuse_unsafe` to a list of columns, which may hold expressions."""
    refuse_unsafe(tuple(tokens(data)))


def refuse_unsafe_values(pieces: Iterable[bytes], limit: int, left: threading.Event) -> None:
    """Apply `refuse_unsafe` to the data of `INSERT … VALUES`, which may hold expressions.

    Data in which no such name can stand is not read token by token.

    Args:
        pieces: The data.
        limit: Most bytes.
        left: Set when the client has gone, which ends the reading.

    Raises:
        RefusedError: Code 497 with the name, 307 if there is too much, 394 if the client has gone.
    """
    data = b"".join(at_most(pieces, limit))
    if _SUSPECT.search(data) is None:
        return
    window: list[Token] = []
    for token in tokens(data, left):
        window = [*window[-2:], token]
        refuse_unsafe(window, calls_only=True)


def at_most(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield pieces until they are more than a limit.

    Raises:
        RefusedError: Code 307.
    """
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise RefusedError(
                307,
                "TOO_MANY_BYTES",
                f"VALUES of more than {limit:,} bytes: send smaller inserts, or another format",
            )
        yield piece


def _may_call(name: str, before: Token | None, after: Token | None, first: Token, calls_only: bool) -> bool:
    if after is not None and after.text == b"(":
        return True
    if calls_only or name not in _ALWAYS or (before is not None and before.text == b"."):
        return False
    is_definition = (
        first.upper in _DEFINING and after is not None and after.kind == "word" and after.upper != b"AS"
    )
    return not is_definition


def _refusal(token: Token) -> RefusedError:
    return RefusedError(
        497,
        "ACCESS_DENIED",
        f"`{token.name}` would reach files of the host: this server serves tables only "
        f"(a column of that name is written with its table: t.{token.name})",
    )
