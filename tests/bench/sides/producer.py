"""Both sides of the producer row: `ours` through the door, `loop` through confluent-kafka alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import Producer as KafkaProducer

from schemas.catalog import load_catalog
from schemas.codec import encode
from streams.config import StreamsConfig
from streams.produce.kafka import Producer
from tests.bench.clock import Clock
from tests.bench.kafka_stage import hand_over, producer_settings
from tests.bench.work import READING, reading_events

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def ours(told: Mapping[str, Any], events: Sequence[Mapping[str, Any]], clock: Clock) -> None:
    """Produce through the platform's only door."""
    door = Producer(StreamsConfig(kafka=told["kafka"], data=Path(told["folder"])), load_catalog())
    clock.begin()
    for event in events:
        door.produce(READING, event)
    door.flush()
    clock.count(len(events))
    clock.finish()


def loop(told: Mapping[str, Any], events: Sequence[Mapping[str, Any]], clock: Clock) -> None:
    """Produce as confluent-kafka's documentation shows it, with a delivery report for each record."""
    failed: list[Any] = []

    def delivered(error: Any, _: object) -> None:
        if error is not None:
            failed.append(error)

    producer = KafkaProducer({**producer_settings(told["kafka"]), "on_delivery": delivered})
    producer.list_topics(timeout=10)
    schema = load_catalog().topics[READING].schema
    clock.begin()
    for event in events:
        hand_over(producer, READING, event["station"].encode(), encode(schema, event))
        producer.poll(0)
    producer.flush()
    if failed:
        raise SystemExit(f"not delivered: {failed[0]}")
    clock.count(len(events))
    clock.finish()


def main() -> None:
    """Make the events, then send them."""
    told = json.loads(sys.argv[1])
    events = list(reading_events(told["total"]))
    {"ours": ours, "loop": loop}[told["way"]](told, events, Clock(told["total"], told["servers"]))


if __name__ == "__main__":
    main()
