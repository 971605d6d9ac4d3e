"""Names rows of typed tables that differ from their records: event, column, the expected and the found value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.tables.decode import archived_ends
from infra.tables.digests import below
from schemas.names import DATABASE
from schemas.tables import columns, insert_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.tables.decode import Position
    from schemas.model import Topic

MOST_ROWS = 20
"""Most rows that are named of one table; the others are counted."""
MOST_COLUMNS = 3
SHOWN = 80
"""Most characters of a value in a problem."""


def named(client: Any, topic: Topic, made: str, positions: Sequence[Position]) -> list[str]:
    """Return one line for each differing row: its event_id, its columns, the expected and the found values.

    Args:
        client: A clickhouse-connect client.
        topic: The topic.
        made: The table of the rows that the archived records make.
        positions: Where rows differ.
    """
    stored = f"{DATABASE}.{topic.table}"
    chosen = positions[:MOST_ROWS]
    if not chosen:
        return []
    names = ["event_id", *(name for name in insert_columns(topic) if name != "event_id")]
    names += [column.name for column in columns(topic) if column.alias]
    values = ", ".join(f"ifNull(toString(`{name}`), 'NULL')" for name in names)
    listed = ", ".join(f"({partition}, {offset})" for partition, offset in chosen)
    found: list[dict[Position, list[list[str]]]] = []
    for table in (made, stored):
        rows: dict[Position, list[list[str]]] = {}
        for p, o, texts in client.query(
            f"SELECT _partition, _offset, [{values}] FROM {table} WHERE (_partition, _offset) IN ({listed})",
        ).result_rows:
            rows.setdefault((int(p), int(o)), []).append([str(text) for text in texts])
        found.append(rows)
    lines = [
        line
        for each in chosen
        for line in _differences(stored, each, names, found[0].get(each, []), found[1].get(each, []))
    ]
    if len(positions) > len(chosen):
        lines.append(f"{stored}: and {len(positions) - len(chosen):,} rows more differ from their records")
    return lines


def surplus(client: Any, topic: Topic, ends: dict[int, int]) -> list[str]:
    """Name rows behind the archive's end: a record is archived before its row is stored, so they have none."""
    stored = f"{DATABASE}.{topic.table}"
    beyond = client.query(
        f"SELECT _partition, _offset, toString(event_id) FROM {stored} WHERE NOT {below(ends)} "
        "ORDER BY _offset DESC LIMIT 1000"
    ).result_rows
    if not beyond:
        return []
    now = archived_ends(client, topic)
    lines = [
        f"{stored}: event {event_id} at {partition}/{offset}: got a row that no archived record makes"
        for partition, offset, event_id in beyond
        if offset >= now.get(partition, 0)
    ]
    more = [f"{stored}: and {len(lines) - MOST_ROWS} such rows more"] if len(lines) > MOST_ROWS else []
    return lines[:MOST_ROWS] + more


def _differences(
    table: str, at: Position, names: Sequence[str], made: list[list[str]], stored: list[list[str]]
) -> list[str]:
    """Return the lines on one position: what its row should be, and what it is."""
    where = f"at {at[0]}/{at[1]}"
    if not made:
        return [f"{table}: event {row[0]} {where}: got a row that no archived record makes" for row in stored]
    expected = made[0]
    if not stored:
        return [f"{table}: event {expected[0]} {where}: expected its row, got none"]
    lines = []
    for row in stored:
        differing = [at for at, (want, got) in enumerate(zip(expected, row, strict=True)) if want != got]
        shown = "; ".join(
            f"{names[at]}: expected {expected[at]!r:.{SHOWN}}, got {row[at]!r:.{SHOWN}}"
            for at in differing[:MOST_COLUMNS]
        )
        more = f"; and {len(differing) - MOST_COLUMNS} columns more" if len(differing) > MOST_COLUMNS else ""
        if differing:
            lines.append(f"{table}: event {expected[0]} {where}: {shown}{more}")
    return lines or [f"{table}: event {expected[0]} {where}: differs from its record"]
