"""One broker of its own for a row, and plain ways to fill, read and look at its topics.

Nothing here is code of the platform but the embedded broker: what a side delivered is judged by a plain
consumer.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.ports import free_ports
from infra.kafka.topics import await_leaders, ensure_topics
from schemas.catalog import load_catalog
from tests.bench.harness import SideError
from tests.harness.broker import RunningKafka

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PARTITIONS = 2
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Broker:
    """A running broker.

    Attributes:
        kafka: Its bootstrap address.
        pid: Its process.
        folder: A folder that lasts as long as it does.
        partitions: Of each topic.
    """

    kafka: str
    pid: int
    folder: Path
    partitions: int = PARTITIONS

    def create(self, *topics: str) -> None:
        """Create topics."""
        admin = AdminClient({"bootstrap.servers": self.kafka})
        for future in admin.create_topics([NewTopic(name, self.partitions, 1) for name in topics]).values():
            future.result()
        await_leaders(admin, dict.fromkeys(topics, self.partitions))

    def fill(self, topic: str, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Write records, key and value, as the platform's own producer lays them out."""
        producer = Producer(producer_settings(self.kafka))
        for key, value in records:
            hand_over(producer, topic, key, value)
        if producer.flush(PATIENCE_S):
            raise SideError(f"{topic}: the broker does not take the benchmark's records")

    def ends(self, topic: str) -> list[int]:
        """Return the end of each partition."""
        with self._client() as client:
            places = [TopicPartition(topic, number) for number in range(self.partitions)]
            return [client.get_watermark_offsets(place, timeout=10)[1] for place in places]

    def read(self, topic: str, begin: Sequence[int]) -> Iterator[tuple[bytes, bytes]]:
        """Yield key and value of every record from `begin` to the present end."""
        left = sum(self.ends(topic)) - sum(begin)
        with self._client() as client:
            client.assign([TopicPartition(topic, number, at) for number, at in enumerate(begin)])
            deadline = time.monotonic() + PATIENCE_S
            while left > 0:
                messages = [each for each in client.consume(10_000, 0.2) if each.error() is None]
                left -= len(messages)
                for each in messages:
                    yield each.key() or b"", each.value()
                if time.monotonic() > deadline:
                    raise SideError(f"{topic}: {left} records did not come within {PATIENCE_S:g} s")

    def await_commit(self, group: str, topic: str, patience_s: float = 5.0) -> None:
        """Check that a group has committed all of a topic.

        Raises:
            SideError: It has not, not even after a little while.
        """
        places = [TopicPartition(topic, number) for number in range(self.partitions)]
        ends, deadline = self.ends(topic), time.monotonic() + patience_s
        committed: list[int] = []
        with self._client(group) as client:
            while True:
                with contextlib.suppress(KafkaException):  # the coordinator is loading
                    committed = [max(each.offset, 0) for each in client.committed(places, timeout=10)]
                    if committed == ends:
                        return
                if time.monotonic() > deadline:
                    raise SideError(f"{group} committed {committed} of {ends} on {topic}")
                time.sleep(0.1)

    @contextlib.contextmanager
    def _client(self, group: str = "bench-look") -> Iterator[Any]:
        settings = {"bootstrap.servers": self.kafka, "group.id": group, "enable.auto.commit": False}
        client = Consumer(settings)
        try:
            yield client
        finally:
            client.close()


def producer_settings(kafka: str) -> dict[str, Any]:
    """Return what a careful librdkafka producer is told; the platform's own is told the same."""
    return {
        "bootstrap.servers": kafka,
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 20,
        "log_level": 2,
    }


def hand_over(producer: Any, topic: str, key: bytes, value: bytes) -> None:
    """Give a record to a librdkafka producer, waiting while its queue is full."""
    while True:
        try:
            producer.produce(topic, value, key)
        except BufferError:
            producer.poll(0.05)
        else:
            return


@contextlib.contextmanager
def a_broker(partitions: int = PARTITIONS) -> Iterator[Broker]:
    """Start a broker with its data in a temporary folder and the catalogue's topics on it."""
    with tempfile.TemporaryDirectory(prefix="city-bench-") as folder:
        embedded = EmbeddedKafka(Path(folder) / "kafka", free_ports())
        with RunningKafka(embedded) as running:
            ensure_topics(embedded.bootstrap, load_catalog(), partitions)
            yield Broker(embedded.bootstrap, running.pid or 0, Path(folder), partitions)
