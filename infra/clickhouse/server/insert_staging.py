"""Staged inserts: the data goes into a temporary table first, then into its target by one statement.

The embedded engine's inserter has three faults. It reports rows as written when the *write* failed (a violated
constraint, a DEFAULT that throws, a full disk). It knows no `SELECT … FROM input(…)`. It cuts inline data of a query
at a blank line. So the rows of the staging table are counted, and `INSERT … SELECT`, whose errors are raised, moves
them. `store` returns when the target holds every row, and raises otherwise
(docs/decisions/0017-inserts-are-staged.md).
"""

from __future__ import annotations

import contextlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.clickhouse.errors import EngineError, RefusedError
from infra.clickhouse.server.deny_list import refuse_unsafe_text
from infra.clickhouse.server.engine import quote_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infra.clickhouse.server.engine import Handle, Written
    from infra.clickhouse.server.statement import Statement


# What makes the second step the plain insert that the client sent: rows in order, repeats recognised.
_AS_PLAIN = b"deduplicate_insert_select = 'enable_even_for_bad_queries', max_threads = 1"


@dataclass(frozen=True, slots=True)
class Target:
    """Table, columns and settings of an insert without SELECT, as the statement spells them."""

    table: bytes
    columns: bytes  # `(a, b)` or nothing
    settings: bytes  # `SETTINGS …` or nothing

    @property
    def selected(self) -> bytes:
        """Return what to select from the staging table."""
        return self.columns.strip()[1:-1] or b"*"


def store(
    statement: Statement, form: str, data: Iterable[bytes], params: Mapping[str, str], handle: Handle
) -> Written:
    """Insert data; all of it is stored when this returns.

    Args:
        statement: An insert with a format.
        form: Format of the data.
        data: The data, in pieces.
        params: Query parameters.
        handle: A handle whose database and settings are set.

    Returns:
        Rows and bytes that were written.

    Raises:
        RefusedError: The target cannot be staged, or the staging table lacks rows.
        EngineError: The engine reported an error.
    """
    staging = f"_staging_{uuid.uuid4().hex}".encode()
    try:
        if statement.input_span is None:
            target = insert_target(statement)
            structure, columns = _structure(target, params, handle), target.columns
            move = b"INSERT INTO %b %b %b SELECT %b FROM %b"
            settings = (
                target.settings.rstrip() + b", " if target.settings.strip() else b"SETTINGS "
            ) + _AS_PLAIN
            move %= (target.table, target.columns, settings, target.selected, staging)
        else:
            start, end = statement.input_span
            structure, columns = (statement.input_structure or "").encode(), b""
            refuse_unsafe_text(structure)
            move = statement.head[:start] + staging + statement.head[end:]
        handle.query(b"CREATE TEMPORARY TABLE %b (%b) ENGINE = Memory" % (staging, structure), "Null", {})
        written = fill(staging, columns, form, data, handle)
        handle.query(move, "Null", params)
    finally:
        with contextlib.suppress(EngineError):
            handle.query(b"DROP TEMPORARY TABLE IF EXISTS " + staging, "Null", {})
    return written


def insert_target(statement: Statement) -> Target:
    """Parse `INSERT INTO table (columns) SETTINGS …`.

    Raises:
        RefusedError: Code 48 for a table function, 62 if table or columns are incomplete.
    """
    found = [token for token in statement.found if token.upper not in (b"INSERT", b"INTO", b"TABLE")]
    if found and found[0].upper == b"FUNCTION":
        raise RefusedError(
            48,
            "NOT_IMPLEMENTED",
            "INSERT INTO FUNCTION: this server takes it with SELECT … FROM input('…') only",
        )
    head = statement.head
    opening = next((t for t in found if t.text == b"(" and t.depth == 0), None)
    settings = next((t for t in found if t.upper == b"SETTINGS" and t.kind == "word" and t.depth == 0), None)
    rest = settings.start if settings else len(head)
    if not found or rest <= found[0].start:
        raise RefusedError(62, "SYNTAX_ERROR", "INSERT: expected a table's name")
    if opening is None or opening.start > rest:
        return Target(head[found[0].start : rest], b"", head[rest:])
    closing = next((t for t in found if t.text == b")" and t.depth == 0), None)
    if closing is None:
        raise RefusedError(62, "SYNTAX_ERROR", "INSERT: the list of columns does not end")
    return Target(
        head[found[0].start : opening.start], head[opening.start : closing.end], head[closing.end :]
    )


def _structure(target: Target, params: Mapping[str, str], handle: Handle) -> bytes:
    """Return the target's columns with their defaults, so that data is parsed as it would be for the target."""
    described = handle.query(b"DESCRIBE TABLE " + target.table, "JSONCompactEachRow", params)
    columns = []
    for line in described.splitlines():
        name, kind, default_kind, default, *_ = json.loads(line)
        columns.append(f"{quote_name(name)} {kind} {default_kind} {default}".rstrip())
    return ", ".join(columns).encode()


def fill(staging: bytes, columns: bytes, form: str, data: Iterable[bytes], handle: Handle) -> Written:
    """Insert data into a temporary table and compare its count with the rows sent.

    Raises:
        RefusedError: Code 241 if rows are missing.
        EngineError: The data cannot be parsed.
    """
    written = handle.insert(b"INSERT INTO " + staging + b" " + columns, form, data)
    held = int(handle.query(b"SELECT count() FROM " + staging, "TSV", {}))
    if held != written.rows:
        raise RefusedError(
            241,
            "MEMORY_LIMIT_EXCEEDED",
            f"the engine took {held} of {written.rows} rows: nothing is stored; a default of a column failed, "
            "or memory is short: try again, or with fewer rows",
        )
    return written
