"""What the catalogue refuses, each with one line that names the file."""

from pathlib import Path
from typing import Any

import pytest

from schemas.catalog import Catalog, load_catalog
from schemas.codec import decode, encode
from schemas.errors import CatalogError, UnknownSchemaError
from tests.schemas.toy import EXAMPLE, SAMPLE, TOML, extended, lay, sample


def problems(root: Path) -> tuple[str, ...]:
    """Load the packaged domains with those of a root, which is expected to fail."""
    with pytest.raises(CatalogError) as caught:
        load_catalog(root)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_domain_of_another_folder_joins_the_packaged_ones(tmp_path: Path) -> None:
    """A domain is a folder, wherever it lies; nothing else has to be told of it."""
    catalog = load_catalog(lay(tmp_path))
    topic = catalog.topics["toy.sample"]
    assert (topic.key, topic.table, topic.schema.id) == ("device", "toy_sample", 9900)
    assert (topic.archived, topic.sealed, topic.partitions, topic.grace_s) == (True, True, None, 0)
    assert "air_quality" in catalog.domains
    assert "toy" not in load_catalog().domains


def test_catalogue_is_read_once(catalog: Catalog) -> None:
    """The same roots give the same object, so its compiled codecs are shared."""
    assert load_catalog() is catalog


def test_unknown_schema_id_is_an_error_of_its_own(catalog: Catalog) -> None:
    """An id that the catalogue does not know is told apart."""
    with pytest.raises(UnknownSchemaError, match="schema id 77777 is not in the catalogue"):
        catalog.schema(77777)


def test_metrics_are_neither_archived_nor_sealed(catalog: Catalog) -> None:
    """docs/counts.md#equations: platform.metric alone is tabled only; every other topic is archived and sealed."""
    assert [t.name for t in catalog.topics.values() if not (t.archived and t.sealed)] == ["platform.metric"]


def test_personal_fields_travel_as_bytes(tmp_path: Path) -> None:
    """On the wire a personal field is bytes, nullable as it was, and clearType tells what is inside."""
    schema = load_catalog(lay(tmp_path)).topics["toy.sample"].schema
    fields = {each["name"]: each for each in schema.record["fields"]}
    assert schema.personal == ("weight", "sex")
    assert (fields["weight"]["type"], fields["weight"]["clearType"]) == (["null", "bytes"], "double")
    assert (fields["sex"]["type"], fields["sex"]["clearType"]) == ("bytes", "string")
    assert "double" not in str(fields["weight"]["type"])


def test_event_of_an_older_version_has_the_shape_of_the_latest(tmp_path: Path) -> None:
    """With its topic, an old value is read with new fields filled in and dropped ones gone."""
    colour = {
        "name": "colour",
        "type": {"type": "array", "items": "string"},
        "default": ["red"],
        "doc": "Colours.",
    }
    toml = TOML.replace("[9900]", "[9900, 9901]")
    catalog = load_catalog(lay(tmp_path, toml=toml, v2=extended(colour, without=("day",))))
    topic = catalog.topics["toy.sample"]
    old, new = topic.schemas
    event = {**catalog.examples[9900]["sample.v1.plain.json"], "weight": b"1", "sex": b"2"}
    written, found = decode(encode(old, event), catalog, topic)
    assert (written, topic.schema) == (old, new)
    assert found["colour"] == ["red"]
    assert "day" not in found
    assert encode(new, found)[5:].endswith(b"\x02\x06red\x00")
    assert "day" in decode(encode(old, event), catalog)[1]


