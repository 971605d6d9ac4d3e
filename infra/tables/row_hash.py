"""SQL of a typed row's hash over all its columns, NULL apart from zero. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from schemas.tables import columns, quote

if TYPE_CHECKING:
    from schemas.model import Topic

_NULLABLE = ("Nullable(", "LowCardinality(Nullable(")
_AS_TEXT = ("Map(", "Array(", "Tuple(")


@lru_cache(maxsize=1024)
def hashed(topic: Topic, *, aliases: bool = True) -> str:
    """Return the arguments of a hash function that stand for a row.

    Args:
        topic: The table's topic.
        aliases: Whether computed columns are in it, which boards read, too.
    """
    return ", ".join(
        hashed_column(each.name, each.type) for each in columns(topic) if aliases or not each.alias
    )


def hashed_column(column: str, kind: str) -> str:
    """Return the arguments for one column. ClickHouse's hash functions pass over NULL, so it is an argument.

    Args:
        column: Name of the column.
        kind: Its ClickHouse type.
    """
    name = f"`{column}`"
    for start in _NULLABLE:
        if kind.startswith(start):
            inner = kind[len(start) : -start.count("(")]
            return f"isNull({name}), ifNull({name}, defaultValueOfTypeName({quote(inner)}))"
    if kind.startswith("Variant("):
        return f"toString(variantType({name})), toString({name})"
    return f"toString({name})" if kind.startswith(_AS_TEXT) else name
