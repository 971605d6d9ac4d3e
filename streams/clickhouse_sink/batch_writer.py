"""Writes a claimed batch: archive rows, typed rows, roll-ups, dead letters. A replay of the batch changes nothing.

When `write` returns, every record has its one row in the archive. Every record that a schema reads has its row in
the typed table, and the roll-ups have counted it. Every other record is dead-lettered. A retry in the same process
skips the completed steps of the task. The tokens skip what another process has stored.

Tokens alone do not suffice after an insert with an unknown outcome:

- The deduplication window is finite. So the archive is asked which offsets it has.
- ClickHouse records a token a moment before the rows are visible. If it is killed in between, it takes the replayed
  insert for a repeat. So replayed rows are counted, and inserted again if they are missing.
"""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.model import Catalog, Schema, Topic
from schemas.names import ARCHIVE_TABLE
from schemas.tables import quote
from streams.clickhouse_sink.archive_insert import insert_archive
from streams.clickhouse_sink.avro_container import MARKER_SIZE, container
from streams.clickhouse_sink.batch import InsertBatch
from streams.clickhouse_sink.bisect_insert import BisectInsert
from streams.clickhouse_sink.client import ClickHouseClient
from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.dead_letters import DeadLetterWriter
from streams.clickhouse_sink.errors import ClickHouseDownError, ClickHouseRefusedError, LeaseExpiredError
from streams.clickhouse_sink.insert_sql import EXPIRED, insert_rows
from streams.clickhouse_sink.invalid_records import InvalidRecord, by_schema, find_invalid
from streams.clickhouse_sink.lease import ClickHouseClock, Lease
from streams.clickhouse_sink.rollups import refresh

TransformForTests = Callable[[InsertBatch], InsertBatch]
"""A hook that only tests set, for a sink with a known fault: it changes a batch before it is written."""

SETTLE_S: Final = 1.0
"""Seconds after which another process's insert under the same token must be visible."""

AGAIN: Final = ":again"
"""Suffix of the token of an insert that is repeated because its rows are missing."""


@dataclass(slots=True)
class Archived:
    """The last archived offset of a partition when this sink got it. None until it was queried."""

    last: int | None = None


@dataclass(slots=True)
class InsertTask:
    """A batch to be written, with its progress across retries.

    Attributes:
        batch: The records.
        archived: The archive's last offset at assignment.
        lease: Until when the batch may be inserted.
        unsure: Whether an earlier insert of it has an unknown outcome.
        done: Tokens of the stored inserts.
        invalid: Records that no schema reads, found so far.
    """

    batch: InsertBatch
    archived: Archived
    lease: Lease
    unsure: bool = False
    done: set[str] = field(default_factory=set)
    invalid: list[InvalidRecord] = field(default_factory=list)