TOML_FAULTS = {
    "syntax": (TOML.replace("[topics.sample]", "[topics.sample"), "toy/domain.toml: cannot be read"),
    "no owner": (TOML.replace("owner", "oner"), "toy/domain.toml: owner: expected text, got None"),
    "unknown entry": (TOML.replace("owner", "oner"), "toy/domain.toml: oner: is no entry of a domain"),
    "sensitivity": (TOML.replace('"personal"', '"secret"'), "toy/domain.toml: sensitivity: expected one of"),
    "no dead letters": (
        TOML[: TOML.index("[topics.dead")],
        "toy/domain.toml: topics: expected [topics.dead-letter], where refused records go",
    ),
    "no topics": ('title = "T"\nowner = "o"\nsensitivity = "public"\n', "topics: expected at least one"),
    "event name": (
        TOML.replace("topics.sample", "topics.Sample"),
        "topics.Sample: an event's name is lower case",
    ),
    "long name": (TOML.replace("topics.sample", "topics." + "a" * 250), "its topic's at most 249 characters"),
    "kind": (TOML.replace('"raw"', '"cooked"'), "topics.sample: kind: expected one of raw, derived"),
    "platform kind": (
        TOML.replace('"raw"', '"platform"'),
        "kind: platform is for topics of the domain platform",
    ),
    "false dead letter": (
        TOML.replace('"raw"', '"dead-letter"'),
        "kind: dead-letter is the kind of the topic",
    ),
    "retention": (
        TOML.replace("= 7", "= 0"),
        "topics.sample: retention_days: expected a whole number from 1",
    ),
    "partitions": (
        TOML.replace("schema_ids", "partitions = 0\nschema_ids"),
        "partitions: expected a whole number",
    ),
    "grace": (
        TOML.replace("schema_ids", "grace_s = -1\nschema_ids"),
        "grace_s: expected a whole number from 0",
    ),
    "sealed word": (
        TOML.replace("schema_ids", 'sealed = "no"\nschema_ids'),
        "sealed: expected true or false",
    ),
    "sealed only": (TOML.replace("schema_ids", "archived = false\nschema_ids"), "is archived as well"),
    "readers": (TOML.replace('["operator"]', '["The Operator"]', 1), "readers: expected a list of roles"),
    "no key": (TOML.replace('key = "device"\n', ""), "topics.sample: key: is missing"),
    "key no text": (TOML.replace('key = "device"', "key = 7"), "key: expected the name of a field, got 7"),
    "unknown topic entry": (
        TOML.replace("schema_ids", "color = 1\nschema_ids"),
        "color: is no entry of a topic",
    ),
    "id zero": (TOML.replace("[9900]", "[0]"), "schema_ids: expected the id of each version, got [0]"),
    "no ids": (TOML.replace("schema_ids = [9900]\n", ""), "topics.sample: schema_ids: is missing"),
    "id twice": (TOML.replace("[9900]", "[100]"), "toy/domain.toml: topics.sample: schema id 100 belongs to"),
    "own dead letters": (
        TOML + "schema_ids = [9901]\n",
        "dead letters use the schema of platform; leave it out",
    ),
    "no such version": (
        TOML.replace("[9900]", "[9900, 9901]"),
        "topics.sample: version 2 has no file sample.v2.avsc",
    ),
    "unknown key": (
        TOML.replace('"device"', '"devise"'),
        "toy/sample.v1.avsc: key: there is no field devise",
    ),
    "key nullable": (TOML.replace('"device"', '"day"'), "key: day has to be a string that is never null"),
    "key personal": (TOML.replace('"device"', '"sex"'), "key: sex is personal; key by a pseudonym"),
    "pseudonym no flag": (
        TOML.replace("schema_ids", 'pseudonym = "yes"\nschema_ids', 1),
        "topics.sample: pseudonym: expected true or false",
    ),
    "pseudonym of what is derived": (
        TOML.replace('"raw"', '"derived"').replace("schema_ids", "pseudonym = true\nschema_ids", 1),
        "topics.sample: pseudonym: only a raw topic is given names",
    ),
    "pseudonym of no person": (
        TOML.replace('"personal"', '"public"').replace("schema_ids", "pseudonym = true\nschema_ids", 1),
        "pseudonym: is for persons, but the domain's sensitivity is public",
    ),
    "subject no text": (
        TOML.replace("schema_ids", "subject = 7\nschema_ids", 1),
        "subject: expected the name of a",
    ),
    "unknown subject": (
        TOML.replace("schema_ids", 'subject = "nobody"\nschema_ids', 1),
        "subject: there is no field nobody",
    ),
    "personal subject": (
        TOML.replace("schema_ids", 'subject = "sex"\nschema_ids', 1),
        "subject: sex has to be a string in clear",
    ),
    "public but personal": (
        TOML.replace('"personal"', '"public"'),
        "toy/sample.v1.avsc: sex: is personal, but the domain's sensitivity is public",
    ),
}


