"""Rules that open personal values: who may, what becomes of the forgotten, and that no error tells a value."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.catalog import load_catalog
from streams.agents import Output, Record, batched, handlers_of
from streams.config import StreamsConfig
from streams.errors import RefusedEventError
from streams.metrics import Metrics
from streams.privacy.field_encryption import Decryptor
from streams.produce.deliveries import DeliveryTracker
from streams.testing import MemoryProducer
from streams.worker.rule_executor import RuleExecutor

CATALOG = load_catalog()
SOURCE, OUTPUT, COHORT = "health.measurement", "health.classification", "health.cohort-entry"
EVENT = {
    "event_id": "01890000-0000-7000-8000-000000000001",
    "salt": bytes(16),
    "source": "device:1",
    "occurred_at": 1,
    "person": "anna",
    "cycle": "c",
    "body_weight": 70.25,
}


@batched(SOURCE, rule="heedless@1", outputs=(OUTPUT,), decrypts=True)
def heedless(record: Record) -> Iterator[Output]:
    """Write about a person without asking whether they were forgotten."""
    head = {"person": record.key, "cycle": "c", "rule": "heedless@1", "measurement_id": record.event_id}
    yield Output(OUTPUT, {**head, "flags": " "})


@batched(SOURCE, rule="stumbling@1", outputs=(OUTPUT,), decrypts=True)
def stumbling(record: Record) -> Iterator[Output]:
    """Raise with the value in its words."""
    clear = record.decrypted() or {}
    raise ArithmeticError(f"cannot take {clear['body_weight']}")
    yield


def derive(door: MemoryProducer, rule: object, *, forget: bool = False) -> Metrics:
    """Run one measurement through a rule; forgotten after it was written, if so told."""
    raw = door.prepare(SOURCE, EVENT)
    if forget:
        door.keys.forget((raw.key or b"").decode())
    figures = Metrics()
    deriver = RuleExecutor(CATALOG, SOURCE, handlers_of(SimpleNamespace(rule=rule)), door, figures)
    place = SimpleNamespace(
        topic=SOURCE, partition=0, offset=0, key=raw.key, value=raw.value, headers=raw.headers, timestamp=0
    )
    deriver.derive(place, None, DeliveryTracker())
    deriver.report()
    return figures


def test_nothing_is_written_about_who_was_forgotten(tmp_path: Path) -> None:
    """No output and no dead letter, whatever the rule says; it is counted."""
    door = MemoryProducer(CATALOG, StreamsConfig(data=tmp_path))
    figures = derive(door, heedless, forget=True)
    assert door.records == []
    assert figures.get("agents_forgotten_total", SOURCE) == 1
    derive(other := MemoryProducer(CATALOG, StreamsConfig(data=tmp_path / "other")), heedless)
    assert [sent.topic for sent in other.sent()] == [OUTPUT]


def test_what_a_rule_raises_over_personal_values_is_told_by_its_name_alone(tmp_path: Path) -> None:
    """Its words may hold the value; the dead letter keeps the record as it stood, encrypted."""
    door = MemoryProducer(CATALOG, StreamsConfig(data=tmp_path))
    derive(door, stumbling)
    (letter,) = door.sent("health.dead-letter")
    assert (letter.event["reason"], letter.event["stage"]) == ("ArithmeticError", "agent")
    assert letter.event["bytes"] == door.prepare(SOURCE, EVENT).value
    assert b"70.25" not in letter.value


def test_values_of_a_person_who_is_not_the_key_are_encrypted_under_theirs(tmp_path: Path) -> None:
    """`subject` names the field; without whose, no personal value passes."""
    door = MemoryProducer(CATALOG, StreamsConfig(data=tmp_path))
    head: dict[str, Any] = {name: EVENT[name] for name in ("event_id", "salt", "source", "occurred_at")}
    entry = {**head, "cohort": "replay:0", "person": "p-1", "classes": "x"}
    door.produce(COHORT, entry)
    (sent,) = door.sent()
    assert sent.key == "replay:0"
    opener = Decryptor(door.keys, CATALOG.topics[COHORT])
    assert (opener.event(sent.key, sent.event) or {})["classes"] == "x"
    assert opener.value("p-1", sent.event["event_id"], "classes", sent.event["classes"]) == "x"
    door.keys.forget("p-1")
    assert opener.event(sent.key, sent.event) is None
    assert opener.value("p-1", sent.event["event_id"], "classes", sent.event["classes"]) is None
    with pytest.raises(RefusedEventError, match="person: expected whose values these are"):
        door.produce(COHORT, {**entry, "person": None})
    door.produce(COHORT, {**entry, "person": None, "classes": None, "expected": 3})
