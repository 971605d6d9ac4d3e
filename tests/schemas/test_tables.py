"""Columns and tables, by text and in the real engine."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.avro import AvroError, parse
from schemas.avro.writer import write_long
from schemas.catalog import Catalog, Schema, Topic, load_catalog
from schemas.codec import encode
from schemas.columns import column_type, columns, quote
from schemas.dictionary import rows
from schemas.row_schema import meta_columns, meta_record
from schemas.tables import (
    add_columns,
    create_archive,
    create_database,
    create_dictionary,
    create_table,
    insert_columns,
)
from tests.harness.engine import ClickHouse
from tests.schemas.toy import TOML, extended, lay
from tests.schemas.wire import on_the_wire, row_datum


def logical(base: str, name: str, **more: int) -> dict[str, Any]:
    """Make a logical type."""
    return {"type": base, "logicalType": name, **more}


@pytest.mark.parametrize(
    ("avro", "clickhouse_type"),
    [
        ("boolean", "Bool"),
        ("int", "Int32"),
        ("long", "Int64"),
        ("float", "Float32"),
        ("double", "Float64"),
        ("bytes", "String"),
        ("string", "String"),
        (logical("string", "uuid"), "UUID"),
        (logical("long", "timestamp-micros"), "DateTime64(6, 'UTC')"),
        (logical("long", "timestamp-millis"), "DateTime64(3, 'UTC')"),
        (logical("int", "date"), "Date32"),
        (logical("bytes", "decimal", precision=12, scale=2), "Decimal(12, 2)"),
        ({"type": "fixed", "name": "F", "size": 16}, "FixedString(16)"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "LowCardinality(String)"),
        (["null", {"type": "enum", "name": "E", "symbols": ["A"]}], "LowCardinality(Nullable(String))"),
        (["null", "double"], "Nullable(Float64)"),
        ({"type": "array", "items": "string"}, "Array(String)"),
        ({"type": "map", "values": ["null", "int"]}, "Map(String, Nullable(Int32))"),
        (
            {
                "type": "array",
                "items": {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]},
            },
            "Array(Tuple(a Int32))",
        ),
    ],
)
def test_avro_type_has_the_column_type_that_the_engine_fills_from_it(avro: Any, clickhouse_type: str) -> None:
    """The pairs that `FORMAT Avro` was tried with."""
    assert column_type(parse(avro)) == clickhouse_type


def test_type_without_column_is_refused() -> None:
    """A nullable map has none; an empty map says the same."""
    with pytest.raises(AvroError, match="use an empty one"):
        column_type(parse(["null", {"type": "map", "values": "int"}]))


def test_table_starts_with_where_and_when_the_record_was_received(catalog: Catalog) -> None:
    """Meta columns first, then the envelope, then the event's own; computed ones last."""
    listed = [column.name for column in columns(catalog.topics["air-quality.reading"])]
    assert listed[:5] == ["_partition", "_offset", "_received_at", "event_id", "salt"]
    assert listed[-1] == "simulated"


def test_union_of_records_is_read_by_plain_columns(catalog: Catalog) -> None:
    """Each field of a dead letter's origin has a column of its own."""
    listed = {column.name: column.alias for column in columns(catalog.topics["air-quality.dead-letter"])}
    assert "topic String" in listed["origin_topic"]
    assert "path String" in listed["origin_line"]


def test_text_is_quoted_for_the_engine() -> None:
    """Quotes and backslashes of a doc do not end the literal."""
    assert quote("it's a \\") == r"'it\'s a \\'"


def test_column_of_a_dropped_field_stays(tmp_path: Path) -> None:
    """A table only grows: the columns of all versions, the latest version's first."""
    note = {"name": "note", "type": "string", "default": "none", "doc": "A note."}
    toml = TOML.replace("[9900]", "[9900, 9901]")
    topic = load_catalog(lay(tmp_path, toml=toml, v2=extended(note, without=("day",)))).topics["toy.sample"]
    listed = {column.name: column for column in columns(topic)}
    assert list(listed)[-3:] == ["note", "day", "simulated"]
    assert listed["note"].default == "'none'"


def test_comment_of_a_column_tells_meaning_unit_and_secrecy(tmp_path: Path) -> None:
    """What `DESCRIBE` shows is the schema's own doc."""
    topic = load_catalog(lay(tmp_path)).topics["toy.sample"]
    (weight,) = (column for column in columns(topic) if column.name == "weight")
    assert (weight.type, weight.comment) == (
        "Nullable(String)",
        "Weight. [kg] Encrypted under the subject's key.",
    )


def test_dictionary_has_every_column_of_every_table(catalog: Catalog) -> None:
    """Each with its doc; units and personal fields as the schema says."""
    entries = {(entry.table, entry.column): entry for entry in rows(catalog)}
    assert {table for table, _ in entries} == {t.table for t in catalog.topics.values()} | {"records"}
    assert all(entry.doc for entry in entries.values())
    assert entries["air_quality_reading", "pm10"].unit == "µg/m³"
    personal = {(t.table, name) for t in catalog.topics.values() for s in t.schemas for name in s.personal}
    assert {place for place, entry in entries.items() if entry.personal} == personal


@pytest.fixture
def database(clickhouse: ClickHouse) -> str:
    """An empty database of this module's own."""
    client = clickhouse.client()
    client.command("DROP DATABASE IF EXISTS schemas_test")
    client.command(create_database("schemas_test"))
    return "schemas_test"


