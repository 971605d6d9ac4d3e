"""Events told by hand: one JSON object a line."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from schemas.catalog import load_catalog
from streams.produce.json_lines import produce_lines
from streams.testing import MemoryProducer

TOPIC = "air-quality.reading"


def line(**fields: Any) -> str:
    """Write a reading as a line."""
    plain = {"station": "강남구", "city": "Seoul", "averaging": "PT1H", "gas_unit": "PPM", "pm10": 40.0}
    return json.dumps({**plain, **fields}, ensure_ascii=False)


def sent(*lines: str) -> tuple[MemoryProducer, int, list[str]]:
    """Send lines into memory."""
    producer = MemoryProducer(load_catalog())
    count, refused = produce_lines(producer, TOPIC, lines, "urn:city:manual")
    return producer, count, refused


def test_what_a_line_lacks_of_the_envelope_is_made() -> None:
    """A random UUIDv7, a random salt, the source, and now."""
    before = datetime.now(UTC).timestamp() * 1e6
    producer, count, refused = sent(line(), line())
    first, second = producer.sent(TOPIC)
    assert (count, refused) == (2, [])
    assert UUID(first.event["event_id"]).version == 7
    assert first.event["event_id"] != second.event["event_id"]
    assert first.event["salt"] != second.event["salt"]
    assert first.event["source"] == "urn:city:manual"
    assert first.event["occurred_at"] >= before
    assert first.key == "강남구"
    assert "simulated" not in first.headers


def test_a_line_may_say_who_and_when() -> None:
    """Its own id, source and time are kept; a time has an offset, or is a number of microseconds."""
    own = "018f0000-0000-7000-8000-000000000001"
    producer, _, refused = sent(
        line(event_id=own, source="scenario:storm#1", occurred_at="2025-01-01T09:00:00+09:00"),
        line(occurred_at=1_735_689_600_000_000),
    )
    first, second = producer.sent(TOPIC)
    assert refused == []
    assert (first.event["event_id"], first.event["source"]) == (own, "scenario:storm#1")
    assert first.headers["simulated"] == b"true"
    assert first.event["occurred_at"] == second.event["occurred_at"] == 1_735_689_600_000_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "line 1: "),
        ("[]", "line 1: expected a JSON object, got list"),
        (line(pm10="much"), "pm10"),
        (line(colour="red"), "colour"),
        (line(station=None), "station"),
        (line(occurred_at="yesterday"), "occurred_at: expected ISO 8601, got 'yesterday'"),
        (line(occurred_at="2025-01-01T09:00:00"), "occurred_at: expected an offset"),
        (line(salt="00"), "salt: is made here"),
    ],
)
def test_a_bad_line_is_told_and_costs_no_other(text: str, reason: str) -> None:
    """With its number and why."""
    producer, count, refused = sent(text, "", line())
    assert count == 1
    assert len(refused) == 1
    assert reason in refused[0]
    assert len(producer.sent(TOPIC)) == 1
