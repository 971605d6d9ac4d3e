"""Finds the invalid records of a block that ClickHouse refused, and stores the rest (docs/delivery.md#one-bad-datum).

The codec reads the records first, one by one. If it reads them all, halves of the block are inserted into `null()`
until the single records are found. A refusal without an invalid record (a missing table, a full disk) is raised
again. So is one with too many invalid records: then the tables are wrong.
"""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Final

from schemas.model import Catalog, Schema, Topic
from streams.clickhouse_sink.avro_container import MARKER_SIZE, container
from streams.clickhouse_sink.batch import InsertBatch
from streams.clickhouse_sink.client import ClickHouseClient
from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.errors import ClickHouseRefusedError
from streams.clickhouse_sink.insert_sql import EXPIRED, try_rows
from streams.clickhouse_sink.invalid_records import InvalidRecord, find_invalid

_PARSING: Final = (
    6,
    26,
    27,
    32,
    33,
    36,
    38,
    41,
    43,
    53,
    69,
    70,
    72,
    117,
    128,
    130,
    131,
    173,
    190,
    241,
    321,
    349,
)
_CONVERTING: Final = (376, 395, 407, 469, 636, 691, 706, 748, 1000, 1001, 1002)
DATA_ERRORS: Final = frozenset((*_PARSING, *_CONVERTING))
"""ClickHouse's codes for values that do not parse, fit or convert; 748 is Avro's own, 395 our `throwIf`."""


class BisectInsert:
    """Finder of invalid records in refused blocks. Any thread may use it.

    Args:
        config: Settings. `refusal_limit` bounds what this object dead-letters because of ClickHouse alone.
        catalog: Topics and schemas.
        client: ClickHouse.
    """

    def __init__(self, config: SinkConfig, catalog: Catalog, client: ClickHouseClient) -> None:
        self._catalog = catalog
        self._client = client
        self._lock = threading.Lock()
        self._left = config.refusal_limit

    def insert_valid(
        self,
        batch: InsertBatch,
        topic: Topic,
        schema: Schema,
        indexes: Sequence[int],
        refusal: ClickHouseRefusedError,
        insert: Callable[[Sequence[int]], None],
    ) -> list[InvalidRecord]:
        """Store the valid records of a refused block.

        Args:
            batch: The batch.
            topic: The records' topic.
            schema: The schema that their frames name.
            indexes: Indexes in the batch of the block's records.
            refusal: ClickHouse's error for the whole block.
            insert: Stores the records with these indexes as the block.

        Returns:
            The invalid records, for the dead letters.

        Raises:
            ClickHouseRefusedError: No record causes the refusal, or too many do.
        """
        found = find_invalid(batch, indexes, topic, self._catalog)
        rest = _without(indexes, found)
        if found:
            try:
                insert(rest)
            except ClickHouseRefusedError as error:
                refusal = error
            else:
                return found
        if refusal.code not in DATA_ERRORS or EXPIRED in refusal.text:
            raise refusal
        blamed = self._refused(batch, topic, schema, rest)
        with self._lock:
            if not blamed or len(blamed) > self._left or 1 < len(rest) == len(blamed):
                raise refusal
            self._left -= len(blamed)
        insert(_without(rest, blamed))
        return [*found, *blamed]

    def _refused(
        self, batch: InsertBatch, topic: Topic, schema: Schema, indexes: Sequence[int]
    ) -> list[InvalidRecord]:
        """Return the records that ClickHouse refuses, by bisection. Stop once there are too many."""
        found: list[InvalidRecord] = []
        halves = [list(indexes)]
        while halves and len(found) <= self._left:
            part = halves.pop()
            error = self._tried(batch, topic, schema, part)
            if error is None:
                continue
            if len(part) == 1:
                found.append(InvalidRecord(part[0], f"ClickHouse error {error.code}"))
                continue
            middle = len(part) // 2
            halves += [part[middle:], part[:middle]]
        return found

    def _tried(
        self, batch: InsertBatch, topic: Topic, schema: Schema, indexes: Sequence[int]
    ) -> ClickHouseRefusedError | None:
        """Dry-run the insert into `null()`. Return ClickHouse's error or None."""
        marker = os.urandom(MARKER_SIZE)
        body = container(schema, batch.pick(indexes), marker)
        try:
            self._client.insert(try_rows(topic, schema, marker), body, "")
        except ClickHouseRefusedError as error:
            return error
        return None


def _without(indexes: Sequence[int], found: Sequence[InvalidRecord]) -> list[int]:
    """Return the indexes without those of the invalid records."""
    bad = {each.index for each in found}
    return [index for index in indexes if index not in bad]
