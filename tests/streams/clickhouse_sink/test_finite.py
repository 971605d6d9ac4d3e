"""NaN and the infinities from a foreign producer: one rule for all fields of all domains, in codec, sink and count."""

from __future__ import annotations

import copy
import io
import json
import math
import os
from itertools import cycle, pairwise
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import fastavro
import pytest

from infra.admin.subscriber_reader import plain_event
from infra.reconcile.count import _event as counted
from schemas.avro import Array, Map, Primitive, Record, Type, Union
from schemas.catalog import load_catalog
from schemas.codec import decode
from schemas.errors import UndecodableError
from schemas.tables import create_database
from streams.clickhouse_sink.avro_container import MARKER_SIZE, container
from streams.clickhouse_sink.batch import InsertBatch, OffsetRange
from streams.clickhouse_sink.bisect_insert import DATA_ERRORS
from streams.clickhouse_sink.client import ClickHouseClient
from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.errors import ClickHouseRefusedError
from streams.clickhouse_sink.insert_sql import try_rows
from streams.subscriber.event import read_event
from tests.streams.clickhouse_sink.events import event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.model import Schema, Topic
    from tests.harness.engine import ClickHouse

CATALOG = load_catalog()
Path = tuple[str | int, ...]
KINDS = (math.nan, math.inf, -math.inf)


def floats(kind: Type, at: Path = ()) -> Iterator[Path]:
    """Yield the place of every float in a value of a type; lists and maps have one item."""
    match kind:
        case Primitive("float" | "double"):
            yield at
        case Union(branches):
            for branch in branches:
                yield from floats(branch, at)
        case Array(items):
            yield from floats(items, (*at, 0))
        case Map(values):
            yield from floats(values, (*at, "x"))
        case Record(_, fields):
            for field in fields:
                yield from floats(field.type, (*at, field.name))


SCHEMAS = [
    (topic, schema)
    for topic in CATALOG.topics.values()
    for schema in topic.schemas
    if next(floats(schema.tree), None) is not None
]
every_schema = pytest.mark.parametrize(
    ("topic", "schema"), SCHEMAS, ids=[f"{schema.subject}.v{schema.version}" for _, schema in SCHEMAS]
)


def planted(plain: dict[str, Any], path: Path, number: float) -> dict[str, Any]:
    """Return an event with a number at a place."""
    made = copy.deepcopy(plain)
    at: Any = made
    for step, following in pairwise(path):
        inner: Any = at[step] if isinstance(step, int) or step in at else None
        if not isinstance(inner, dict | list) or isinstance(inner, list) != isinstance(following, int):
            inner = [] if isinstance(following, int) else {}
        if isinstance(following, int) and not inner:
            inner = [None]
        at[step] = inner
        at = inner
    at[path[-1]] = number
    return made


def foreign(schema: Schema, plain: dict[str, Any]) -> bytes:
    """Write a value as another producer's Avro library does; it asks nothing of a float."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(schema.text)), plain)
    return schema.frame + out.getvalue()


def example(schema: Schema) -> dict[str, Any]:
    """Return an event of finite numbers."""
    return {
        **event(schema, Random(3)),
        **{str(path[0]): 1.5 for path in floats(schema.tree) if len(path) == 1},
    }


@every_schema
def test_codec_and_count_refuse_it_and_name_the_field(topic: Topic, schema: Schema) -> None:
    """Both readers of the codec, and the counting decoder, which shares no code with it."""
    plain = example(schema)
    parsed = {schema.id: fastavro.parse_schema(json.loads(schema.text))}
    for path in floats(schema.tree):
        good = foreign(schema, planted(plain, path, 0.5))
        assert decode(good, CATALOG, topic, raw=True)
        assert counted(good, parsed) is not None
        for number in KINDS:
            bad = foreign(schema, planted(plain, path, number))
            for raw in (False, True):
                with pytest.raises(UndecodableError, match=rf"{path[0]}\b.*: expected a finite .*, got "):
                    decode(bad, CATALOG, topic, raw=raw)
            assert counted(bad, parsed) is None


@pytest.fixture(scope="module")
def inserts(clickhouse: ClickHouse) -> Iterator[ClickHouseClient]:
    """The sink's client; nothing is stored."""
    admin = clickhouse.client(database="default")
    admin.command(create_database())
    admin.close()
    client = ClickHouseClient(
        SinkConfig(url=clickhouse.url, user=clickhouse.user, password=clickhouse.password)
    )
    yield client
    client.close()


@every_schema
def test_the_insert_refuses_it(inserts: ClickHouseClient, topic: Topic, schema: Schema) -> None:
    """The statement that stores a block throws at it, and takes the same record with finite numbers."""

    def insert(values: list[bytes]) -> None:
        count, marker = len(values), os.urandom(MARKER_SIZE)
        batch = InsertBatch(
            topic.name, 0, OffsetRange(0, count - 1), list(range(count)), [1] * count,
            [1_790_000_000_000] * count, [b"k"] * count, list(values), [()] * count,
        )  # fmt: skip
        inserts.insert(try_rows(topic, schema, marker), container(schema, batch, marker), "")

    plain = example(schema)
    paths = list(floats(schema.tree))
    insert([foreign(schema, planted(plain, path, 0.5)) for path in paths])
    for path, number in zip(paths, cycle(KINDS), strict=False):
        good = foreign(schema, planted(plain, path, -0.0))
        with pytest.raises(ClickHouseRefusedError) as refusal:
            insert([good, foreign(schema, planted(plain, path, number))])
        assert refusal.value.code in DATA_ERRORS, path


def test_a_subscriber_gets_json_and_the_reason() -> None:
    """`city subscribe --json` prints JSON whatever comes (RFC 8259 has no NaN)."""
    topic = CATALOG.topics["energy.carbon-intensity"]
    value = foreign(topic.schema, {**example(topic.schema), "intensity": math.nan})
    message = SimpleNamespace(
        topic=lambda: topic.name, partition=lambda: 0, offset=lambda: 5, timestamp=lambda: (2, 1_790_000_000_000),
        headers=list, value=lambda: value, key=lambda: b"k",
    )  # fmt: skip
    plain = plain_event(read_event(message, CATALOG), "city.example")
    assert json.loads(json.dumps(plain, allow_nan=False))["event"] is None
    assert "intensity: expected a finite double, got nan" in plain["problem"]
