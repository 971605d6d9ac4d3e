"""The deny list: names that grants cannot withhold are refused before the engine sees the statement.

The embedded engine counts as a local tool: its scalar function `file` reads any file of the host, `INTO
OUTFILE` writes one and `FROM INFILE` reads one, all without a grant. Functions may also be named without a
call (`arrayMap(file, …)`, `APPLY file`). So the *name* is refused wherever it may be a function; a column
of that name is written `t.file`. Settings whose text is parsed as an expression are read-only
(`engine_config.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.clickhouse.errors import RefusedError
from infra.clickhouse.sql_lexer import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.clickhouse.sql_lexer import Token

_NAMES = frozenset({"file", "python", "executable", "executablepool", "eval", "disk", "catboostevaluate"})
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
    """Apply `refuse_unsafe` to the data of `INSERT … VALUES`, which may hold expressions."""
    refuse_unsafe(tuple(tokens(data)))


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
