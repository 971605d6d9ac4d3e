"""Records that open transactions hold back (docs/delivery.md#transactions).

A consumer reads a partition up to its last stable offset: that of the oldest open transaction. What lies behind it,
also of other producers, waits until that transaction ends.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OPEN_S = 3.0
"""A transaction that began less than this many seconds ago is in flight, and not reported."""
ANSWER_S = 10.0

PartitionId = tuple[str, int]
"""Topic and partition."""


def held_back(admin: Any, stable: Mapping[PartitionId, int]) -> dict[PartitionId, int]:
    """Return for each partition how many offsets an open transaction holds back, where it does.

    Args:
        admin: A connected admin client.
        stable: Last stable offset by partition, read just before.

    Raises:
        KafkaException: Kafka does not answer.
    """
    ends = _offsets(admin, stable, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)
    suspects = [partition for partition, end in ends.items() if end > stable[partition]]
    if not suspects:
        return {}
    since_ms = int((time.time() - OPEN_S) * 1000)
    still = _offsets(admin, suspects, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)
    recent = _offsets(admin, suspects, OffsetSpec.for_timestamp(since_ms), IsolationLevel.READ_UNCOMMITTED)
    return {
        partition: ends[partition] - still[partition]
        for partition in suspects
        if partition in still and partition in recent
        if ends[partition] > still[partition]
        if recent[partition] < 0 or recent[partition] > still[partition]  # the oldest held record is older
    }


def offsets_since(admin: Any, partitions: Iterable[PartitionId], time_s: float) -> dict[PartitionId, int]:
    """Return the offset of the first record of each partition that Kafka received at or after a time; -1: none.

    Args:
        admin: A connected admin client.
        partitions: Topics and partitions.
        time_s: POSIX seconds.

    Raises:
        KafkaException: Kafka does not answer.
    """
    spec = OffsetSpec.for_timestamp(int(time_s * 1000))
    return _offsets(admin, partitions, spec, IsolationLevel.READ_COMMITTED)


def describe_held_back(held: Mapping[PartitionId, int]) -> list[str]:
    """Return one line for each partition in which an open transaction holds records back."""
    return [
        f"topic {topic} partition {partition}: up to {count} records held back by an open transaction: its "
        "producer must commit or abort it; Kafka aborts it after the producer's transaction.timeout.ms"
        for (topic, partition), count in sorted(held.items())
    ]


def _offsets(
    admin: Any, partitions: Iterable[PartitionId], spec: OffsetSpec, isolation: IsolationLevel
) -> dict[PartitionId, int]:
    """Return an offset of each partition whose leader answers."""
    asked = {TopicPartition(*each): spec for each in partitions}
    if not asked:
        return {}
    found: dict[PartitionId, int] = {}
    answers = admin.list_offsets(asked, isolation_level=isolation, request_timeout=ANSWER_S)
    for place, answer in answers.items():
        try:
            found[place.topic, place.partition] = int(answer.result(2 * ANSWER_S).offset)
        except KafkaException as error:
            if not error.args[0].retriable():
                raise
            # librdkafka 2.16 may keep an answer without a leader for good: this makes it ask again.
            admin.list_topics(place.topic, timeout=ANSWER_S)
    return found
