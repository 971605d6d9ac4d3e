"""ClickHouse's own Kafka engine in chDB as a side of the sink row: two Kafka tables, each with a view into a table.

It runs in an engine of its own, which is this process: the door's grants refuse foreign table engines. It reads
the topic twice, for a Kafka table has one format: `RawBLOB` into the archive, `AvroConfluent` into the typed
table. What it knows of a record is less: the timestamp type is a constant of the view, a missing key or header
value is an empty one. An insert that was cut off is done again as it comes, and a record that no schema reads
stops its partition.

chDB 26.9 answers each CREATE of a Kafka table with "Shutdown was called", makes the table all the same, and
reads with it (its registry of streaming tables is never opened in an embedded engine). So a CREATE counts as
done when the table is there.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import chdb

from schemas.tables import columns, create_archive, create_database, create_table, insert_columns, quote
from tests.bench.clock import Clock
from tests.streams.clickhouse_sink.stage import make_catalog

if TYPE_CHECKING:
    from schemas.model import Topic

DATABASE = "bench"
LOOK_S = 0.05
PATIENCE_S = 60.0
FLUSH_MS = 500
NEVER_OPENED = "Shutdown was called"
CONFIG = (
    "<clickhouse><background_pool_size>2</background_pool_size>"
    # As the door has it: what is stored is on the disk.
    "<merge_tree><fsync_after_insert>1</fsync_after_insert>"
    "<fsync_part_directory>1</fsync_part_directory></merge_tree></clickhouse>"
)


class EngineSideError(Exception):
    """The engine does not do it: what it says, in one line."""


@dataclass(frozen=True)
class KafkaEngine:
    """An open engine that is to read a topic.

    Attributes:
        connection: A handle of it.
        topic: The topic.
        kafka: Bootstrap address.
        group: Beginning of the consumer groups' names.
        registry: Address of the schema registry.
        total: Records in the topic.
    """

    connection: chdb.Connection
    topic: Topic
    kafka: str
    group: str
    registry: str
    total: int

    def ask(self, sql: str) -> list[str]:
        """Run a statement; return the words of its result."""
        return str(self.connection.query(sql, "TSV")).split()

    def make(self) -> None:
        """Make the target tables and the Kafka tables; they read once they have views."""
        self.ask(create_database(DATABASE))
        self.ask(create_archive(DATABASE))
        self.ask(create_table(self.topic, DATABASE))
        kinds = {column.name: column.type for column in columns(self.topic)}
        fields = ", ".join(f"`{name}` {kinds[name]}" for name in self._fields())
        self._make_source("raw", "value String", {"kafka_format": "RawBLOB"})
        typed = {"kafka_format": "AvroConfluent", "format_avro_schema_registry_url": self.registry}
        self._make_source("typed", fields, typed)

    def start(self) -> None:
        """Make the views, which lets the records flow."""
        self.ask(
            f"CREATE MATERIALIZED VIEW {DATABASE}.raw_view TO {DATABASE}.records AS SELECT _topic AS topic, "
            "_partition AS partition, _offset AS offset, 1 AS timestamp_type, "
            "toUnixTimestamp64Milli(assumeNotNull(_timestamp_ms)) AS timestamp_ms, _key AS key, value, "
            f"arrayZip(_headers.name, _headers.value) AS headers FROM {DATABASE}.raw"
        )
        fields = ", ".join(f"`{name}`" for name in self._fields())
        self.ask(
            f"CREATE MATERIALIZED VIEW {DATABASE}.typed_view TO {DATABASE}.{self.topic.table} AS "
            f"SELECT {fields}, _partition, _offset, _timestamp_ms AS _received_at FROM {DATABASE}.typed"
        )

    def run(self, clock: Clock) -> None:
        """Time it from the first message that a consumer has to the last row in both tables.

        Raises:
            EngineSideError: Nothing came for a while.
        """
        taken = "SELECT sum(num_messages_read) FROM system.kafka_consumers"
        self._await(taken, 1)
        clock.begin()
        for table in ("records", self.topic.table):
            self._await(f"SELECT count() FROM {DATABASE}.{table}", self.total)
        clock.count(self.total)
        clock.finish()

    def different(self) -> list[int]:
        """Count what is in the tables, each record once: in the archive, in the typed table."""
        return [
            int(self.ask(f"SELECT uniqExact({key}) FROM {DATABASE}.{table}")[0])
            for table, key in (("records", "partition, offset"), (self.topic.table, "event_id"))
        ]

    def _make_source(self, name: str, fields: str, told: dict[str, str]) -> None:
        """Make a Kafka table with a consumer for each of the topic's two partitions.

        Raises:
            EngineSideError: The engine did not make it.
        """
        told = {
            "kafka_broker_list": self.kafka,
            "kafka_topic_list": self.topic.name,
            "kafka_group_name": f"{self.group}-{name}",
            **told,
        }
        words = ", ".join(f"{key} = {quote(value)}" for key, value in told.items())
        numbers = (
            f"kafka_num_consumers = 2, kafka_thread_per_consumer = 1, kafka_flush_interval_ms = {FLUSH_MS}"
        )
        try:
            self.ask(f"CREATE TABLE {DATABASE}.{name} ({fields}) ENGINE = Kafka SETTINGS {words}, {numbers}")
        except chdb.ChdbError as error:
            if NEVER_OPENED not in str(error) or self.ask(f"EXISTS {DATABASE}.{name}") != ["1"]:
                raise EngineSideError(str(error)) from error

    def _fields(self) -> list[str]:
        return [name for name in insert_columns(self.topic) if not name.startswith("_")]

    def _await(self, sql: str, number: int) -> None:
        """Wait until a query's number has come that far.

        Raises:
            EngineSideError: It has not moved for a while.
        """
        before, moved_at = -1, time.monotonic()
        while (found := int(self.ask(sql)[0])) < number:
            if found != before:
                before, moved_at = found, time.monotonic()
            if time.monotonic() - moved_at > PATIENCE_S:
                raise EngineSideError(f"{sql} stays at {found} of {number}: {self._trouble()}")
            time.sleep(LOOK_S)

    def _trouble(self) -> str:
        """Return what the consumers complained of last."""
        sql = "SELECT arrayStringConcat(exceptions.text, ' ') FROM system.kafka_consumers"
        return " ".join(self.ask(sql))[:200] or "and no consumer says why"


def main() -> None:
    """Run the side."""
    told = json.loads(sys.argv[1])
    catalog = make_catalog(told["stage"])
    topic = next(each for each in catalog.topics.values() if each.event == "reading")
    folder = Path(told["folder"])
    (folder / "config.xml").write_text(CONFIG, encoding="utf-8")
    connection = chdb.connect(f"{folder / 'engine'}?config-file={folder / 'config.xml'}")
    engine = KafkaEngine(connection, topic, told["kafka"], told["group"], told["registry"], told["total"])
    try:
        engine.make()
        engine.start()
        engine.run(Clock(told["total"], told["servers"]))
        (folder / "stored.json").write_text(json.dumps(engine.different()), encoding="utf-8")
    except (EngineSideError, chdb.ChdbError) as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        ended = 1
    else:
        ended = 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ended)  # an engine that is reading ends with its process; to close it in order takes seconds


if __name__ == "__main__":
    main()
