"""Inserts through a stage: the data goes into a temporary table first, then into its target by one statement.

Why: the embedded engine's inserter reports rows as written when the *write* failed (a violated constraint,
a DEFAULT that throws, a full disk), it knows no `SELECT … FROM input(…)`, and inline data of a query is cut
at a blank line. Between stage and target stands `INSERT … SELECT`, whose errors come out. The stage's own
count is compared before. Promise: `store` returns when the target holds every row, and raises otherwise.
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
    """Where an insert without SELECT goes, as the statement spells it."""

    table: bytes
    columns: bytes  # `(a, b)` or nothing
    settings: bytes  # `SETTINGS …` or nothing

    @property
    def selected(self) -> bytes:
        """What to select from the stage."""
        return self.columns.strip()[1:-1] or b"*"


def store(
    statement: Statement, form: str, data: Iterable[bytes], params: Mapping[str, str], handle: Handle
) -> Written:
    """Inserts data; all of it is stored when this returns.

    Args:
        statement: an insert with a format.
        form: the data's format.
        data: its bytes.
        params: query parameters.
        handle: the engine's handle, prepared.

    Raises:
        RefusedError: the target cannot be staged, or the stage lost rows.
        EngineError: what the engine says.
    """
    stage = f"_door_{uuid.uuid4().hex}".encode()
    try:
        if statement.input_span is None:
            target = insert_target(statement)
            structure, columns = _structure(target, params, handle), target.columns
            move = b"INSERT INTO %b %b %b SELECT %b FROM %b"
            settings = (
                target.settings.rstrip() + b", " if target.settings.strip() else b"SETTINGS "
            ) + _AS_PLAIN
            move %= (target.table, target.columns, settings, target.selected, stage)
        else:
            start, end = statement.input_span
            structure, columns = (statement.input_structure or "").encode(), b""
            refuse_unsafe_text(structure)
            move = statement.head[:start] + stage + statement.head[end:]
        handle.query(b"CREATE TEMPORARY TABLE %b (%b) ENGINE = Memory" % (stage, structure), "Null", {})
        written = fill(stage, columns, form, data, handle)
        handle.query(move, "Null", params)
    finally:
        with contextlib.suppress(EngineError):
            handle.query(b"DROP TEMPORARY TABLE IF EXISTS " + stage, "Null", {})
    return written


def insert_target(statement: Statement) -> Target:
    """Takes `INSERT INTO table (columns) SETTINGS …` apart.

    Raises:
        RefusedError: 48 for a table function.
    """
    found = [token for token in statement.found if token.upper not in (b"INSERT", b"INTO", b"TABLE")]
    if found and found[0].upper == b"FUNCTION":
        raise RefusedError(
            48,
            "NOT_IMPLEMENTED",
            "INSERT INTO FUNCTION: this door takes it with SELECT … FROM input('…') only",
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
    """The target's columns with their defaults, so that the format reads as it would for the target."""
    told = handle.query(b"DESCRIBE TABLE " + target.table, "JSONCompactEachRow", params)
    columns = []
    for line in told.splitlines():
        name, kind, default_kind, default, *_ = json.loads(line)
        columns.append(f"{quote_name(name)} {kind} {default_kind} {default}".rstrip())
    return ", ".join(columns).encode()


def fill(stage: bytes, columns: bytes, form: str, data: Iterable[bytes], handle: Handle) -> Written:
    """Reads data into a temporary table, and counts what it holds afterwards.

    Raises:
        RefusedError: 241 if rows are missing.
        EngineError: if the data cannot be read.
    """
    written = handle.insert(b"INSERT INTO " + stage + b" " + columns, form, data)
    held = int(handle.query(b"SELECT count() FROM " + stage, "TSV", {}))
    if held != written.rows:
        raise RefusedError(
            241,
            "MEMORY_LIMIT_EXCEEDED",
            f"the engine took {held} of {written.rows} rows: nothing is stored; a default of a column failed, "
            "or memory is short: try again, or with fewer rows",
        )
    return written
