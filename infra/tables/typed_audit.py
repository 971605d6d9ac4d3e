"""Compares typed tables with the archive, and roll-ups with the typed tables; names row and column of each difference.

Every stored row must equal, in all columns, the row that the archived record at its position makes. Every event of the
archive must have a row. Repeats of an event may be merged already, so one of its records is enough.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from infra.tables.decode import archived_ends, open_decoder
from infra.tables.rollups import rollup_problems
from infra.tables.row_hash import hashed
from infra.tables.scratch import create_rows_table, scratch_database
from schemas.names import ARCHIVE_TABLE, DATABASE
from schemas.tables import columns, insert_columns, quote
from streams.clickhouse_sink.errors import ClickHouseDownError, SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infra.settings import Settings
    from infra.tables.decode import ArchiveDecoder, Position
    from schemas.model import Catalog, Topic

MOST_ROWS = 20
"""Most rows that are named of one table; the others are counted."""
MOST_COLUMNS = 3
TABLES_AT_ONCE = 10
"""Tables whose digests one query reads; it bounds the query's length."""
SHOWN = 80
"""Most characters of a value in a problem."""
IN_FLIGHT_S = 2.0
"""A row of a running stack follows its archived record within this many seconds."""

Ends = dict[str, dict[int, int]]
"""By topic and partition: the offset up to which rows are compared."""


@dataclass
class TypedResult:
    """What a comparison of typed tables found."""

    problems: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    explained: list[str] = field(default_factory=list)
    """Records without a row that a dead letter accounts for."""
    compared: int = 0
    """Rows compared with their record."""
    rows: int = 0
    """Rows of the compared tables."""
    tables: int = 0
    rollup_rows: int = 0
    remembered: dict[str, Any] = field(default_factory=dict)
    """By table: ends, number and digest of its rows, for an incremental audit."""


