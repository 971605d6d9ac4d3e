"""The read-only registry, asked by hand and by the stock client."""

import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from schemas import names, registry
from schemas.catalog import Catalog, load_catalog
from schemas.codec import decode, encode
from tests.schemas.wire import on_the_wire

READING = "air-quality.reading-value"


class _Quiet(WSGIRequestHandler):
    """Serves without a line on stderr for each request."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


def _serve(environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
    """Hand a request to the registry, as the platform's web process does."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    query = dict(parse_qsl(environ["QUERY_STRING"]))
    found = registry.respond(load_catalog(), environ["REQUEST_METHOD"], environ["PATH_INFO"], body, query)
    start_response(f"{found.status} -", [("Content-Type", registry.CONTENT_TYPE)])
    return [json.dumps(found.body).encode()]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server that answers as the registry does."""
    with make_server("127.0.0.1", 0, _serve, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(5)


def test_stock_deserializer_reads_every_topic(url: str, catalog: Catalog) -> None:
    """confluent-kafka's own Avro deserializer decodes every example, knowing nothing but the address."""
    read = AvroDeserializer(SchemaRegistryClient({"url": url}))
    for topic in catalog.topics.values():
        examples = catalog.examples[topic.schema.id]
        assert examples, topic.name
        for example in examples.values():
            value = encode(topic.schema, on_the_wire(topic, example))
            found = read(value, SerializationContext(topic.name, MessageField.VALUE))
            assert found == decode(value, catalog)[1]


def test_stock_client_lists_and_is_refused_what_would_change(url: str) -> None:
    """It finds subjects and versions, and is told that the registry is read-only."""
    client = SchemaRegistryClient({"url": url})
    latest = client.get_latest_version(READING)
    assert (latest.schema_id, latest.version) == (100, 1)
    assert READING in client.get_subjects()
    assert client.lookup_schema(READING, latest.schema).schema_id == 100
    with pytest.raises(SchemaRegistryError, match="read-only") as caught:
        client.register_schema(READING, Schema('{"type":"record","name":"X","fields":[]}', "AVRO"))
    assert (caught.value.http_status_code, caught.value.error_code) == (422, 42205)
    with pytest.raises(SchemaRegistryError, match="read-only"):
        client.delete_subject(READING)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/subjects/{READING}/versions", [1]),
        (f"/subjects/{READING}/versions/1/referencedby", []),
        ("/schemas/types", ["AVRO"]),
        ("/schemas/ids/100/subjects", [READING]),
        (
            "/schemas/ids/1/versions",
            [
                {"subject": f"{names.dead_letter_topic(domain)}-value", "version": 1}
                for domain in sorted(load_catalog().domains)
            ],
        ),
        ("/config", {"compatibilityLevel": "FULL_TRANSITIVE"}),
        (f"/config/{READING}", {"compatibilityLevel": "FULL_TRANSITIVE"}),
        ("/mode", {"mode": "READONLY"}),
        (f"/mode/{READING}", {"mode": "READONLY"}),
        ("/contexts", ["."]),
    ],
)
def test_question_has_its_answer(catalog: Catalog, path: str, body: Any) -> None:
    """What can be read is answered from the catalogue."""
    found = registry.respond(catalog, "GET", path)
    assert (found.status, found.body) == (200, body)


@pytest.mark.parametrize("version", ["1", "latest", "-1"])
def test_version_is_told_with_its_schema(catalog: Catalog, version: str) -> None:
    """By number or as the latest; the bare schema below it."""
    topic = catalog.topics["air-quality.reading"]
    found = registry.respond(catalog, "GET", f"/subjects/{READING}/versions/{version}").body
    assert found == {"subject": READING, "version": 1, "id": 100, "schema": topic.schema.text}
    bare = registry.respond(catalog, "GET", f"/subjects/{READING}/versions/{version}/schema").body
    assert bare == registry.respond(catalog, "GET", "/schemas/ids/100/schema").body == topic.schema.record
    assert registry.respond(catalog, "GET", "/schemas/ids/100").body == {"schema": topic.schema.text}


