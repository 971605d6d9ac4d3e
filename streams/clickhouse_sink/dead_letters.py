"""Sends what no schema reads to its domain's dead-letter topic (docs/dead-letters.md).

`send` returns once Kafka has confirmed all dead letters. A replayed batch sends the same bytes again, and their rows
replace the first ones. The producer is made when it is first needed: most sinks never need one.
"""

import threading
from collections.abc import Sequence

from schemas.model import Catalog
from streams.clickhouse_sink.batch import InsertBatch
from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.invalid_records import InvalidRecord
from streams.config import StreamsConfig
from streams.dead_letter import KafkaOrigin, Refusal, dead_letter, topic_for
from streams.produce.deliveries import DeliveryTracker
from streams.produce.kafka import Producer

SOURCE = "sink:clickhouse"


class DeadLetterWriter:
    """Writer of dead letters. Any thread may use it."""

    def __init__(self, config: SinkConfig, catalog: Catalog) -> None:
        self._config = StreamsConfig(kafka=config.kafka, connect_timeout_s=config.connect_timeout_s)
        self._catalog = catalog
        self._lock = threading.Lock()
        self._producer: Producer | None = None

    def send(self, batch: InsertBatch, invalid: Sequence[InvalidRecord]) -> None:
        """Send a dead letter for each invalid record and wait for Kafka's confirmation.

        Args:
            batch: The batch.
            invalid: Its invalid records.

        Raises:
            StreamsError: Kafka did not take them all. Send them again.
        """
        if not invalid:
            return
        with self._lock:
            producer = self._producer = self._producer or Producer(self._config, self._catalog)
        deliveries = DeliveryTracker()
        topic = topic_for(self._catalog.topics[batch.topic].domain)
        for each in invalid:
            at = each.index
            key = batch.keys[at]
            event = dead_letter(
                KafkaOrigin(batch.topic, batch.partition, batch.offsets[at]),
                Refusal("decode", each.reason),
                batch.values[at] or b"",
                source=SOURCE,
                occurred_us=batch.stamps[at] * 1000,
                key=None if key is None else key.decode(errors="replace"),
            )
            producer.produce(topic, event, deliveries=deliveries)
        producer.wait(deliveries)
