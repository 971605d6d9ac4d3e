"""The system tables and columns that a statement of a board may read, by its syntax tree. Pure.

The embedded engine asks for no grant there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.clickhouse.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Node = Mapping[str, Any]

SYSTEM_TABLES = frozenset(
    {"one", "numbers", "databases", "tables", "columns", "functions", "parts", "settings"}
)
"""What the boards, their readers and the query editor of Grafana's plug-in ask."""
HIDDEN_COLUMNS = frozenset(
    {
        "data_path",
        "data_paths",
        "disk_name",
        "metadata_path",
        "path",
        "storage_policy",
        "uuid",
        "engine_full",
        "create_table_query",
        "as_select",
    }
)
"""Columns of those tables that show where the engine keeps its data, or statements of others."""
_SYSTEM_DATABASES = frozenset({"system", "information_schema"})


def check_tables(tree: Node) -> None:
    """Refuse the tables of `system` that boards do not need, and `information_schema`.

    Raises:
        RefusedError: Code 497, with the table or column.
    """
    reads_system = False
    for node in nodes(tree):
        if node.get("type") in ("TableIdentifier", "Identifier"):
            parts = [str(part) for part in node.get("name_parts") or [node.get("name")]]
            if len(parts) > 1 and parts[0].casefold() in _SYSTEM_DATABASES:
                if parts[0].casefold() != "system" or parts[1] not in SYSTEM_TABLES:
                    raise past_the_tables(".".join(parts[:2]))
                reads_system = True
    if reads_system:
        _check_system_columns(tree)


def _check_system_columns(tree: Node) -> None:
    """Refuse the columns that no board needs, by whichever name a statement could read them."""
    for node in nodes(tree):
        kind = str(node.get("type"))
        if "column_aliases" in node or "Asterisk" in kind or "Matcher" in kind:
            what = "*, COLUMNS(…) or names for all columns"
            raise RefusedError(
                497, "ACCESS_DENIED", f"name the columns of a system table: {what} may not stand beside it"
            )
        parts = node.get("name_parts") or [node.get("name")]
        hidden = HIDDEN_COLUMNS.intersection(map(str, parts)) if kind == "Identifier" else None
        if hidden:
            raise past_the_tables(min(hidden))


def check_default_database(name: str | None) -> None:
    """Refuse a default database whose tables a board may not read by their bare names.

    Raises:
        RefusedError: Code 497.
    """
    if name is not None and name.casefold() in _SYSTEM_DATABASES:
        raise past_the_tables(name)


def nodes(tree: Any) -> Iterator[Node]:
    """Yield the nodes of a syntax tree, literals as a whole."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending += node
        elif isinstance(node, dict):
            yield node
            if node.get("type") != "Literal":
                pending += node.values()


def past_the_tables(name: str) -> RefusedError:
    """Return the refusal of a name that reaches past the tables."""
    return RefusedError(497, "ACCESS_DENIED", f"this user reads tables only, and `{name}` reaches past them")
