"""Bundles of what the platform really produces: small at a million events, and nothing personal in plain text."""

from __future__ import annotations

import io
import json
import struct
from typing import TYPE_CHECKING, Any

import fastavro

from ledger_sink.format import Policy
from ledger_sink.format.schema_file import pack_schema
from ledger_sink.verifier.evidence import check_evidence
from ledger_sink.verifier.trust import Trust
from schemas.catalog import load_catalog
from schemas.codec import HEADER_SIZE, encode
from schemas.envelope import parsing_form
from streams.config import StreamsConfig
from streams.testing import MemoryProducer
from tests.ledger_sink.large_city import LargeCity
from tests.ledger_sink.simulated_city import TIME_MS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schemas.catalog import Catalog
    from schemas.model import Topic

SMALL = 8192
CATALOG = load_catalog()


def examples(catalog: Catalog = CATALOG) -> Iterator[tuple[Topic, dict[str, Any]]]:
    """The largest example event of every topic that has one."""
    for topic in catalog.topics.values():
        found = catalog.examples.get(topic.schema.id, {}).values()
        if found:
            yield topic, max(found, key=lambda event: len(str(event)))


def plain_values(topic: Topic, event: dict[str, Any]) -> list[bytes]:
    """The bytes by which a personal value would stand in the bundle if it were not encrypted."""
    found = []
    for name in topic.schema.personal:
        value = event.get(name)
        if isinstance(value, float):
            found.append(struct.pack("<d", value))
        elif isinstance(value, str) and len(value) > 3:
            found.append(value.encode())
    return found


def test_bundles_at_a_million_events_are_small_and_show_nothing_personal(tmp_path: Path) -> None:
    """Each topic's largest example among a million leaves, two witnesses, a full block: 8 KiB, and no plain value."""
    door = MemoryProducer(CATALOG, StreamsConfig(data=tmp_path))
    headers = (("cause", b"air-quality.reading/0/123456"),)
    found = list(examples())
    sent = [door.prepare(topic.name, event, headers=headers) for topic, event in found]
    stamped = [
        (record.topic, (number, 1, TIME_MS, record.key, record.value, record.headers))
        for number, record in enumerate(sent)
    ]
    city = LargeCity(stamped)
    trust = Trust(Policy.parse(city.policy()))
    personal = 0
    for place, (topic, event) in enumerate(found):
        schema = pack_schema(parsing_form(topic.schema.text))
        bundle = city.large_evidence(place, schema).encode()
        verdict = check_evidence("large", bundle, trust)
        assert verdict.passed, verdict.text()
        assert len(bundle) <= SMALL, f"{topic.name}: {len(bundle)} bytes, {len(schema)} of them schema"
        for value in plain_values(topic, event):
            personal += 1
            assert value not in bundle, topic.name
    assert personal > 5


def test_the_schema_in_a_bundle_reads_what_the_whole_schema_reads() -> None:
    """Without documentation and defaults an independent Avro reader finds the same event."""
    for topic, event in examples():
        if topic.schema.personal:
            continue
        value = encode(topic.schema, event)[HEADER_SIZE:]
        texts = (topic.schema.text, parsing_form(topic.schema.text))
        whole, short = (
            fastavro.schemaless_reader(io.BytesIO(value), fastavro.parse_schema(json.loads(text)), None)
            for text in texts
        )
        assert whole == short
