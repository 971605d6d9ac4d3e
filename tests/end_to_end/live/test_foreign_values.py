"""A producer that is not ours writes values that no table holds: dead letters, counted, and an audit that passes."""

from __future__ import annotations

import datetime as dt
import io
import json
import uuid
from typing import TYPE_CHECKING, Any

import fastavro
from confluent_kafka import Producer

from schemas.catalog import load_catalog
from schemas.codec import encode
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from tests.harness.live import LiveCity

TOPIC = "cargo.vessel-message"
VALUES: list[dict[str, Any]] = [
    {"occurred_at": dt.datetime(2300, 1, 1, tzinfo=dt.UTC)},
    {"occurred_at": dt.datetime(1899, 12, 31, tzinfo=dt.UTC)},
    {"message_type": 2**31},
    {"message_type": -(2**31) - 1},
    {},
]
"""What each record has in place of the example's values; the last is the example itself."""


def datums() -> list[bytes]:
    """Return records as another encoder writes them.

    `int` and `long` have the same bytes (Avro specification 1.12, "Binary encoding").
    """
    catalog = load_catalog()
    schema = catalog.topics[TOPIC].schema
    (example,) = catalog.examples[schema.id].values()
    loose = fastavro.parse_schema(json.loads(schema.text.replace('"int"', '"long"')))
    found = []
    for values in VALUES:
        own = encode(schema, {**example, "event_id": uuid.uuid4()})
        frame, body = own[:5], io.BytesIO(own[5:])
        record: Any = fastavro.schemaless_reader(body, loose)
        written = io.BytesIO()
        fastavro.schemaless_writer(written, loose, {**record, **values})
        found.append(frame + written.getvalue())
    return found


def letters(live: LiveCity) -> list[dict[str, Any]]:
    """Return the open dead letters of the topic's records that no schema reads."""
    found = json.loads(live.run("dead-letters", "list", "--topic", TOPIC, "--json"))
    return [each for each in found if each["stage"] == "decode"]


def test_values_that_no_table_holds_are_dead_letters(live: LiveCity) -> None:
    """Instants outside 1900 to 2299 and integers of more than 32 bits; what fits is a row."""
    producer = Producer({"bootstrap.servers": live.city.settings().kafka_address})
    for value in datums():
        producer.produce(TOPIC, value, key=b"foreign")
    assert producer.flush(20) == 0
    live.brought[TOPIC] += len(VALUES)
    expected = len(VALUES) - 1
    eventually(lambda: len(letters(live)) == expected, "each has its letter", within_s=60, every_s=0.5)
    found = letters(live)
    assert sum("an instant from 1900 to 2299" in each["reason"] for each in found) == 2
    assert sum("an int of 32 bits" in each["reason"] for each in found) == 2
    audit = live.run("audit")
    assert audit.startswith("audit: PASS"), audit
    live.run("dead-letters", "discard", *(each["event_id"] for each in found), "--why", "a test")

    def at_rest(report: dict[str, Any]) -> None:
        row = report["topics"][TOPIC]
        assert row["records"] == row["archived"] == row["sealed"]
        assert report["audit"]["verdict"] == "pass"

    live.at_the_end(at_rest)
