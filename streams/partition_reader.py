"""Reads partitions of a topic from given offsets to given ends, outside any consumer group."""

import time
from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.config import StreamsConfig
from streams.consumer_settings import READ_COMMITTED
from streams.errors import KafkaDownError

REQUEST_S = 10.0
"""Longest wait for Kafka's next response, in seconds."""


class PartitionReader:
    """A consumer that neither joins a group nor commits, for one caller at a time.

    Args:
        config: Settings.
        purpose: Last part of the group id, which librdkafka requires and which is never used.
    """

    def __init__(self, config: StreamsConfig, purpose: str) -> None:
        self._kafka = config.kafka
        self._consumer = Consumer(
            {
                "bootstrap.servers": config.kafka,
                "group.id": f"{config.group}-{purpose}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "log_level": 2,
                **READ_COMMITTED,
            }
        )

    def partitions(self, topic: str) -> list[int]:
        """Return the numbers of a topic's partitions; an empty list if the topic does not exist.

        Raises:
            KafkaException: Kafka does not answer.
        """
        metadata = self._consumer.list_topics(topic, timeout=REQUEST_S).topics.get(topic)
        return [] if metadata is None or metadata.error is not None else list(metadata.partitions)

    def watermarks(self, topic: str, partition: int) -> tuple[int, int]:
        """Return a partition's first offset and its last stable offset: no record behind it can be read yet.

        A partition that was just created may have no leader yet, so retriable errors are retried for `REQUEST_S`.

        Raises:
            KafkaException: Kafka does not answer.
        """
        deadline = time.monotonic() + REQUEST_S
        while True:
            try:
                begin, end = self._consumer.get_watermark_offsets(
                    TopicPartition(topic, partition), timeout=REQUEST_S
                )
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return begin, end

    def read(self, topic: str, begins: Mapping[int, int], ends: Mapping[int, int]) -> Iterator[Message]:
        """Yield the records of partitions, in order within each partition.

        Records behind an end may be among them. Between the last record and the end there may be offsets
        without one; Kafka reports that it has nothing more to read. Partitions are assigned only while there is
        something to read, because a waiting fetch would delay the next request.

        Args:
            topic: Topic.
            begins: First offset to read, by partition.
            ends: Last stable offset, by partition.

        Raises:
            KafkaDownError: No record came for `REQUEST_S` seconds.
            KafkaException: Kafka refuses the read.
        """
        left = {number for number, begin in begins.items() if begin < ends[number]}
        if not left:
            return
        self._consumer.assign([TopicPartition(topic, number, begins[number]) for number in left])
        try:
            deadline = time.monotonic() + REQUEST_S
            while left:
                messages = self._consumer.consume(1_000, timeout=0.2)
                if messages:
                    deadline = time.monotonic() + REQUEST_S
                elif time.monotonic() > deadline:
                    raise KafkaDownError(self._kafka, REQUEST_S, f"{topic}: its records do not come")
                for message in messages:
                    reached = message.offset()
                    problem = message.error()
                    if problem is None:
                        yield message
                        reached += 1
                    elif problem.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                        raise KafkaException(problem)
                    if reached >= ends[message.partition()]:
                        left.discard(message.partition())
        finally:
            self._consumer.unassign()

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()
