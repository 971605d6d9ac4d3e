"""A block that ClickHouse refused → the records that are to blame, and the rest stored.

The codec is asked first, record by record; where it reads them all, halves of the block are inserted into
nowhere until the single records are found. A refusal that no record is to blame for (a table that is not
there, a full disk) is passed on, and so is one that too many are to blame for: then it is the tables that
are wrong (docs/delivery.md#one-bad-datum).
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
    """Finds culprits; any thread may use it."""

    def __init__(self, config: SinkConfig, catalog: Catalog, engine: ClickHouseClient) -> None:
        self._catalog = catalog
        self._engine = engine
        self._lock = threading.Lock()
        self._left = config.refusal_limit

    def sift(
        self,
        batch: InsertBatch,
        topic: Topic,
        schema: Schema,
        places: Sequence[int],
        refusal: ClickHouseRefusedError,
        insert: Callable[[Sequence[int]], None],
    ) -> list[InvalidRecord]:
        """Store all but the culprits.

        Args:
            batch: Where the records are.
            topic: Their topic.
            schema: The schema their frames name.
            places: Which records of the batch the block held.
            refusal: What ClickHouse said to all of them.
            insert: Stores these places of the batch as the block.

        Returns:
            The culprits, for the dead letters.

        Raises:
            EngineRefusedError: It is not the records' fault.
        """
        found = find_invalid(batch, places, topic, self._catalog)
        rest = _without(places, found)
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
        self, batch: InsertBatch, topic: Topic, schema: Schema, places: Sequence[int]
    ) -> list[InvalidRecord]:
        """Find the records that ClickHouse refuses, by halves; gives up when there are too many."""
        found: list[InvalidRecord] = []
        halves = [list(places)]
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
        self, batch: InsertBatch, topic: Topic, schema: Schema, places: Sequence[int]
    ) -> ClickHouseRefusedError | None:
        """Insert into nowhere; return what ClickHouse says against it."""
        marker = os.urandom(MARKER_SIZE)
        body = container(schema, batch.pick(places), marker)
        try:
            self._engine.insert(try_rows(topic, schema, marker), body, "")
        except ClickHouseRefusedError as error:
            return error
        return None


def _without(places: Sequence[int], found: Sequence[InvalidRecord]) -> list[int]:
    """Return the places that are not among the culprits."""
    bad = {culprit.place for culprit in found}
    return [place for place in places if place not in bad]
