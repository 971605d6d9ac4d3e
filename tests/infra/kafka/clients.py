"""Small plain clients that the Kafka tests share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import NewTopic

from infra.kafka.admin import connect
from infra.kafka.topics import await_leaders

if TYPE_CHECKING:
    from collections.abc import Mapping

QUIET = {"log_level": "0"}


def create_topic(bootstrap: str, name: str, partitions: int = 1) -> None:
    """Create a topic."""
    admin = connect(bootstrap)
    (future,) = admin.create_topics([NewTopic(name, num_partitions=partitions)]).values()
    future.result(10)
    await_leaders(admin, {name: partitions})


def produce(
    settings: Mapping[str, str], topic: str, values: list[bytes], timeout_s: float = 10.0
) -> list[str]:
    """Write values and return the names of the errors that deliveries met."""
    errors: list[str] = []
    producer = Producer({**QUIET, "enable.idempotence": "true", "message.timeout.ms": "8000", **settings})

    def delivered(error: Any, _message: object) -> None:
        if error is not None:
            errors.append(error.name())

    for value in values:
        producer.produce(topic, value, timestamp=1_000, on_delivery=delivered)
    left = producer.flush(timeout_s)
    return errors + ["NOT_DELIVERED"] * left


def read(settings: Mapping[str, str], topic: str, expected: int, timeout_s: float = 10.0) -> list[bytes]:
    """Read `expected` values of partition 0 from its begin, or what came before the time's end."""
    return [value for value, _ in read_with_time(settings, topic, expected, timeout_s)]


def read_with_time(
    settings: Mapping[str, str], topic: str, expected: int, timeout_s: float = 10.0
) -> list[tuple[bytes, tuple[int, int]]]:
    """Read values with their timestamps (type, milliseconds)."""
    consumer = Consumer({**QUIET, "group.id": "reader", "enable.auto.commit": "false", **settings})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[tuple[bytes, tuple[int, int]]] = []
    deadline = time.monotonic() + timeout_s
    while len(found) < expected and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            found.append((message.value(), message.timestamp()))
    consumer.close()
    return found


def subscribe_error(settings: Mapping[str, str], topic: str, timeout_s: float = 10.0) -> str:
    """Subscribe to a topic and return the name of the first error, or `none` after the first record."""
    errors: list[str] = []
    consumer = Consumer(
        {
            **QUIET,
            "enable.auto.commit": "false",
            "auto.offset.reset": "earliest",
            **settings,
            "error_cb": lambda error: errors.append(error.name()),
        }
    )
    consumer.subscribe([topic])
    deadline = time.monotonic() + timeout_s
    told = "nothing"
    while told == "nothing" and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is not None:
            told = message.error().name() if message.error() else "none"
        elif "_AUTHENTICATION" in errors:
            told = "_AUTHENTICATION"
    consumer.close()
    return told