@pytest.mark.parametrize("fault", TOML_FAULTS)
def test_wrong_domain_toml_is_named(tmp_path: Path, fault: str) -> None:
    """Each rule of domain.toml, broken, gives its line."""
    toml, line = TOML_FAULTS[fault]
    assert any(line in problem for problem in problems(lay(tmp_path, toml=toml)))


NUMBER = {"name": "n", "type": "long", "default": 0, "doc": "A number."}
SCHEMA_FAULTS: dict[str, tuple[Any, str]] = {
    "no record": (["null"], "toy/sample.v1.avsc: expected a record with a list of fields"),
    "namespace": (
        {**SAMPLE, "namespace": "city.other"},
        "toy/sample.v1.avsc: namespace: expected city.toy, got",
    ),
    "no doc of the record": ({**SAMPLE, "doc": ""}, "toy/sample.v1.avsc: record: has no doc"),
    "no doc of a field": (sample(device={"doc": " "}), "toy/sample.v1.avsc: device: has no doc"),
    "no unit": (sample(weight={"unit": None}), "weight: is a number without unit"),
    "no unit of a bare count": (extended(NUMBER), "n: is a number without unit (1 for a bare count)"),
    "envelope field again": (
        extended({"name": "source", "type": "string", "doc": "S."}),
        "toy/sample.v1.avsc: schema: field source stands twice",
    ),
    "reserved name": (
        extended({"name": "_x", "type": "string", "doc": "X."}),
        "_x: a leading underscore is the",
    ),
    "computed column": (
        extended({"name": "simulated", "type": "boolean", "default": False, "doc": "S."}),
        "toy/sample.v1.avsc: column simulated would stand twice",
    ),
    "unknown type": (sample(device={"type": "text"}), "toy/sample.v1.avsc: device: no type is named 'text'"),
    "logical type": (
        sample(day={"type": {"type": "long", "logicalType": "date"}, "default": 0}),
        "day: logical type date on long is not supported",
    ),
    "uuid on fixed": (
        sample(
            day={"type": {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}, "default": None}
        ),
        "day: logical type uuid on fixed is not supported",
    ),
    "ambiguous union": (
        sample(day={"type": ["null", "int", "long"]}),
        "day: one value would fit two branches",
    ),
    "bare null": (sample(day={"type": "null"}), "day: null stands only in a union"),
    "recursion": (
        extended({"name": "next", "type": ["null", "Sample"], "default": None, "doc": "Next."}),
        "next: city.toy.Sample holds itself; recursive types are not supported",
    ),
    "nullable list": (
        extended(
            {
                "name": "l",
                "type": ["null", {"type": "array", "items": "string"}],
                "default": None,
                "doc": "L.",
            }
        ),
        "toy/sample.v1.avsc: null or array of string: ClickHouse has no nullable array of string; use an empty one",
    ),
    "wrong default": (sample(steps={"default": [7]}), "steps: default: expected a record, got int 7"),
    "personal default": (sample(sex={"default": "x"}), "sex: a personal field has no default but null"),
    "example": (
        sample(mood={"type": "boolean"}),
        "toy/examples/sample.v1.plain.json: mood: expected a boolean",
    ),
    "symbols": (
        sample(mood={"type": {"type": "enum", "name": "Mood", "symbols": ["A", "A"]}}),
        "mood: an enum has a list of different symbols",
    ),
}


@pytest.mark.parametrize("fault", SCHEMA_FAULTS)
def test_wrong_schema_is_named(tmp_path: Path, fault: str) -> None:
    """Each rule of an .avsc, broken, gives its line."""
    record, line = SCHEMA_FAULTS[fault]
    found = problems(lay(tmp_path, v1=record))
    assert any(line in problem for problem in found), found


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """Who mends the catalogue sees all that is wrong, one line each."""
    toml = TOML.replace('"raw"', '"cooked"').replace("= 7", "= 0")
    assert len(problems(lay(tmp_path, toml=toml))) == 3


