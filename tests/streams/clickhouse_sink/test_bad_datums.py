"""One bad datum touches no neighbour; what the codec does not read has no row (docs/delivery.md#one-bad-datum)."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import fastavro
import pytest

from schemas.catalog import load_catalog
from schemas.codec import decode
from schemas.errors import UndecodableError
from schemas.model import Catalog
from tests.harness.waiting import eventually
from tests.streams.clickhouse_sink.events import framed

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.model import Schema, Topic
    from tests.streams.clickhouse_sink.stage import Stage


def written_by_others(datum: bytes, number: float) -> bytes:
    """Write a reading with another concentration, as a library does that asks nothing of a number."""
    parsed = fastavro.parse_schema(json.loads(load_catalog().topics["air-quality.reading"].schema.text))
    event: Any = fastavro.schemaless_reader(io.BytesIO(datum), parsed, None)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed, {**event, "pm10": number})
    return out.getvalue()


BAD: dict[str, Callable[[bytes], bytes | None]] = {
    "four extra bytes": lambda value: value + b"\0\1\2\3",
    "one extra byte": lambda value: value + b"\0",
    "one byte short": lambda value: value[:-1],
    "half of it": lambda value: value[: len(value) // 2],
    "a foreign schema id": lambda value: value[:1] + (7777).to_bytes(4, "big") + value[5:],
    "another topic's schema id": lambda value: value[:1] + (102).to_bytes(4, "big") + value[5:],
    "no magic byte": lambda value: b"\x01" + value[1:],
    "json": lambda _: b'{"station": "Jongno-gu"}',
    "an empty value": lambda _: b"",
    "only the frame": lambda value: value[:5],
    "a tombstone": lambda _: None,
    "a second datum behind it": lambda value: value + value[5:],
    "text that is not UTF-8": lambda value: value[:5] + value[5:].replace(b"Seoul", b"Se\xfful"),
    "a number that is NaN": lambda value: value[:5] + written_by_others(value[5:], math.nan),
    "an infinite number": lambda value: value[:5] + written_by_others(value[5:], -math.inf),
    "an event id in capitals": lambda value: value[:6] + value[6:42].upper() + value[42:],
}


def good(schema: Schema, random: Random) -> bytes:
    """Make a reading whose text can be found again."""
    return framed(schema, random, city="Seoul", source="device:abc")


def test_a_bad_datum_does_not_touch_its_neighbours(stage: Stage) -> None:
    """In a batch of each kind: all neighbours have their rows; the bad are archived, dead-lettered once, have none."""
    random, topic = Random(1), stage.topic("reading")
    values: list[bytes | None] = []
    bad: dict[int, str] = {}
    for kind, damage in BAD.items():
        batch: list[bytes | None] = [good(topic.schema, random) for _ in range(60)]
        for place in (0, 7, 8, 30, 59):
            batch[place] = damage(batch[place] or b"")
            bad[len(values) + place] = kind
        values += batch
    stage.produce(topic, values)
    with stage.sink(max_rows=60):
        stage.drain()
    assert stage.check(topic) == {
        "records": len(values),
        "events": len(values) - len(bad),
        "undecodable": len(bad),
    }
    letters = stage.dead_letters("reading")
    assert {offset for _, offset in letters} == set(bad)
    for (_, offset), (where, reason, data) in letters.items():
        assert (where, data) == ("decode", values[offset] or b""), bad[offset]
        assert reason


def test_random_damage_is_judged_as_the_codec_does(stage: Stage) -> None:
    """Of values with random bytes changed, exactly those that the codec reads have a row."""
    random = Random(20260101)
    for name in ("reading", "index", "category-change", "dead-letter"):
        topic = stage.topic(name)
        values: list[bytes | None] = []
        for _ in range(500):
            value = bytearray(framed(topic.schema, random))
            for _ in range(random.randrange(3)):
                value[random.randrange(5, len(value))] = random.randrange(256)
            values.append(bytes(value))
        stage.produce(topic, values)
    with stage.sink(max_rows=100):
        stage.drain(90)
    for name in ("reading", "index", "category-change"):
        counts = stage.check(stage.topic(name))
        assert counts["records"] == 500
        assert counts["undecodable"] > 50
        assert len(stage.dead_letters(name)) == counts["undecodable"]
    assert stage.check(stage.topic("dead-letter"))["undecodable"] > 50


def test_two_schema_versions_in_a_batch_are_two_blocks_of_one_batch(stage: Stage) -> None:
    """Records of an older and a newer version, mixed, all have their rows; a bad one of each is dead-lettered."""
    topic = stage.topic("category-change")
    remark = {"name": "remark", "type": ["null", "string"], "default": None}
    newer = _with_field(topic.schema, 9000, remark)
    both = replace(topic, schemas=(topic.schema, newer))
    stage.catalog = _replaced(stage.catalog, both)
    _run(stage, f"ALTER TABLE {topic.table} ADD COLUMN remark Nullable(String)")
    random = Random(2)
    values: list[bytes | None] = [
        framed(newer, random) if number % 3 else framed(topic.schema, random) for number in range(200)
    ]
    values[10] = (values[10] or b"") + b"\0"
    values[12] = (values[12] or b"")[:-1]
    stage.produce(topic, values)
    with stage.sink():
        stage.drain()
    assert stage.check(both) == {"records": 200, "events": 198, "undecodable": 2}
    remarks = stage.rows(f"SELECT countIf(remark IS NOT NULL) FROM {topic.table} FINAL")[0][0]
    assert remarks > 50


def test_a_record_that_only_clickhouse_refuses_is_found_by_halves(stage: Stage) -> None:
    """Where the codec reads what ClickHouse does not, that record is dead-lettered and its neighbours stored."""
    topic = stage.topic("category-change")
    price = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
    priced = replace(topic, schemas=(_with_field(topic.schema, 9001, {"name": "price", "type": price}),))
    stage.catalog = _replaced(stage.catalog, priced)
    _run(stage, f"ALTER TABLE {topic.table} ADD COLUMN price Decimal(9, 2)")
    random = Random(3)
    values: list[bytes | None] = [framed(priced.schema, random, price=Decimal("1.25")) for _ in range(50)]
    shortest = bytes([2, 125])
    assert (values[17] or b"").endswith(shortest)
    values[17] = (values[17] or b"")[:-2] + bytes([40]) + bytes(19) + b"\x7d"  # the same number in 20 bytes
    stage.produce(topic, values)
    with stage.sink():
        stage.drain()
    rows = stage.rows(f"SELECT _offset FROM {topic.table} FINAL")
    assert {offset for (offset,) in rows} == set(range(50)) - {17}
    letters = stage.dead_letters("category-change")
    assert set(letters) == {(0, 17)}
    assert letters[0, 17][1].startswith("ClickHouse error ")


def test_a_table_that_does_not_fit_stops_its_topic_and_no_other(stage: Stage) -> None:
    """Nothing is dead-lettered for the tables' fault: the topic waits until they are mended, others go on."""
    topic, other = stage.topic("category-change"), stage.topic("reading")
    _run(stage, f"ALTER TABLE {topic.table} MODIFY COLUMN rule Enum8('fine@1' = 1)")
    random = Random(3)
    stage.produce(topic, [framed(topic.schema, random, rule="odd@1") for _ in range(50)])
    stage.produce(other, [framed(other.schema, random) for _ in range(50)])
    with stage.sink():
        eventually(lambda: stage.commits().get((other.name, 0)) == (50, ""), stage.commits, within_s=30)
        eventually(lambda: stage.commits().get((topic.name, 0)) == (0, "0-49"), stage.commits, within_s=30)
        _run(stage, f"ALTER TABLE {topic.table} MODIFY COLUMN rule LowCardinality(String)")
        stage.drain()
    assert stage.check(topic) == {"records": 50, "events": 50, "undecodable": 0}
    assert stage.dead_letters("category-change") == {}


def _with_field(schema: Schema, schema_id: int, field: dict[str, Any]) -> Schema:
    record = {**schema.record, "fields": [*schema.record["fields"], field]}
    return replace(schema, id=schema_id, version=2, record=record, text=json.dumps(record))


def _run(stage: Stage, sql: str) -> None:
    client = stage.clickhouse.client(database=stage.config.database)
    client.command(sql)
    client.close()


def _replaced(catalog: Catalog, topic: Topic) -> Catalog:
    domains = {
        name: replace(
            domain, topics=tuple(topic if each.name == topic.name else each for each in domain.topics)
        )
        for name, domain in catalog.domains.items()
    }
    return Catalog(domains)


def test_the_codec_refuses_every_bad_datum_of_this_file() -> None:
    """The table above holds what it says: not one of them is read."""
    from schemas.catalog import load_catalog

    catalog = load_catalog()
    topic = catalog.topics["air-quality.reading"]
    for damage in BAD.values():
        with pytest.raises(UndecodableError):
            decode(damage(good(topic.schema, Random(1))), catalog, topic)
