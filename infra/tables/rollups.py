"""The tables that roll-up statements fill, and the statements with a scratch database in their place. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schemas.names import DATABASE

if TYPE_CHECKING:
    from collections.abc import Sequence

_AUDITED = re.compile(r"^-- Audited: (SELECT .+)$", re.MULTILINE)
_TARGET = re.compile(rf"^INSERT INTO {DATABASE}\.(\w+)", re.MULTILINE)


def targets(statements: Sequence[str]) -> list[str]:
    """Return the tables that roll-up statements fill, without those that a statement also reads.

    Such a table depends on the order in which its events came; no recomputation gives the same rows.
    """
    filled = [found.group(1) for found in map(_TARGET.search, statements) if found]
    text = "\n".join(statements)
    return [name for name in filled if not re.search(rf"FROM {DATABASE}\.{name}\b", text)]


def all_targets(statements: Sequence[str]) -> list[str]:
    """Return the tables that roll-up statements fill, sorted."""
    return sorted({found.group(1) for found in map(_TARGET.search, statements) if found})


def compared(statements: Sequence[str]) -> dict[str, str]:
    """Return what an audit compares of each table that roll-up statements fill: table → SELECT.

    All rows of a table; of one that depends on the order of its events, the rows of the SELECT that a line
    `-- Audited: SELECT …` of its file names, else nothing.
    """
    found = {name: f"SELECT * FROM {DATABASE}.{name} FINAL" for name in targets(statements)}
    for select in _AUDITED.findall("\n".join(statements)):
        found |= {name: select for name in all_targets(statements) if f"FROM {DATABASE}.{name} " in select}
    return found


def scratch_statements(statements: Sequence[str], scratch: str) -> list[str]:
    """Return the statements with their targets, and what they read of these, in a scratch database."""
    found = list(statements)
    for name in all_targets(statements):
        found = [re.sub(rf"\b{DATABASE}\.{name}\b", f"{scratch}.{name}", text) for text in found]
    return found