class BatchWriter:
    """Writer of tasks. Several threads may use it, each for another task.

    Args:
        config: Settings.
        catalog: Topics and schemas.
        transform_for_tests: Only for a test that needs a faulty sink: changes a batch before it is written.
    """

    def __init__(
        self, config: SinkConfig, catalog: Catalog, transform_for_tests: TransformForTests | None = None
    ) -> None:
        self._config = config
        self._catalog = catalog
        self._transform_for_tests = transform_for_tests
        self._client = ClickHouseClient(config)
        self._clock = ClickHouseClock(self._client)
        self._dead_letters = DeadLetterWriter(config, catalog)
        self._bisect = BisectInsert(config, catalog, self._client)

    def write(self, task: InsertTask) -> None:
        """Write a task: archive, typed table, roll-ups, dead letters, in this order.

        Args:
            task: The task. What is done is noted in it, so a retry goes on there.

        Raises:
            LeaseLostError: Another sink has the partition.
            LeaseExpiredError: The claim has to be committed again.
            StreamsError: A step failed. Retry the same task later.
        """
        batch = self._transform_for_tests(task.batch) if self._transform_for_tests else task.batch
        topic = self._catalog.topics[batch.topic]
        try:
            if topic.archived and batch.token not in task.done:
                self._archive(task, batch)
                task.done.add(batch.token)
            self._rows(task, batch, topic)
        except ClickHouseDownError:
            task.unsure = True
            raise
        except ClickHouseRefusedError as error:
            if EXPIRED not in error.text:
                raise
            self._clock.forget()
            raise LeaseExpiredError("ClickHouse says that the claim is too old to insert under") from None
        statements = self._config.rollups.get(topic.name, ())
        claim = batch.claim
        refresh(statements, self._client.run, self._client.rows, batch.partition, claim.first, claim.last)
        self._dead_letters.send(batch, task.invalid)

    def _archive(self, task: InsertTask, batch: InsertBatch) -> None:
        """Store the records that the archive does not have yet."""
        if task.archived.last is None:
            task.archived.last = self._last_archived(batch)
        careful = task.unsure or batch.claim.first <= task.archived.last
        if not careful:
            self._archive_part(task, batch, batch.token)
            return
        missing = self._missing(batch)
        if missing:
            part = batch.pick(missing)
            token = batch.token if len(missing) == len(batch) else f"{batch.token}:{_digest(part)}"
            self._archive_part(task, part, token)
            if self._missing(part):
                time.sleep(SETTLE_S)  # another process's insert under this token may not be visible yet
                if self._missing(part):
                    self._archive_part(task, part, token + AGAIN)

    def _archive_part(self, task: InsertTask, part: InsertBatch, token: str) -> None:
        """Insert a part of the batch into the archive."""
        if part.offsets:
            sql, body = insert_archive(
                part, self._config.database, task.lease.lease_expiry_check(self._clock)
            )
            self._client.insert(sql, body, token)

    def _last_archived(self, batch: InsertBatch) -> int:
        """Return the last archived offset from the batch's first on, or -1."""
        found = self._client.rows(
            f"SELECT if(count() = 0, -1, toInt64(max(offset))) FROM {self._archive_where(batch)} "
            f"AND offset >= {batch.claim.first}"
        )
        return int(found[0][0])

    def _missing(self, batch: InsertBatch) -> list[int]:
        """Return the indexes of the records that are not in the archive."""
        found = self._client.rows(
            f"SELECT offset FROM {self._archive_where(batch)} "
            f"AND offset BETWEEN {batch.claim.first} AND {batch.claim.last}"
        )
        there = {int(row[0]) for row in found}
        return [at for at, offset in enumerate(batch.offsets) if offset not in there]

    def _archive_where(self, batch: InsertBatch) -> str:
        """Return the part of a query that selects the batch's partition."""
        table = f"{self._config.database}.{ARCHIVE_TABLE}"
        return f"{table} WHERE topic = {quote(batch.topic)} AND partition = {batch.partition}"

    def _rows(self, task: InsertTask, batch: InsertBatch, topic: Topic) -> None:
        """Store the typed rows, one block for each schema."""
        groups, unknown = by_schema(batch, topic)
        if unknown and "unknown" not in task.done:
            task.invalid += find_invalid(batch, unknown, topic, self._catalog)
            task.done.add("unknown")
        for schema, indexes in groups:
            token = f"{batch.token}:{schema.id}"
            if token not in task.done:
                task.invalid += self._block(task, batch, topic, schema, indexes)
                task.done.add(token)

    def _block(
        self, task: InsertTask, batch: InsertBatch, topic: Topic, schema: Schema, indexes: Sequence[int]
    ) -> list[InvalidRecord]:
        """Store one block without its invalid records. Return the invalid ones."""

        def insert(chosen: Sequence[int]) -> None:
            if not chosen:
                return
            part = batch if len(chosen) == len(batch) else batch.pick(chosen)
            token = f"{batch.token}:{schema.id}"
            self._insert(task, part, topic, schema, token)
            if task.unsure and self._stored(part, topic) < len(part):
                self._insert(task, part, topic, schema, token + AGAIN)  # a repeated row stays one event

        try:
            insert(indexes)
        except ClickHouseRefusedError as error:
            if EXPIRED in error.text:
                raise
            return self._bisect.insert_valid(batch, topic, schema, indexes, error, insert)
        return []

    def _insert(self, task: InsertTask, part: InsertBatch, topic: Topic, schema: Schema, token: str) -> None:
        """Insert a part of the batch into the typed table."""
        marker = os.urandom(MARKER_SIZE)
        sql = insert_rows(
            topic, schema, marker, self._config.database, task.lease.lease_expiry_check(self._clock)
        )
        self._client.insert(sql, container(schema, part, marker), token)

    def _stored(self, part: InsertBatch, topic: Topic) -> int:
        """Return how many offsets between the first and last of these have a row in the typed table."""
        found = self._client.rows(
            f"SELECT uniqExact(_offset) FROM {self._config.database}.{topic.table} WHERE _partition = {part.partition} "
            f"AND _offset BETWEEN {min(part.offsets)} AND {max(part.offsets)}"
        )
        return int(found[0][0])


def _digest(part: InsertBatch) -> str:
    """Return a digest of a part's offsets, so that its token differs from the whole batch's."""
    return hashlib.sha256(",".join(map(str, part.offsets)).encode()).hexdigest()[:16]
