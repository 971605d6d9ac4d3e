"""Compares typed tables with the archive, and roll-ups with the typed tables.

Every stored row must equal, in all columns, the row that the archived record at its position makes. Every event of the
archive must have a row. Repeats of an event may be merged already, so one of its records is enough.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from infra.connections import one_line
from infra.tables.decode import open_decoder
from infra.tables.differences import named, surplus
from infra.tables.digests import TypedDigests, below
from infra.tables.rollup_audit import RollupAudit
from infra.tables.row_hash import hashed
from infra.tables.scratch import create_rows_table, on_demand, scratch_database
from schemas.names import ARCHIVE_TABLE, DATABASE, DICTIONARY_TABLE
from streams.clickhouse_sink.errors import ClickHouseDownError, SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from infra.settings import Settings
    from infra.tables.decode import ArchiveDecoder, Position
    from infra.tables.digests import Ends, TableDigest
    from schemas.model import Catalog, Topic

IN_FLIGHT_S = 2.0
"""A row of a running stack follows its archived record within this many seconds."""
NEVER_COMPARED = (
    f"{DATABASE}.{DICTIONARY_TABLE}, {DATABASE}.migrations: their rows; comments of tables and columns",
    "ClickHouse's users, grants and policies; Kafka's access lists, group offsets and changelogs; boards",
)


@dataclass
class TypedResult:
    """What a comparison of typed tables found."""

    problems: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    explained: list[str] = field(default_factory=list)
    """Records without a row that a dead letter accounts for."""
    compared: int = 0
    """Rows compared with their record, without repeats."""
    repeats: int = 0
    """Records that repeat the event of another and were compared with its row, too."""
    rows: int = 0
    """Rows of the compared tables."""
    tables: int = 0
    rollup_rows: int = 0
    """Rows of roll-ups that were computed anew and compared."""
    remembered: dict[str, Any] = field(default_factory=dict)
    """For an incremental audit. `typed`: by table: ends, number and digest of rows; `rollups`: by table: the same."""


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
        self.result = TypedResult(not_checked=list(_never_compared(catalog)))
        self._ends: dict[str, Ends] = {}

    def check(self, remembered: Mapping[str, Any] | None = None) -> TypedResult:
        """Compare all tables.

        Args:
            remembered: What the last audit that passed remembered; `None` compares every row.
        """
        result = self.result
        try:
            with ExitStack() as opened:
                self._check(remembered, opened)
        except (OperationalError, ClickHouseDownError) as error:
            result.unreadable.append(f"ClickHouse: {one_line(error)}: typed rows are not compared")
        except (ClickHouseError, SinkError) as error:
            result.problems.append(f"typed rows: {one_line(error)}")
        return result

    def _check(self, remembered: Mapping[str, Any] | None, opened: ExitStack) -> None:
        archived = [topic for topic in self._catalog.topics.values() if topic.archived]
        rollups = RollupAudit(
            self._client,
            [topic.name for topic in archived],
            None if remembered is None else remembered.get("rollups", {}),
            settled=self._settled,
        )
        self.result.not_checked += rollups.not_compared()
        self._read_ends()
        known = (remembered or {}).get("typed", {})
        there = self._tables()
        digests = TypedDigests(self._client, self._ends, known)
        digests.read([each for each in archived if each.table in there])
        rollups.read()
        scratch = on_demand(opened, lambda: scratch_database(self._client))
        decoder = on_demand(opened, lambda: open_decoder(self._client, self._settings))
        self.result.remembered = {"typed": {}, "rollups": {}}
        for topic in archived:
            self._progress(f"rows of {topic.table}")
            table = f"{DATABASE}.{topic.table}"
            if topic.table not in there:
                self.result.problems.append(
                    f"{table}: the table is not there: `city tables rebuild {topic.name}`"
                )
                continue
            try:
                new = self._topic(topic, scratch, decoder, known.get(topic.table), digests.of(topic))
                table = f"roll-ups of {table}"
                if rollups.to_compare(topic.name, has_new_rows=new):
                    problems, count = rollups.compare(topic, scratch())
                    self.result.problems += problems
                    self.result.rollup_rows += count
            except (OperationalError, ClickHouseDownError):
                raise
            except (ClickHouseError, SinkError) as error:
                self.result.problems.append(f"{table}: cannot be compared: {one_line(error)}")
        self.result.remembered["rollups"] = rollups.remembered()

    def _read_ends(self) -> None:
        """Read the offset behind the last archived record of each partition."""
        rows = self._client.query(
            f"SELECT topic, partition, max(offset) + 1 FROM {DATABASE}.{ARCHIVE_TABLE} GROUP BY topic, partition"
        ).result_rows
        for name, partition, end in rows:
            self._ends.setdefault(name, {})[int(partition)] = int(end)

    def _tables(self) -> set[str]:
        rows = self._client.query(f"SELECT name FROM system.tables WHERE database = '{DATABASE}'").result_rows
        return {name for (name,) in rows}

    def _topic(
        self,
        topic: Topic,
        scratch: Callable[[], str],
        decoder: Callable[[], ArchiveDecoder],
        known: Any,
        now: TableDigest,
    ) -> bool:
        """Compare one table; return whether any of its rows was compared."""
        ends = self._ends.get(topic.name, {})
        self.result.tables += 1
        self.result.rows += now.rows
        first = None
        if known is not None and (now.old_rows, str(now.old_digest)) == (known["count"], known["digest"]):
            first = {int(partition): end for partition, end in known["ends"].items()}
            if all(first.get(partition, 0) >= end for partition, end in ends.items()):
                if now.beyond:
                    self.result.problems += surplus(self._client, topic, ends)
                self._remember(topic, ends, now)
                return False
        self._client.command(create_rows_table(topic, scratch()))
        refused = decoder().fill(topic, scratch(), first)
        before = len(self.result.problems)
        self._compare(topic, scratch(), ends, first or {})
        if now.beyond:
            self.result.problems += surplus(self._client, topic, ends)
        self._account(topic, [each for each in refused if each[1] < ends.get(each[0], 0)])
        if len(self.result.problems) == before:
            self._remember(topic, ends, now)
        return True

    def _remember(self, topic: Topic, ends: Ends, now: TableDigest) -> None:
        self.result.remembered["typed"][topic.table] = {
            "ends": {str(partition): end for partition, end in ends.items()},
            "count": now.rows,
            "digest": str(now.digest),
        }

    def _compare(self, topic: Topic, scratch: str, ends: Ends, first: Ends) -> None:
        """Find rows that differ from their record's, and events without a row."""
        made, stored = f"{scratch}.{topic.table}", f"{DATABASE}.{topic.table}"
        row_hash = f"sipHash128({hashed(topic)})"
        within = f"{below(ends)} AND NOT {below(first)}"
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
        counting = f"SELECT count(), uniqExact(event_id) FROM {made} WHERE {within}"
        records, events = self._client.query(counting).result_rows[0]
        self.result.compared += int(events)
        self.result.repeats += int(records) - int(events)
        self.result.problems += named(self._client, topic, made, positions)

    def _positions(self, *queries: str) -> list[Position]:
        found = {(int(p), int(o)) for sql in queries for p, o in self._client.query(sql).result_rows}
        return sorted(found)

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


def _never_compared(catalog: Catalog) -> Iterator[str]:
    """Yield one line for each thing that no audit compares."""
    for topic in catalog.topics.values():
        if not topic.archived:
            sealed = "" if topic.sealed else "neither sealed nor "
            yield (
                f"{topic.name}: its records are {sealed or 'not '}archived: "
                f"the rows of {DATABASE}.{topic.table} are compared with nothing"
            )
    yield from NEVER_COMPARED
