"""Partitions of a topic read from given offsets to their present end, outside any consumer group."""

import time
from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.config import StreamsConfig
from streams.errors import KafkaDownError

REQUEST_S = 10.0
"""Seconds that Kafka's next answer is waited for."""


class PartitionReader:
    """A consumer that neither joins a group nor commits; one caller at a time.

    Args:
        config: Settings.
        purpose: What is read for; ends the group id, which only librdkafka insists on.
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
            }
        )

    def partitions(self, topic: str) -> list[int]:
        """Return the numbers of a topic's partitions, none if there is no such topic.

        Raises:
            KafkaException: Kafka does not answer.
        """
        told = self._consumer.list_topics(topic, timeout=REQUEST_S).topics[topic]
        return [] if told.error is not None else list(told.partitions)

    def watermarks(self, topic: str, partition: int) -> tuple[int, int]:
        """Return a partition's first offset and its end; one just created may not have found its leader yet.

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
        """Yield the records of partitions, each partition's in their order.

        What came behind an end in the meantime may be among them. Partitions are assigned only while there is
        something to read: a fetch that waits for records would hold up the next question.

        Args:
            topic: Their topic.
            begins: First offset to be read, by partition.
            ends: Offset behind the last record to be read, by partition.

        Raises:
            KafkaDownError: No record came for `REQUEST_S` seconds.
            KafkaException: Kafka refuses.
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
