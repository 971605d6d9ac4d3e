"""Signed, unsigned, forged and replayed events through real workers over a real broker, killed on the way."""

import random
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.identity.event_ids import device_id, device_salt
from streams.produce.kafka import Producer
from streams.produce.producer import signed
from streams.provenance.kafka_key_registry import KafkaKeySource, kafka_registry
from streams.provenance.key_registry import REGISTERED, REVOKED
from streams.record import ProducerRecord
from tests.streams.probe import DEAD, ECHO, TICK, TOTAL
from tests.streams.provenance.scene import DEVICE, GAPS, OTHER, SIGNER, Partition, prepared, required, sign
from tests.streams.scene import Scene

PAUSE_S = 0.05
SUBJECTS = tuple(f"d{number}" for number in range(4))
EACH = 150


@pytest.fixture
def scene(kafka: str, tmp_path: Path) -> Iterator[Scene]:
    """Fresh topics and a group of its own."""
    with Scene(kafka, tmp_path) as made:
        yield made


def register(scene: Scene, sender: str, did: str, standing: str = REGISTERED) -> None:
    """Write a record of the registry."""
    event = {
        "event_id": device_id(), "salt": device_salt(), "source": "urn:city:test", "occurred_at": 1,
        "sender": sender, "did": did, "standing": standing, "required": True, "valid_from": 0, "ground": "test",
    }  # fmt: skip
    with Producer(scene.config, scene.catalog) as door:
        door.produce("platform.source-key", event)


def story(subject: str, topic: str = TICK) -> list[ProducerRecord]:
    """Make a device's records of one subject: a batch with a hole, forgeries, a replay, a late arrival, a repeat."""

    def plain(number: int, sequence: int) -> ProducerRecord:
        return prepared(number, sequence, subject=subject)._replace(topic=topic)

    good = [plain(number, number + 1) for number in range(EACH)]
    first = signed(good[: EACH // 3], SIGNER)
    rest = sign(*good[EACH // 3 :])
    unsigned = plain(EACH, EACH + 1)
    foreign = sign(plain(EACH + 1, EACH + 2), key=OTHER)
    replayed = sign(plain(EACH + 2, 5))
    return [
        *first[:20],
        *first[21:],
        unsigned,
        *rest[:30],
        *foreign,
        first[20],
        rest[29],
        *replayed,
        *rest[30:],
    ]


def expected() -> dict[Any, bytes]:
    """Return what an undisturbed run in memory derives and tells."""
    found: dict[Any, bytes] = {}
    for subject in SUBJECTS:
        calm = Partition(required())
        calm.run(story(subject))
        found |= {
            (sent.topic, sent.event["event_id"]): sent.value
            for sent in calm.door.sent()
            if sent.topic != DEAD
        }
    return found


def test_kills_change_neither_what_is_used_nor_what_is_told(scene: Scene) -> None:
    """Forged, unsigned and replayed records are dead-lettered, holes are told; after any kill the same."""
    begun = len(scene.read(GAPS))
    register(scene, DEVICE, SIGNER.did)
    time.sleep(scene.config.origin_settle_s + 0.3)
    stories = [story(subject, scene.tick) for subject in SUBJECTS]
    with Producer(scene.config, scene.catalog) as door:
        for turn in zip(*stories, strict=True):
            for record in turn:
                door.send(record)
    chance = random.Random(4711)
    for _ in range(2):
        worker = scene.start(batch_pause_for_tests_s=PAUSE_S, max_batch_records=40)
        before = scene.committed()
        scene.wait(lambda before=before: scene.committed() > before)  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, 6 * PAUSE_S))
        worker.kill()
    scene.start()
    scene.wait(scene.drained)
    found: dict[Any, bytes] = {}
    for topic, read in ((ECHO, scene.echo), (TOTAL, scene.total)):
        for _, event, _, value in scene.read(read):
            assert found.setdefault((topic, event["event_id"]), value) == value, "a repeat differs"
    wanted = expected()
    assert found == {key: value for key, value in wanted.items() if key[0] in (ECHO, TOTAL)}
    gaps = {event["event_id"]: event for _, event, _, _ in scene.read(GAPS)[begun:]}
    assert sorted(gaps) == sorted(event_id for topic, event_id in wanted if topic == GAPS)
    reasons: defaultdict[str, set[str]] = defaultdict(set)
    for _, event, _, _ in scene.read(scene.dead):
        assert event["stage"] == "origin"
        reasons[event["reason"].split(",")[0][:20]].add(event["event_id"])
    assert {reason: len(ids) for reason, ids in reasons.items()} == {
        f"{DEVICE} must sign its events"[:20]: len(SUBJECTS),
        f"signed by {OTHER.did}"[:20]: len(SUBJECTS),
        "number 5 came before": len(SUBJECTS),
    }


def test_the_registry_is_read_on_from_kafka(scene: Scene) -> None:
    """What was registered before and since, in order; a second reading gives only what is new."""
    sender = f"urn:city:device:{scene.group}"
    source = KafkaKeySource(scene.config, scene.catalog)
    list(source.read_on())
    assert list(source.read_on()) == []
    register(scene, sender, SIGNER.did)
    register(scene, sender, SIGNER.did, REVOKED)
    found = list(source.read_on())
    assert [(each.event["did"], each.event["standing"]) for each in found] == [
        (SIGNER.did, "REGISTERED"),
        (SIGNER.did, "REVOKED"),
    ]
    assert all(abs(each.timestamp_ms - time.time() * 1000) < 20_000 for each in found)
    source.close()
    assert [each.event["sender"] for each in source.read_on()] == []
    source.close()
    registry = kafka_registry(scene.config, scene.catalog)
    registry.refresh()
    now_ms = int(time.time() * 1000)
    standing = registry.status(sender, now_ms + 60_000)
    assert standing is not None
    assert standing.keys == frozenset()
    assert standing.required