class TypedAudit:
    """One comparison of all typed tables.

    Args:
        client: A clickhouse-connect client.
        settings: The stack.
        catalog: Its catalogue.
        settled: Whether nothing is in flight.
        progress: Called with a line before each table.
    """

    def __init__(
        self,
        client: Any,
        settings: Settings,
        catalog: Catalog,
        *,
        settled: bool,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._settings = settings
        self._catalog = catalog
        self._settled = settled
        self._progress = progress
        self._began = time.monotonic()
        self.result = TypedResult()
        self._ends: Ends = {}
        self._digested: dict[str, Sequence[int]] = {}

    def check(self, remembered: Mapping[str, Any] | None = None) -> TypedResult:
        """Compare all tables.

        Args:
            remembered: What the last audit that passed remembered; `None` compares every row.
        """
        result = self.result
        try:
            self._check(remembered)
        except (OperationalError, ClickHouseDownError) as error:
            result.unreadable.append(f"ClickHouse: {_line(error)}: typed rows are not compared")
        except (ClickHouseError, SinkError) as error:
            result.problems.append(f"typed rows: {_line(error)}")
        return result

    def _check(self, remembered: Mapping[str, Any] | None) -> None:
        archived = [topic for topic in self._catalog.topics.values() if topic.archived]
        for topic in self._catalog.topics.values():
            if not topic.archived:
                self.result.not_checked.append(f"{topic.table}: {topic.name} is not archived")
        rows = self._client.query(
            f"SELECT topic, partition, max(offset) + 1 FROM {DATABASE}.{ARCHIVE_TABLE} GROUP BY topic, partition"
        ).result_rows
        for name, partition, end in rows:
            self._ends.setdefault(name, {})[int(partition)] = int(end)
        there = {
            name
            for (name,) in self._client.query(
                f"SELECT name FROM system.tables WHERE database = '{DATABASE}'"
            ).result_rows
        }
        self._read_digests([each for each in archived if each.table in there], remembered or {})
        changed: list[str] = []
        with (
            scratch_database(self._client) as scratch,
            open_decoder(self._client, self._settings) as decoder,
        ):
            for topic in archived:
                self._progress(f"rows of {topic.table}")
                if topic.table not in there:
                    self.result.problems.append(
                        f"{DATABASE}.{topic.table}: the table is not there: `city tables rebuild {topic.name}`"
                    )
                    continue
                try:
                    if self._topic(topic, scratch, decoder, (remembered or {}).get(topic.table)):
                        changed.append(topic.name)
                except (OperationalError, ClickHouseDownError):
                    raise
                except (ClickHouseError, SinkError) as error:
                    self.result.problems.append(
                        f"{DATABASE}.{topic.table}: cannot be compared: {_line(error)}"
                    )
            for name in changed:
                problems, count = rollup_problems(
                    self._client, self._catalog.topics[name], scratch, settled=self._settled
                )
                self.result.problems += problems
                self.result.rollup_rows += count

    def _topic(self, topic: Topic, scratch: str, decoder: ArchiveDecoder, known: Any) -> bool:
        """Compare one table; return whether any of its rows was compared."""
        ends = self._ends.get(topic.name, {})
        count, digest, old_count, old_digest, beyond = self._digests(topic, known)
        self.result.tables += 1
        self.result.rows += count
        first = None
        if known is not None and (old_count, str(old_digest)) == (known["count"], known["digest"]):
            first = {int(partition): end for partition, end in known["ends"].items()}
            if all(first.get(partition, 0) >= end for partition, end in ends.items()):
                if beyond:
                    self._surplus(topic, ends)
                self._remember(topic, ends, count, digest)
                return False
        self._client.command(create_rows_table(topic, scratch))
        refused = decoder.fill(topic, scratch, first)
        before = len(self.result.problems)
        self._compare(topic, scratch, ends, first or {})
        if beyond:
            self._surplus(topic, ends)
        self._account(topic, [each for each in refused if each[1] < ends.get(each[0], 0)])
        if len(self.result.problems) == before:
            self._remember(topic, ends, count, digest)
        return True

    def _remember(self, topic: Topic, ends: dict[int, int], count: int, digest: int) -> None:
        self.result.remembered[topic.table] = {
            "ends": {str(partition): end for partition, end in ends.items()},
            "count": count,
            "digest": str(digest),
        }

    def _read_digests(self, topics: Sequence[Topic], remembered: Mapping[str, Any]) -> None:
        """Read the digests of many tables, some at a time; leave out those that cannot be read together."""
        for first in range(0, len(topics), TABLES_AT_ONCE):
            some = topics[first : first + TABLES_AT_ONCE]
            sql = " UNION ALL ".join(self._digest_query(each, remembered.get(each.table)) for each in some)
            try:
                rows = self._client.query(sql).result_rows
            except OperationalError:
                raise
            except ClickHouseError:
                continue  # each is asked alone, and its error named
            self._digested |= {str(row[0]): row[1:] for row in rows}

    def _digest_query(self, topic: Topic, known: Any) -> str:
        """Return the query of number and digest of the rows below the ends and below the remembered ends."""
        ends = self._ends.get(topic.name, {})
        old = {int(p): end for p, end in known["ends"].items()} if known is not None else {}
        return (
            f"SELECT {quote(topic.table)} AS name, countIf(now) AS a, sumIf(digest, now) AS b, countIf(before) AS c, "
            f"sumIf(digest, before) AS d, countIf(NOT now) AS e FROM (SELECT sipHash64({hashed(topic)}) AS digest, "
            f"{_below(ends)} AS now, {_below(old)} AS before FROM {DATABASE}.{topic.table})"
        )

    def _digests(self, topic: Topic, known: Any) -> Sequence[int]:
        """Return number and digest of the rows below the ends and below the remembered ends; number beyond them."""
        found = self._digested.get(topic.table)
        if found is None:
            found = self._client.query(self._digest_query(topic, known)).result_rows[0][1:]
        return [int(each) for each in found]

    def _compare(self, topic: Topic, scratch: str, ends: dict[int, int], first: dict[int, int]) -> None:
        """Find rows that differ from their record's, and events without a row."""
        made, stored = f"{scratch}.{topic.table}", f"{DATABASE}.{topic.table}"
        row_hash = f"sipHash128({hashed(topic)})"
        within = f"{_below(ends)} AND NOT {_below(first)}"
        wrong = (
            f"SELECT DISTINCT _partition, _offset FROM {stored} WHERE {within} AND (_partition, _offset, {row_hash}) "
            f"NOT IN (SELECT _partition, _offset, {row_hash} FROM {made}) ORDER BY _partition, _offset"
        )
        missing = (
            f"SELECT _partition, _offset FROM {made} WHERE {within} "
            f"AND event_id NOT IN (SELECT event_id FROM {stored}) ORDER BY _partition, _offset LIMIT 1 BY event_id"
        )
        positions = self._positions(wrong, missing)
        if positions and not self._settled and time.monotonic() - self._began < IN_FLIGHT_S:
            time.sleep(IN_FLIGHT_S)
            positions = self._positions(wrong, missing)
        counted = self._client.query(f"SELECT count() FROM {made} WHERE {within}").result_rows[0][0]
        self.result.compared += int(counted)
        self.result.problems += self._named(topic, made, stored, positions)

    def _positions(self, *queries: str) -> list[Position]:
        found = {(int(p), int(o)) for sql in queries for p, o in self._client.query(sql).result_rows}
        return sorted(found)

    def _named(self, topic: Topic, made: str, stored: str, positions: Sequence[Position]) -> list[str]:
        """Return one line for each differing row: its event_id, its columns, the expected and the found values."""
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
            for p, o, texts in self._client.query(
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
            lines.append(
                f"{stored}: and {len(positions) - len(chosen):,} rows more differ from their records"
            )
        return lines

    def _surplus(self, topic: Topic, ends: dict[int, int]) -> None:
        """Name rows behind the archive's end: a record is archived before its row is stored, so they have none."""
        stored = f"{DATABASE}.{topic.table}"
        beyond = self._client.query(
            f"SELECT _partition, _offset, toString(event_id) FROM {stored} WHERE NOT {_below(ends)} "
            "ORDER BY _offset DESC LIMIT 1000"
        ).result_rows
        if not beyond:
            return
        now = archived_ends(self._client, topic)
        lines = [
            f"{stored}: event {event_id} at {partition}/{offset}: got a row that no archived record makes"
            for partition, offset, event_id in beyond
            if offset >= now.get(partition, 0)
        ]
        self.result.problems += lines[:MOST_ROWS]
        if len(lines) > MOST_ROWS:
            self.result.problems.append(f"{stored}: and {len(lines) - MOST_ROWS} such rows more")

    def _account(self, topic: Topic, refused: Sequence[Position]) -> None:
        """Find the dead letter of each record that no schema reads."""
        if not refused or topic.kind == "dead-letter":
            return
        letters = self._catalog.domains[topic.domain].topics
        table = next((each.table for each in letters if each.kind == "dead-letter"), None)
        found: set[Position] = set()
        if table is not None:
            rows = self._client.query(
                f"SELECT origin_partition, origin_offset FROM {DATABASE}.{table} WHERE origin_topic = {{topic:String}}",
                parameters={"topic": topic.name},
            ).result_rows
            found = {(int(partition), int(offset)) for partition, offset in rows if offset is not None}
        for partition, offset in refused:
            where = f"{topic.name}/{partition} offset {offset}"
            if (partition, offset) in found:
                self.result.explained.append(f"{where}: no row: a dead letter accounts for it")
            elif self._settled:
                self.result.problems.append(
                    f"{where}: no schema reads it, and no dead letter accounts for it"
                )


def _below(ends: Mapping[int, int]) -> str:
    """Return the SQL condition that a row's offset is below its partition's end."""
    if not ends:
        return "0"
    partitions = ", ".join(f"toUInt32({partition})" for partition in ends)
    return (
        f"(_offset < transform(_partition, [{partitions}], "
        f"[{', '.join(f'toUInt64({end})' for end in ends.values())}], toUInt64(0)))"
    )


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


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
