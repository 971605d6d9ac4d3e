"""What may happen to a schema from one version to the next."""

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro import parse_record
from schemas.avro.reader import reader
from schemas.avro.resolution import resolver
from schemas.catalog import load_catalog
from schemas.codec import encode
from schemas.compatibility import check, check_all
from schemas.envelope import canonical_text
from schemas.errors import CatalogError
from schemas.model import Schema
from tests.properties import fewer
from tests.schemas.strategies import events
from tests.schemas.toy import SAMPLE, TOML, extended, lay, sample


def schema(record: dict[str, Any], version: int = 1) -> Schema:
    """Make a schema that stands alone."""
    return Schema(version, "toy.sample-value", version, record, canonical_text(record))


NOTE = {"name": "note", "type": "string", "default": "none", "doc": "A note."}
MOODS = {"type": "enum", "name": "Mood", "symbols": ["UNKNOWN", "GOOD", "BAD"], "default": "UNKNOWN"}
ALLOWED: dict[str, dict[str, Any]] = {
    "nothing": SAMPLE,
    "a field with a default": extended(NOTE),
    "a field with a default gone": extended(without=("day",)),
    "a symbol more": sample(mood={"type": MOODS}),
    "another doc": sample(price={"doc": "Price, with tax."}),
    "another order": {**SAMPLE, "fields": SAMPLE["fields"][::-1]},
}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a field without default": (
        extended({"name": "note", "type": "string", "doc": "A note."}),
        "note: a new field needs a default",
    ),
    "a field without default gone": (
        extended(without=("price",)),
        "price: only a field with a default may be dropped",
    ),
    "a wider number": (
        sample(day={"type": ["null", {"type": "long"}]}),
        "day: the type changed from date on int to long",
    ),
    "a logical type on the same base": (
        sample(day={"type": ["null", "int"]}),
        "day: the type changed from date on int to int",
    ),
    "another scale": (
        sample(price={"type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 3}}),
        "price: the type changed from decimal(12, 2) on bytes to decimal(12, 3) on bytes",
    ),
    "another unit": (sample(price={"unit": "USD"}), "price: the unit changed from KRW to USD"),
    "another default": (sample(steps={"default": None}), "steps: the default changed"),
    "personal no more": (sample(weight={"personal": None}), "weight: personal changed from true to false"),
    "no longer nullable": (
        sample(weight={"type": "double"}),
        "weight: the type changed from null or double to double",
    ),
    "text for bytes": (sample(device={"type": "bytes"}), "device: the type changed from string to bytes"),
    "another record": (
        {**SAMPLE, "name": "Other"},
        "record: the name changed from city.toy.Sample to city.toy.Other",
    ),
    "another default of the enum": (
        sample(mood={"type": {"type": "enum", "name": "Mood", "symbols": ["UNKNOWN", "GOOD"]}}),
        "mood: the enum's default changed from UNKNOWN to none",
    ),
    "a unit deep inside": (
        json.loads(json.dumps(SAMPLE).replace('"unit": "m"', '"unit": "cm"')),
        "steps[].length: the unit changed from m to cm",
    ),
}


@pytest.mark.parametrize("change", ALLOWED)
def test_change_that_both_sides_can_read_is_allowed(change: str) -> None:
    """FULL: the new version reads what the old one wrote, and the other way round."""
    assert check(schema(SAMPLE), schema(ALLOWED[change], 2)) == []
    assert check(schema(ALLOWED[change]), schema(SAMPLE, 2)) == []


@pytest.mark.parametrize("change", REFUSED)
def test_change_that_would_mislead_a_reader_is_refused(change: str) -> None:
    """Each line names the field and what changed."""
    record, line = REFUSED[change]
    assert line in check(schema(SAMPLE), schema(record, 2))


def test_symbols_of_an_enum_without_default_are_fixed() -> None:
    """An old reader has nothing to take a new symbol for, unless the enum has a default."""
    one = sample(mood={"type": {"type": "enum", "name": "Mood", "symbols": ["UNKNOWN", "GOOD"]}})
    two = sample(mood={"type": {"type": "enum", "name": "Mood", "symbols": ["UNKNOWN", "GOOD", "BAD"]}})
    assert check(schema(one), schema(two, 2)) == [
        "mood: the symbols changed (BAD) and the enum has no default"
    ]


def test_each_version_is_checked_against_all_before_it() -> None:
    """TRANSITIVE: what v2 dropped may not come back in v3 as something else."""
    came_back = extended({"name": "day", "type": "string", "default": "", "doc": "Day."}, without=("day",))
    versions = [schema(SAMPLE), schema(extended(without=("day",)), 2), schema(came_back, 3)]
    assert check_all(versions[:2]) == []
    assert check_all(versions[1:]) == []
    assert any(line.startswith("v3 after v1: day: the type changed") for line in check_all(versions))


def test_catalogue_refuses_a_version_that_may_not_follow(tmp_path: Path) -> None:
    """The check is part of loading, so an incompatible version cannot be used."""
    root = lay(tmp_path, toml=TOML.replace("[9900]", "[9900, 9901]"), v2=sample(price={"unit": "USD"}))
    with pytest.raises(
        CatalogError, match=r"toy/sample.v2.avsc: v2 after v1: price: the unit changed from KRW to USD"
    ):
        load_catalog(root)


@pytest.mark.parametrize("change", ALLOWED)
@given(data=st.data())
@fewer(times=10)
def test_allowed_change_is_read_as_another_implementation_reads_it(change: str, data: st.DataObject) -> None:
    """Between any two allowed versions, our resolution gives the event that fastavro gives, in both directions."""
    for old, new in ((SAMPLE, ALLOWED[change]), (ALLOWED[change], SAMPLE)):
        written, wanted = parse_record(old), parse_record(new)
        value = encode(schema(old), data.draw(events(written)))[5:]
        found = resolver(written, wanted, raw=False)(reader(written)(value, 0)[0])
        theirs = fastavro.schemaless_reader(
            io.BytesIO(value), fastavro.parse_schema(old), fastavro.parse_schema(new)
        )
        assert found == theirs