def container(schema: Schema, datums: list[bytes]) -> bytes:
    """Wrap datums in an Avro object container file."""
    text = json.dumps(meta_record(schema)).encode()
    out = bytearray(b"Obj\x01\x02\x16avro.schema")
    write_long(out, len(text))
    out += text + b"\0" + bytes(16)
    write_long(out, len(datums))
    write_long(out, sum(map(len, datums)))
    return bytes(out) + b"".join(datums) + bytes(16)


def insert(
    clickhouse: ClickHouse, database: str, topic: Topic, schema: Schema, events: list[dict[str, Any]]
) -> None:
    """Insert events as the sink does: whole datums behind their meta fields."""
    datums = [
        row_datum(1, number, 1_700_000_000_123, encode(schema, event)) for number, event in enumerate(events)
    ]
    clickhouse.client(database=database).raw_insert(
        topic.table,
        insert_block=container(schema, datums),
        fmt="Avro",
        column_names=list(meta_columns(schema)),
    )


def test_every_example_of_every_topic_arrives_in_its_table(
    clickhouse: ClickHouse, database: str, catalog: Catalog
) -> None:
    """The engine decodes our datums itself, and finds the very values."""
    client = clickhouse.client(database=database)
    for topic in catalog.topics.values():
        for _ in range(2):  # a statement may be run again
            client.command(create_table(topic, database))
        events = [on_the_wire(topic, each) for each in catalog.examples[topic.schema.id].values()]
        insert(clickhouse, database, topic, topic.schema, events)
        found = client.query(
            f"SELECT toString(event_id) AS id, toUnixTimestamp64Micro(occurred_at), simulated, _partition, "
            f"toUnixTimestamp64Milli(_received_at) FROM {topic.table} FINAL ORDER BY _offset"
        ).result_rows
        assert [row[0] for row in found] == [str(event["event_id"]) for event in events]
        assert [row[1] for row in found] == [round(e["occurred_at"].timestamp() * 1e6) for e in events]
        assert [row[2] for row in found] == [e["source"].startswith(("replay:", "scenario:")) for e in events]
        assert {row[3:] for row in found} == {(1, 1_700_000_000_123)}


def test_origin_of_a_dead_letter_is_asked_by_name(
    clickhouse: ClickHouse, database: str, catalog: Catalog
) -> None:
    """Computed columns give the record or the file it came from; what does not apply is null."""
    topic = catalog.topics["platform.dead-letter"]
    client = clickhouse.client(database=database)
    client.command(create_table(topic, database))
    insert(clickhouse, database, topic, topic.schema, list(catalog.examples[1].values()))
    found = client.query(
        "SELECT origin_topic, origin_offset, origin_path, origin_line FROM platform_dead_letter "
        "ORDER BY origin_path IS NULL"
    ).result_rows
    assert found == [(None, None, "PRSA_Data_Wanliu.csv", 18), ("air-quality.reading", 42, None, None)]


def test_repeat_of_an_event_is_one_row(clickhouse: ClickHouse, database: str, catalog: Catalog) -> None:
    """Rows = events: the table replaces repeats by event_id."""
    topic = catalog.topics["air-quality.reading"]
    client = clickhouse.client(database=database)
    client.command(create_table(topic, database))
    events = list(catalog.examples[100].values())
    insert(clickhouse, database, topic, topic.schema, [*events, *events])
    assert client.command(f"SELECT count() FROM {topic.table} FINAL") == len(events)


def test_older_version_is_inserted_into_the_table_of_the_latest(
    clickhouse: ClickHouse, database: str, tmp_path: Path
) -> None:
    """An old table gets the new columns; a row of the old version has their defaults."""
    before = load_catalog(lay(tmp_path / "before")).topics["toy.sample"]
    note = {"name": "note", "type": "string", "default": "none", "doc": "A note."}
    toml = TOML.replace("[9900]", "[9900, 9901]")
    catalog = load_catalog(lay(tmp_path / "after", toml=toml, v2=extended(note, without=("day",))))
    topic = catalog.topics["toy.sample"]
    client = clickhouse.client(database=database)
    client.command(create_table(before, database))
    for statement in add_columns(topic, database):
        client.command(statement)
    event = {**catalog.examples[9900]["sample.v1.plain.json"], "weight": b"\xff\x00", "sex": b"\x01"}
    insert(clickhouse, database, topic, topic.schemas[0], [event])
    assert client.query(
        "SELECT note, hex(weight), price, day::String, mood, steps.length, count() OVER () FROM toy_sample"
    ).result_rows == [("none", "FF00", event["price"], "2026-01-01", "GOOD", [0.5], 1)]
    present = client.query(
        f"SELECT name FROM system.columns WHERE database = '{database}' AND table = 'toy_sample'"
    )
    assert {row[0] for row in present.result_rows} == {column.name for column in columns(topic)}


def test_archive_and_dictionary_are_created(clickhouse: ClickHouse, database: str, catalog: Catalog) -> None:
    """The platform's own two tables; the dictionary takes its rows as they are."""
    client = clickhouse.client(database=database)
    for statement in (create_archive(database), create_dictionary(database)) * 2:
        client.command(statement)
    entries = list(rows(catalog))
    names = list(entries[0].__dataclass_fields__)
    client.insert(
        "dictionary", [[getattr(entry, name) for name in names] for entry in entries], column_names=names
    )
    assert client.command("SELECT count() FROM dictionary FINAL") == len(entries)
    assert client.command("SELECT count() FROM records") == 0


def test_insert_names_stored_columns_only(catalog: Catalog) -> None:
    """Computed columns are never written."""
    topic = catalog.topics["platform.dead-letter"]
    assert insert_columns(topic) == meta_columns(topic.schema)
