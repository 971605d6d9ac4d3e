"""The producer into Kafka."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.config import StreamsConfig
from streams.errors import DeliveryError, KafkaDownError, RefusedEventError
from streams.produce.deliveries import DeliveryTracker
from streams.produce.kafka import Producer
from streams.produce.producer import MAX_RECORD_BYTES
from streams.testing import MemoryProducer
from tests.harness.waiting import patient
from tests.streams.probe import TICK, probe_catalog, tick
from tests.streams.scene import Scene

CATALOG = probe_catalog()


@pytest.fixture
def scene(kafka: str, tmp_path: Path) -> Iterator[Scene]:
    """Fresh topics."""
    with Scene(kafka, tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("topic", "change", "reason"),
    [
        ("probe.none", {}, "the catalogue has no such topic"),
        (TICK, {"number": "one"}, "number"),
        (TICK, {"unknown": 1}, "unknown"),
        (TICK, {"subject": ""}, "subject: expected the subject's key, got nothing"),
        (TICK, {"mood": "x" * MAX_RECORD_BYTES}, f"expected at most {MAX_RECORD_BYTES} bytes"),
    ],
)
def test_what_does_not_fit_its_schema_is_refused(topic: str, change: dict[str, object], reason: str) -> None:
    """The error names the topic and the field; nothing is sent."""
    producer = MemoryProducer(CATALOG)
    with pytest.raises(RefusedEventError, match=topic) as refused:
        producer.produce(topic, {**tick("a", 0), **change})
    assert reason in str(refused.value)
    assert producer.records == []


def test_records_are_keyed_and_headed(tmp_path: Path) -> None:
    """The key is the topic's key field; CloudEvents attributes where configured."""
    producer = MemoryProducer(CATALOG, StreamsConfig(data=tmp_path, cloudevents=True))
    producer.produce(TICK, tick("a", 0), headers=[("cause", b"x/0/1")])
    (sent,) = producer.sent()
    assert sent.key == "a"
    assert sent.headers["simulated"] == b"true"
    assert sent.headers["cause"] == b"x/0/1"
    assert sent.headers["ce_type"] == b"probe.tick"
    assert sent.headers["ce_id"].decode() == sent.event["event_id"]


def test_what_is_flushed_is_in_kafka(scene: Scene) -> None:
    """Each event once, a subject in its order, though the queue holds only a few at a time."""
    config = StreamsConfig(kafka=scene.kafka, data=scene.data, queue_records=100)
    with Producer(config, scene.catalog) as producer:
        for number in range(2000):
            producer.produce(scene.tick, tick("a", number))
        producer.flush()
        assert producer.backlog() == 0
    assert [event["number"] for _, event, _, _ in scene.read(scene.tick)] == list(range(2000))


def test_a_delivery_that_fails_is_raised_by_the_wait_that_covers_it(scene: Scene) -> None:
    """With the topic and Kafka's reason; what others wait for is not touched."""
    scene.limit(scene.tick, 10)
    with Producer(StreamsConfig(kafka=scene.kafka, data=scene.data), scene.catalog) as producer:
        mine, other = DeliveryTracker(), DeliveryTracker()
        producer.produce(scene.tick, tick("a", 0), deliveries=mine)
        producer.produce(
            scene.echo,
            {name: value for name, value in tick("a", 0).items() if name != "mood"},
            deliveries=other,
        )
        with pytest.raises(DeliveryError, match=rf"{scene.tick}: a record was not delivered: .*too large"):
            producer.wait(mine)
        producer.wait(other)
        producer.flush()
        producer.produce(scene.tick, tick("a", 1))
        with pytest.raises(DeliveryError, match=scene.tick):
            producer.flush()


def test_kafka_that_is_down_is_one_clear_line(tmp_path: Path) -> None:
    """At once, with the address and what to do."""
    begun = time.monotonic()
    with pytest.raises(KafkaDownError, match=r"Kafka at 127\.0\.0\.1:1 did not answer within 0\.5 s") as down:
        Producer(StreamsConfig(kafka="127.0.0.1:1", data=tmp_path, connect_timeout_s=0.5), CATALOG)
    assert time.monotonic() - begun < patient(5)
    assert "city up" in str(down.value)
    assert "\n" not in str(down.value)
