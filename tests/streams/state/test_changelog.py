"""The state changelog in Kafka."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from streams.errors import StopError
from streams.produce.deliveries import DeliveryTracker
from streams.produce.kafka import Producer
from streams.state.changelog import KafkaChangelog, changelog_name
from streams.state.entries import Entry, Stored, Subject, decode_entry, encode_entry
from streams.testing import MemoryChangelog
from tests.streams.scene import Scene

ANNA, BERT = Subject("r@1", "anna", "device:1"), Subject("r@1", "bert", "replay:x")
WRITTEN = [
    Stored(ANNA, "one", Entry(1, b"{}")),
    Stored(BERT, "two", Entry(7, b"{}")),
    Stored(ANNA, "two", Entry(3, b"[]")),
    Stored(ANNA, "one", None),
    Stored(BERT, "two", Entry(2**40, b"")),
]
LEFT = [(ANNA, "two", (3, b"[]")), (BERT, "two", (2**40, b""))]


@pytest.fixture
def scene(kafka: str, tmp_path: Path) -> Iterator[Scene]:
    """Fresh topics."""
    with Scene(kafka, tmp_path) as made:
        yield made


def open_changelog(scene: Scene, door: Producer, owner: str = "one") -> KafkaChangelog:
    """Open the changelog of the ticks."""
    return KafkaChangelog(scene.config, door, scene.tick, owner)


def test_the_last_of_what_is_written_is_read_from_its_partition(scene: Scene) -> None:
    """Of each subject and owner one entry, whatever came before it; none of what is gone."""
    with Producer(scene.config, scene.catalog) as door:
        changelog = open_changelog(scene, door)
        for each in (changelog, MemoryChangelog()):
            deliveries = DeliveryTracker()
            each.write(1, WRITTEN, deliveries)
            door.wait(deliveries)
            assert sorted(each.read(1)) == LEFT
            assert list(each.read(0)) == []


def test_a_changelog_is_compacted_and_has_its_topics_partitions(scene: Scene) -> None:
    """Created by whoever comes first."""
    with Producer(scene.config, scene.catalog) as door:
        open_changelog(scene, door)
        open_changelog(scene, door, "two")
    name = changelog_name(scene.group, scene.tick)
    (future,) = scene.admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
    assert future.result()["cleanup.policy"].value == "compact"
    assert len(scene.admin.list_topics(name).topics[name].partitions) == scene.partitions


def test_a_changelog_with_other_partitions_stops_the_worker(scene: Scene) -> None:
    """Keys would be looked for where they are not."""
    name = changelog_name(scene.group, scene.tick)
    scene.admin.create_topics([NewTopic(name, 3, 1)])[name].result()
    with (
        Producer(scene.config, scene.catalog) as door,
        pytest.raises(StopError, match=rf"expected 2 partitions as {scene.tick} has, got 3"),
    ):
        open_changelog(scene, door)


def test_a_topic_that_is_missing_stops_the_worker(scene: Scene) -> None:
    """The message says who creates it."""
    with (
        Producer(scene.config, scene.catalog) as door,
        pytest.raises(StopError, match="does not exist: `city up` creates"),
    ):
        KafkaChangelog(scene.config, door, f"{scene.domain}.none", "one")


def test_a_topic_made_anew_starts_without_state(kafka: str, tmp_path: Path) -> None:
    """Its offsets begin again: old entries would skip all its records."""
    with Scene(kafka, tmp_path) as scene, Producer(scene.config, scene.catalog) as door:
        deliveries = DeliveryTracker()
        open_changelog(scene, door).write(0, [Stored(ANNA, "one", Entry(999, b"{}"))], deliveries)
        door.wait(deliveries)
        scene.recreate(scene.tick)
        assert list(open_changelog(scene, door).read(0)) == []


def test_an_entry_of_another_format_stops_the_worker() -> None:
    """It is not guessed at."""
    assert decode_entry(encode_entry(Entry(7, b"[]"))) == Entry(7, b"[]")
    for value in (b"", b"\x02" + bytes(9), b"\x01short"):
        with pytest.raises(StopError, match="state changelog: expected format 01"):
            decode_entry(value)
