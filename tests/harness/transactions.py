"""Records that are written in transactions, with every end that a transaction can have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from confluent_kafka import IsolationLevel, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ANSWER_S = 30.0


class Raw(NamedTuple):
    """A record as it is written; the partition follows from the key where none is given."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int = -1


class TransactionalProducer:
    """A producer with a transactional id.

    Args:
        kafka: Bootstrap address.
        identity: Transactional id; none: one that nobody else has. The same one again fences the producer before.
        timeout_s: Seconds after which Kafka aborts an open transaction of this producer.
    """

    def __init__(self, kafka: str, identity: str = "", timeout_s: float = 60.0) -> None:
        self.identity = identity or f"t-{uuid4().hex}"
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                "transactional.id": self.identity,
                "transaction.timeout.ms": int(timeout_s * 1000),
                "partitioner": "murmur2_random",
                "linger.ms": 0,
                "log_level": "0",
            }
        )
        self._producer.init_transactions(ANSWER_S)

    def begin(self, records: Iterable[Raw]) -> list[tuple[str, int, int]]:
        """Begin a transaction and write records; return where they are: topic, partition, offset."""
        written: list[tuple[str, int, int]] = []

        def delivered(error: Any, message: Any) -> None:
            assert error is None, error
            written.append((message.topic(), message.partition(), message.offset()))

        self._producer.begin_transaction()
        for each in records:
            self._producer.produce(
                each.topic,
                each.value,
                each.key,
                partition=each.partition,
                headers=list(each.headers),
                on_delivery=delivered,
            )
        assert self._producer.flush(ANSWER_S) == 0
        return written

    def commit(self, records: Iterable[Raw]) -> list[tuple[str, int, int]]:
        """Write records in a transaction that is committed."""
        written = self.begin(records)
        self._producer.commit_transaction(ANSWER_S)
        return written

    def abort(self, records: Iterable[Raw]) -> list[tuple[str, int, int]]:
        """Write records in a transaction that is aborted."""
        written = self.begin(records)
        self._producer.abort_transaction(ANSWER_S)
        return written

    def end(self) -> None:
        """Commit what is open.

        Raises:
            KafkaException: Another producer has the transactional id now, or Kafka aborted the transaction.
        """
        self._producer.commit_transaction(ANSWER_S)


def stable_and_end(kafka: str, topic: str, partition: int = 0) -> tuple[int, int]:
    """Return the last stable offset and the high watermark of a partition."""
    admin, place = AdminClient({"bootstrap.servers": kafka}), TopicPartition(topic, partition)
    found = [
        admin.list_offsets({place: OffsetSpec.latest()}, isolation_level=level)[place].result(ANSWER_S).offset
        for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
    ]
    return found[0], found[1]


def is_released(kafka: str, topic: str, partition: int = 0) -> bool:
    """Whether no transaction is open in a partition."""
    stable, end = stable_and_end(kafka, topic, partition)
    return stable == end


def four_ends(
    kafka: str,
    topic: str,
    committed: Sequence[Raw],
    aborted: Callable[[], Sequence[Raw]],
    behind: Callable[[], object] = lambda: None,
    timeout_s: float = 2.0,
) -> list[tuple[str, int, int]]:
    """Write records with all four ends of a transaction, then leave one open until Kafka aborts it.

    The order is: committed, aborted, aborted by its successor (a zombie is fenced), committed, timed out.

    Args:
        kafka: Bootstrap address.
        topic: The topic in whose partition 0 the last one stays open.
        committed: What is committed: the first half, then the second.
        aborted: Makes what is not; called for each transaction.
        behind: Called while the last transaction is open.
        timeout_s: Seconds for which it stays open.

    Returns:
        Where the records lie that were not committed.
    """
    half = len(committed) // 2
    producer = TransactionalProducer(kafka)
    producer.commit(committed[:half])
    lost = producer.abort(aborted())
    lost += producer.begin(aborted())
    successor = TransactionalProducer(kafka, producer.identity)
    successor.commit(committed[half:])
    lost += TransactionalProducer(kafka, timeout_s=timeout_s).begin(aborted())
    behind()
    eventually(lambda: is_released(kafka, topic), "Kafka aborts the open transaction")
    return lost