def test_file_that_no_topic_declares_is_named(tmp_path: Path) -> None:
    """A schema without an id would never be used; it is refused, not ignored."""
    found = problems(lay(tmp_path, v2=SAMPLE))
    assert "toy/sample.v2.avsc: has no id in schema_ids of topics.sample" in found
    assert "toy/examples/sample.v2.plain.json: is an example of no declared version" in found


def test_schema_without_example_is_named(tmp_path: Path) -> None:
    """Every version shows at least one event."""
    (lay(tmp_path) / "toy" / "examples" / "sample.v1.plain.json").unlink()
    assert problems(tmp_path) == ("toy/sample.v1.avsc: has no example (examples/sample.v1.<case>.json)",)


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        ("sample.avsc", "{}", "toy/sample.avsc: a schema's file is named <event>.v<version>.avsc"),
        ("examples/sample.json", "{}", "toy/examples/sample.json: an example's file is named"),
        ("sample.v1.avsc", "{", "toy/sample.v1.avsc: cannot be read"),
        ("sample.v1.avsc", b"\xff", "toy/sample.v1.avsc: cannot be read"),
        (
            "examples/sample.v1.plain.json",
            "[]",
            "toy/examples/sample.v1.plain.json: event: expected an object",
        ),
        (
            "examples/sample.v1.plain.json",
            '{"occurred_at": "yesterday"}',
            "toy/examples/sample.v1.plain.json: occurred_at: cannot read 'yesterday' as timestamp-micros",
        ),
    ],
)
def test_file_that_cannot_be_read_is_named(
    tmp_path: Path, file: str, content: str | bytes, line: str
) -> None:
    """A crooked file is a line, never a stack trace."""
    path = lay(tmp_path) / "toy" / file
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert any(line in problem for problem in problems(tmp_path))


def test_folder_name_that_is_no_domain_name_is_refused(tmp_path: Path) -> None:
    """The folder's name is the domain's."""
    lay(tmp_path)
    (tmp_path / "toy").rename(tmp_path / "Toy-Town")
    assert any("'Toy-Town' is no domain name" in problem for problem in problems(tmp_path))


def test_domain_that_exists_twice_is_refused(tmp_path: Path) -> None:
    """Two folders of one name would hide one another."""
    found = problems(_two_roots(tmp_path))
    assert any("domain platform belongs to" in problem for problem in found)


def _two_roots(root: Path) -> Path:
    """Lay a second domain named platform."""
    lay(root)
    (root / "toy").rename(root / "platform")
    return root


def test_tables_that_collide_are_refused(tmp_path: Path) -> None:
    """`toy.a-b` and `toy-a.b` would share the table toy_a_b."""
    lay(tmp_path / "one", toml=TOML.replace("topics.sample", "topics.a-b"))
    other = lay(tmp_path / "two", toml=TOML.replace("topics.sample", "topics.b").replace("9900", "9901"))
    for root, event, name in ((tmp_path / "one", "a-b", "toy"), (other, "b", "toy_a")):
        folder = root / "toy"
        (folder / "sample.v1.avsc").rename(folder / f"{event}.v1.avsc")
        (folder / "examples" / "sample.v1.plain.json").rename(folder / "examples" / f"{event}.v1.plain.json")
        text = (folder / f"{event}.v1.avsc").read_text(encoding="utf-8")
        (folder / f"{event}.v1.avsc").write_text(text.replace("city.toy", f"city.{name}"), encoding="utf-8")
        folder.rename(root / name)
    with pytest.raises(CatalogError, match=r"table toy_a_b belongs to toy/domain\.toml: topics"):
        load_catalog(tmp_path / "one", other)


def test_example_is_read_in_clear(tmp_path: Path) -> None:
    """An example shows what a producer hands in: personal fields in clear, bytes as hex, instants as ISO 8601."""
    event = load_catalog(lay(tmp_path)).examples[9900]["sample.v1.plain.json"]
    assert (event["weight"], event["sex"]) == (EXAMPLE["weight"], EXAMPLE["sex"])
    assert event["salt"] == bytes.fromhex(EXAMPLE["salt"])
    assert event["occurred_at"].microsecond == 1
