"""Dead letters of the sink: what no schema reads goes to its domain's dead-letter topic (docs/dead-letters.md).

It promises: `send` returns when Kafka has confirmed all of them, and a redone batch sends byte-identical
ones again, whose rows replace the first. The producer is made at the first need, for most sinks never have
one.
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
    """Writes dead letters; any thread may use it."""

    def __init__(self, config: SinkConfig, catalog: Catalog) -> None:
        self._config = StreamsConfig(kafka=config.kafka, connect_timeout_s=config.connect_timeout_s)
        self._catalog = catalog
        self._lock = threading.Lock()
        self._producer: Producer | None = None

    def send(self, batch: InsertBatch, culprits: Sequence[InvalidRecord]) -> None:
        """Dead-letter these records of a batch.

        Raises:
            StreamsError: Kafka did not take them all; send them again.
        """
        if not culprits:
            return
        with self._lock:
            producer = self._producer = self._producer or Producer(self._config, self._catalog)
        deliveries = DeliveryTracker()
        topic = topic_for(self._catalog.topics[batch.topic].domain)
        for culprit in culprits:
            at = culprit.place
            key = batch.keys[at]
            event = dead_letter(
                KafkaOrigin(batch.topic, batch.partition, batch.offsets[at]),
                Refusal("decode", culprit.reason),
                batch.values[at] or b"",
                source=SOURCE,
                occurred_us=batch.stamps[at] * 1000,
                key=None if key is None else key.decode(errors="replace"),
            )
            producer.produce(topic, event, deliveries=deliveries)
        producer.wait(deliveries)
