"""AsyncAPI documents: valid by the official JSON Schema, whole, and nothing in them beyond the grants."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator

from schemas.asyncapi import Deployment, document
from schemas.avro import parse_record
from schemas.catalog import load_catalog
from schemas.subscriber_grants import Subscriber, load_subscribers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.catalog import Catalog

OFFICIAL = Path(__file__).parents[1] / "vectors" / "asyncapi" / "3.0.0.json.gz"
SHA256 = "d4571a420e6ffb7fcc7066c95a6db1202f299a3c51daa103d0706bf30f95e626"
PLACE = Deployment("city.example", "127.0.0.1:19093", "http://127.0.0.1:18080", 2)
EVERYTHING = Subscriber("everyone", "Everyone", "A test", ("operator",), tuple(sorted(load_catalog().topics)))
SUBSCRIBERS = {**load_subscribers(load_catalog()), "everyone": EVERYTHING}
every_subscriber = pytest.mark.parametrize("subscriber", SUBSCRIBERS.values(), ids=list(SUBSCRIBERS))


@pytest.fixture(scope="module")
def official() -> Draft7Validator:
    """The official schema, its bytes unchanged."""
    text = gzip.decompress(OFFICIAL.read_bytes())
    assert hashlib.sha256(text).hexdigest() == SHA256
    return Draft7Validator(json.loads(text))


def references(node: Any) -> Iterator[str]:
    """Yield every $ref of a document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


def looked_up(found: dict[str, Any], reference: str) -> Any:
    """Follow a reference within the document."""
    node: Any = found
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


@every_subscriber
def test_document_is_valid_by_the_official_schema(
    subscriber: Subscriber, catalog: Catalog, official: Draft7Validator
) -> None:
    """Of each declared subscriber, and of one who may read every topic there is."""
    found = json.loads(json.dumps(document(catalog, subscriber, PLACE)))
    assert [f"{error.json_path}: {error.message}" for error in official.iter_errors(found)] == []
    referred = list(references(found))
    assert referred
    assert all(looked_up(found, reference) for reference in referred)


def test_the_official_schema_refuses_a_wrong_document(catalog: Catalog, official: Draft7Validator) -> None:
    """The check bites: bindings, security scheme and Avro payload are looked at too."""
    (subscriber, *_) = SUBSCRIBERS.values()
    for path, wrong in {
        ("servers", "kafka", "bindings", "kafka", "schemaRegistryUrl"): 7,
        ("channels", "vehicle.accident", "bindings", "kafka", "partitions"): "two",
        ("components", "securitySchemes", "scram", "type"): "scramSha1024",
        ("components", "messages", "vehicle.accident.v1", "payload", "schema", "type"): "recorder",
    }.items():
        found = json.loads(json.dumps(document(catalog, subscriber, PLACE)))
        node = found
        for part in path[:-1]:
            node = node[part]
        node[path[-1]] = wrong
        assert not official.is_valid(found), path


@every_subscriber
def test_document_tells_the_granted_topics_and_no_others(subscriber: Subscriber, catalog: Catalog) -> None:
    """Channels are the grants, messages their schemas as they travel, groups the user's own."""
    found = document(catalog, subscriber, PLACE)
    assert tuple(found["channels"]) == subscriber.topics
    for name in subscriber.topics:
        for schema in catalog.topics[name].schemas:
            message = found["components"]["messages"][f"{name}.v{schema.version}"]
            assert parse_record(message["payload"]["schema"]) == schema.tree
            assert message["examples"]
    patterns = {o["bindings"]["kafka"]["groupId"]["pattern"] for o in found["operations"].values()}
    assert patterns == {f"^{subscriber.name}\\."}
    assert found["servers"]["kafka"]["host"] == PLACE.kafka


def test_examples_show_no_personal_value(catalog: Catalog) -> None:
    """A subscriber sees ciphertext, so its document shows ciphertext."""
    messages = document(catalog, EVERYTHING, PLACE)["components"]["messages"]
    hidden = [
        (name, field)
        for name, topic in catalog.topics.items()
        for field in topic.schema.personal
        for example in messages[f"{name}.v{topic.schema.version}"]["examples"]
        if example["payload"].get(field) not in {None, b"ciphertext".hex()}
    ]
    assert hidden == []
    assert any(topic.schema.personal for topic in catalog.topics.values())
