"""A peer, and the limit of what Python reaches: a bare confluent-kafka loop that commits what it delivered."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Consumer, Producer

from tests.bench.kafka_stage import hand_over, producer_settings
from tests.bench.sides.told import Told

BATCH = 5_000


def main() -> None:
    """Consume, work, produce, flush, commit; batch by batch."""
    told, failed = Told.read(), list[Any]()

    def delivered(error: Any, _: object) -> None:
        if error is not None:
            failed.append(error)

    clock, output = told.clock(), told.task.output
    step, remembered = told.task.step_with_state(), dict[bytes, Any]()
    consumer = Consumer(
        {
            "bootstrap.servers": told.kafka,
            "group.id": told.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    producer = Producer({**producer_settings(told.kafka), "on_delivery": delivered})
    consumer.subscribe([told.source])
    complete = False
    while not complete:
        messages = consumer.consume(BATCH, 0.2)
        if not messages:
            continue
        clock.begin()
        for message in messages:
            key = message.key()
            value, remembered[key] = step(message.value(), remembered.get(key))
            if value is not None:
                hand_over(producer, output, key, value)
                producer.poll(0)
        producer.flush()
        if failed:
            raise SystemExit(f"not delivered: {failed[0]}")
        consumer.commit(asynchronous=False)
        complete = clock.count(len(messages))
    clock.finish()
    consumer.close()


if __name__ == "__main__":
    main()