def test_subjects_are_listed_by_prefix(catalog: Catalog) -> None:
    """All of them, or those of one domain."""
    found = registry.respond(catalog, "GET", "/subjects", query={"subjectPrefix": "platform."}).body
    assert found == [t + "-value" for t in sorted(catalog.topics) if t.startswith("platform.")]
    assert len(registry.respond(catalog, "GET", "/subjects").body) == len(catalog.topics)
    versions = sum(len(topic.schemas) for topic in catalog.topics.values())
    assert len(registry.respond(catalog, "GET", "/schemas").body) == versions


OTHER = json.dumps(
    {"schema": json.dumps({"type": "record", "name": "X", "fields": [{"name": "a", "type": "int"}]})}
)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/subjects/none/versions", "", 404, 40401),
        ("GET", "/config/none", "", 404, 40401),
        ("GET", f"/subjects/{READING}/versions/2", "", 404, 40402),
        ("GET", f"/subjects/{READING}/versions/0", "", 422, 42202),
        ("GET", f"/subjects/{READING}/versions/newest", "", 422, 42202),
        ("GET", "/schemas/ids/77777", "", 404, 40403),
        ("GET", "/schemas/ids/x", "", 404, 40403),
        ("GET", "/nothing", "", 404, 404),
        ("GET", "/subjects/a/b/c/d/e", "", 404, 404),
        ("GET", "/schemas/other", "", 404, 404),
        ("GET", "/mode/a/b", "", 404, 404),
        ("POST", "/schemas/ids/1", "", 405, 405),
        ("POST", f"/subjects/{READING}", OTHER, 404, 40403),
        ("POST", f"/subjects/{READING}", "{", 422, 42201),
        ("POST", f"/subjects/{READING}", "[]", 422, 42201),
        ("POST", f"/subjects/{READING}", '{"schema": "{}"}', 422, 42201),
        ("POST", "/subjects/none", OTHER, 404, 40401),
        ("POST", f"/subjects/{READING}/versions", OTHER, 422, 42205),
        ("POST", "/subjects", "", 404, 404),
        ("POST", "/compatibility/x", "", 404, 404),
        ("POST", f"/compatibility/subjects/{READING}/versions/latest", '{"schema": "\\"int\\""}', 422, 42201),
        ("PUT", "/config", '{"compatibility": "NONE"}', 422, 42205),
        ("DELETE", f"/subjects/{READING}", "", 422, 42205),
    ],
)
def test_wrong_question_has_its_error_code(
    catalog: Catalog, method: str, path: str, body: str, status: int, code: int
) -> None:
    """Error bodies are the registry's, so clients report them as such."""
    found = registry.respond(catalog, method, path, body.encode())
    assert (found.status, found.body["error_code"]) == (status, code)
    assert found.body["message"]


def test_compatibility_is_judged_by_the_catalogues_own_rule(catalog: Catalog) -> None:
    """A team can ask whether its next version may follow, and gets the reasons."""
    record = json.loads(catalog.topics["air-quality.reading"].schema.text)
    path = f"/compatibility/subjects/{READING}/versions/latest"
    same = json.dumps({"schema": json.dumps(record)}).encode()
    assert registry.respond(catalog, "POST", path, same).body == {"is_compatible": True}
    (pm10,) = (each for each in record["fields"] if each["name"] == "pm10")
    pm10["unit"] = "mg/m³"
    other = json.dumps({"schema": json.dumps(record)}).encode()
    found = registry.respond(catalog, "POST", path.rsplit("/", 1)[0], other, {"verbose": "true"}).body
    assert found == {"is_compatible": False, "messages": ["pm10: the unit changed from µg/m³ to mg/m³"]}
