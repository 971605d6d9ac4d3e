"""SQL of a row's bytes and of a digest of rows. Pure.

The bytes are the engine's RowBinary, which holds NULL apart from zero and every type exactly.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from schemas.tables import columns

if TYPE_CHECKING:
    from schemas.model import Topic


@lru_cache(maxsize=1024)
def hashed(topic: Topic, *, aliases: bool = True) -> str:
    """Return the argument of a hash function that stands for a row of a topic's table.

    Args:
        topic: The table's topic.
        aliases: Whether computed columns are in it, which boards read, too.
    """
    return row_bytes(", ".join(f"`{each.name}`" for each in columns(topic) if aliases or not each.alias))


def row_bytes(listed: str = "*") -> str:
    """Return the SQL of a row's bytes, of the columns named, or of all stored ones."""
    return f"formatRow('RowBinary', {listed})"


def number(row: str) -> str:
    """Return the SQL of a row's 128-bit hash as a number; the sum of these is a digest of rows in any order."""
    return f"reinterpretAsUInt128(sipHash128({row}))"
