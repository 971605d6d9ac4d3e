"""Computes roll-ups anew from the typed tables, beside the stored ones: to compare and to refill them."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from infra.clickhouse.migrations.refill import fill_rollups
from infra.clickhouse.migrations.scripts import load_rollups
from infra.layer_configs import catalog as load_catalog
from infra.tables.row_hash import hashed_column
from schemas.names import DATABASE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.model import Topic

ATTEMPTS = 3
PAUSE_S = 1.0
MOST_ROWS = 20
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


def scratch_statements(statements: Sequence[str], scratch: str) -> list[str]:
    """Return the statements with their targets, and what they read of these, in a scratch database."""
    found = list(statements)
    for name in all_targets(statements):
        found = [re.sub(rf"\b{DATABASE}\.{name}\b", f"{scratch}.{name}", text) for text in found]
    return found


def rollup_problems(client: Any, topic: Topic, scratch: str, *, settled: bool) -> tuple[list[str], int]:
    """Compare the roll-ups of a topic with what its typed rows give.

    Args:
        client: A clickhouse-connect client.
        topic: The topic.
        scratch: A scratch database.
        settled: Whether nothing is in flight; otherwise what differs is computed again.

    Returns:
        One line for each differing row, and the number of compared rows.
    """
    statements = load_rollups(load_catalog()).get(topic.name, ())
    filled = all_targets(statements)
    if not filled:
        return [], 0
    problems: list[str] = []
    count = 0
    for attempt in range(1 if settled else ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_S)
        for name in filled:
            client.command(f"DROP TABLE IF EXISTS {scratch}.{name} SYNC")
            client.command(f"CREATE TABLE {scratch}.{name} AS {DATABASE}.{name}")
        fill_rollups(client, topic, scratch_statements(statements, scratch))
        problems, count = [], 0
        for name in targets(statements):
            lines, rows = _compare(client, name, scratch)
            problems += lines
            count += rows
        if not problems:
            break
    return problems, count


def _compare(client: Any, name: str, scratch: str) -> tuple[list[str], int]:
    listed = client.query(
        "SELECT name, type, is_in_sorting_key FROM system.columns WHERE database = {database:String} "
        "AND table = {table:String} AND default_kind != 'ALIAS' ORDER BY position",
        parameters={"database": DATABASE, "table": name},
    ).result_rows
    row_hash = f"sipHash128({', '.join(hashed_column(column, kind) for column, kind, _ in listed)})"
    key = ", ".join(f"toString(`{column}`)" for column, _, in_key in listed if in_key)
    stored, made = f"(SELECT * FROM {DATABASE}.{name} FINAL)", f"(SELECT * FROM {scratch}.{name} FINAL)"
    lines = []
    for one, other, words in (
        (made, stored, "expected a row as its table's events give, got none or another"),
        (stored, made, "got a row that its table's events do not give"),
    ):
        rows = client.query(
            f"SELECT concat_ws(' ', {key}) FROM {one} WHERE {row_hash} NOT IN (SELECT {row_hash} FROM {other}) "
            f"ORDER BY 1 LIMIT {MOST_ROWS}"
        ).result_rows
        lines += [f"{DATABASE}.{name}: {text}: {words}" for (text,) in rows]
    return lines, int(client.query(f"SELECT count() FROM {made}").result_rows[0][0])
