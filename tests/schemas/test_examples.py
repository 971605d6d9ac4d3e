"""Events as JSON that people read, and the clear side of personal fields."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog import DOMAINS, load_catalog
from schemas.errors import EventError, UndecodableError
from schemas.examples import clear_tree, from_plain, to_plain
from schemas.model import Schema
from schemas.personal_values import clear_bytes, clear_value
from tests.properties import fewer
from tests.schemas.strategies import events, values
from tests.schemas.toy import lay

SCHEMAS = list(load_catalog().schemas())


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    """A schema with personal fields."""
    return load_catalog(lay(tmp_path_factory.mktemp("toy"))).topics["toy.sample"].schema


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda each: each.subject)
@given(data=st.data())
@fewer(times=10)
def test_event_written_as_json_is_read_back(schema: Schema, data: st.DataObject) -> None:
    """Plain JSON loses nothing: bytes, instants, days and decimals come back."""
    event = data.draw(events(schema.tree))
    plain = json.loads(json.dumps(to_plain(event)))
    assert to_plain(from_plain(schema.tree, plain)) == plain
    again = from_plain(schema.tree, plain)
    assert {key: again[key] for key in ("salt", "occurred_at")} == {
        key: event[key] for key in ("salt", "occurred_at")
    }


@given(data=st.data())
@fewer(times=10)
def test_clear_event_written_as_json_is_read_back(toy: Schema, data: st.DataObject) -> None:
    """The same for personal fields in clear, decimals, days and lists of records."""
    tree = clear_tree(toy)
    plain = json.loads(json.dumps(to_plain(data.draw(events(tree)))))
    assert to_plain(from_plain(tree, plain)) == plain


@pytest.mark.parametrize(
    ("field", "text"),
    [("price", "twelve"), ("day", "2026-13-01"), ("salt", "xyz"), ("steps", [{"at": "noon"}])],
)
def test_text_that_cannot_be_read_is_named(toy: Schema, field: str, text: object) -> None:
    """The error leads to the field."""
    with pytest.raises(EventError, match=f"{field}.*: cannot read"):
        from_plain(clear_tree(toy), {field: text})


@pytest.mark.parametrize("field", ["weight", "sex"])
@given(data=st.data())
@fewer(times=10)
def test_personal_value_comes_back_from_its_plain_bytes(toy: Schema, field: str, data: st.DataObject) -> None:
    """What is encrypted is the Avro datum of the field's clear type."""
    kind = toy.tree.field(field).clear_type
    assert kind is not None
    value = data.draw(values(kind))
    assert clear_value(toy, field, clear_bytes(toy, field, value)) == value


def test_personal_value_of_another_type_is_refused(toy: Schema) -> None:
    """Before it is encrypted, since nobody could tell afterwards."""
    with pytest.raises(EventError, match="weight: expected a double, got str 'heavy'"):
        clear_bytes(toy, "weight", "heavy")


@pytest.mark.parametrize("plain", [b"", bytes(7), bytes(9)])
def test_plain_bytes_that_are_no_value_are_undecodable(toy: Schema, plain: bytes) -> None:
    """Too few or too many bytes are told."""
    with pytest.raises(UndecodableError, match="weight"):
        clear_value(toy, "weight", plain)


def test_packaged_examples_are_few_and_small() -> None:
    """An example is to be read by people."""
    found = sorted(DOMAINS.glob("*/examples/*.json"))
    assert len(found) >= len(SCHEMAS)
    for path in found:
        assert path.stat().st_size < 4096


def test_command_in_the_readme_runs() -> None:
    """What the folder's README shows prints every topic and a table."""
    text = (DOMAINS.parent / "README.md").read_text(encoding="utf-8")
    program = text.split('uv run python -c "\n')[1].split('"\n```')[0]
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert "air-quality.reading [100, 103]" in found.stdout
    assert "CREATE TABLE IF NOT EXISTS city.air_quality_reading" in found.stdout
