"""One claimed batch → archive rows, typed rows, roll-ups, dead letters; done again, it is the same once.

It promises: when `write` returns, every record has its one row in the archive, every record that a schema
reads has its row in the typed table, the roll-ups have counted it, and every other record is dead-lettered.
What a task has done before it failed is not done again by the same process; what another process did is
found by its token.

Tokens alone are not trusted after an insert whose outcome nobody knows. The window of tokens does not reach
back for ever, so the archive is asked which offsets it has. And ClickHouse notes a token a moment before
the rows can be seen: killed in between, it takes the redone insert for a repeat. So what was redone is
counted, and inserted again if it is not there.
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

TransformForTests = Callable[[InsertBatch], InsertBatch]
"""A hook that only tests set, to have a sink that is broken on purpose: it changes a batch before it is written."""
SETTLE_S: Final = 1.0
AGAIN: Final = ":again"


@dataclass(slots=True)
class Archived:
    """The last offset of a partition that was in the archive when this sink got it; None until asked."""

    last: int | None = None


@dataclass(slots=True)
class InsertTask:
    """A batch on its way, across retries.

    Attributes:
        batch: The records.
        archived: How far the archive had come before.
        lease: Whether and until when it may be inserted.
        unsure: Whether some insert of it may have been begun before, with an outcome that is not known.
        done: Tokens of inserts that are stored.
        culprits: Records that no schema reads, found so far.
    """

    batch: InsertBatch
    archived: Archived
    lease: Lease
    unsure: bool = False
    done: set[str] = field(default_factory=set)
    culprits: list[InvalidRecord] = field(default_factory=list)


class BatchWriter:
    """Writes tasks; any number of threads may, each another task.

    Args:
        config: Settings.
        catalog: Topics and schemas.
        transform_for_tests: Only for a test that needs a broken sink: changes a batch before it is written.
    """

    def __init__(
        self, config: SinkConfig, catalog: Catalog, transform_for_tests: TransformForTests | None = None
    ) -> None:
        self._config = config
        self._catalog = catalog
        self._transform_for_tests = transform_for_tests
        self._engine = ClickHouseClient(config)
        self._clock = ClickHouseClock(self._engine)
        self._letters = DeadLetterWriter(config, catalog)
        self._sieve = BisectInsert(config, catalog, self._engine)

    def write(self, task: InsertTask) -> None:
        """Carry a task to its end.

        Raises:
            LeaseLostError: Another sink has the partition.
            LeaseExpiredError: The claim has to be committed again.
            StreamsError: Something did not work; the same task again, later.
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
        for statement in self._config.rollups.get(topic.name, ()):
            claim = batch.claim
            self._engine.run(statement, partition=batch.partition, first=claim.first, last=claim.last)
        self._letters.send(batch, task.culprits)

    def _archive(self, task: InsertTask, batch: InsertBatch) -> None:
        """Store what the archive does not have yet."""
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
                time.sleep(SETTLE_S)  # another's insert under this token may be about to be seen
                if self._missing(part):
                    self._archive_part(task, part, token + AGAIN)

    def _archive_part(self, task: InsertTask, part: InsertBatch, token: str) -> None:
        """Insert into the archive."""
        if part.offsets:
            sql, body = insert_archive(
                part, self._config.database, task.lease.lease_expiry_check(self._clock)
            )
            self._engine.insert(sql, body, token)

    def _last_archived(self, batch: InsertBatch) -> int:
        """Return the last archived offset at or behind the batch's first, or -1."""
        found = self._engine.rows(
            f"SELECT if(count() = 0, -1, toInt64(max(offset))) FROM {self._archive_where(batch)} "
            f"AND offset >= {batch.claim.first}"
        )
        return int(found[0][0])

    def _missing(self, batch: InsertBatch) -> list[int]:
        """Return the places of the batch whose offsets are not in the archive."""
        found = self._engine.rows(
            f"SELECT offset FROM {self._archive_where(batch)} "
            f"AND offset BETWEEN {batch.claim.first} AND {batch.claim.last}"
        )
        there = {int(row[0]) for row in found}
        return [at for at, offset in enumerate(batch.offsets) if offset not in there]

    def _archive_where(self, batch: InsertBatch) -> str:
        """Write the part of a query that names the batch's partition."""
        table = f"{self._config.database}.{ARCHIVE_TABLE}"
        return f"{table} WHERE topic = {quote(batch.topic)} AND partition = {batch.partition}"

    def _rows(self, task: InsertTask, batch: InsertBatch, topic: Topic) -> None:
        """Store the typed rows, a block for each schema."""
        groups, unknown = by_schema(batch, topic)
        if unknown and "unknown" not in task.done:
            task.culprits += find_invalid(batch, unknown, topic, self._catalog)
            task.done.add("unknown")
        for schema, places in groups:
            token = f"{batch.token}:{schema.id}"
            if token not in task.done:
                task.culprits += self._block(task, batch, topic, schema, places)
                task.done.add(token)

    def _block(
        self, task: InsertTask, batch: InsertBatch, topic: Topic, schema: Schema, places: Sequence[int]
    ) -> list[InvalidRecord]:
        """Store one block, without those of its records that no schema reads; return them."""

        def insert(chosen: Sequence[int]) -> None:
            if not chosen:
                return
            part = batch if len(chosen) == len(batch) else batch.pick(chosen)
            token = f"{batch.token}:{schema.id}"
            self._insert(task, part, topic, schema, token)
            if task.unsure and self._stored(part, topic) < len(part):
                self._insert(task, part, topic, schema, token + AGAIN)  # a row twice is one event still

        try:
            insert(places)
        except ClickHouseRefusedError as error:
            if EXPIRED in error.text:
                raise
            return self._sieve.sift(batch, topic, schema, places, error, insert)
        return []

    def _insert(self, task: InsertTask, part: InsertBatch, topic: Topic, schema: Schema, token: str) -> None:
        """Insert into the typed table."""
        marker = os.urandom(MARKER_SIZE)
        sql = insert_rows(
            topic, schema, marker, self._config.database, task.lease.lease_expiry_check(self._clock)
        )
        self._engine.insert(sql, container(schema, part, marker), token)

    def _stored(self, part: InsertBatch, topic: Topic) -> int:
        """Count the rows of these offsets in the typed table."""
        found = self._engine.rows(
            f"SELECT count() FROM {self._config.database}.{topic.table} WHERE _partition = {part.partition} "
            f"AND _offset BETWEEN {min(part.offsets)} AND {max(part.offsets)}"
        )
        return int(found[0][0])


def _digest(part: InsertBatch) -> str:
    """Name a part of a batch by its offsets: it must not pass for the whole."""
    return hashlib.sha256(",".join(map(str, part.offsets)).encode()).hexdigest()[:16]
