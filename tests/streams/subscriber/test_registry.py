"""What a subscriber looks up over HTTP at the platform's web process: schemas, and the documents about its topics."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from infra.ports import free_port
from infra.settings import Ports, Settings
from infra.stack.stores import answers
from infra.web.app import serve
from schemas.errors import UnknownSchemaError
from schemas.subscriber_grants import load_subscribers
from streams.subscriber import RegistrySchemas, Subscription
from streams.subscriber.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.catalog import Catalog
    from schemas.model import Schema
    from tests.streams.subscriber.conftest import Shared


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Iterator[str]:
    """The web process's server, of a stack of which nothing else runs."""
    settings = Settings(data=tmp_path_factory.mktemp("web"), ports=Ports(web=free_port()))
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(settings, catalog, stop))
    thread.start()
    while not answers(f"{settings.web_url}/ping", timeout_s=1):
        assert thread.is_alive()
    yield settings.web_url
    stop.set()
    thread.join(20)


def test_events_are_read_without_the_catalogue(shared: Shared, catalog: Catalog, web: str) -> None:
    """The same fields as with the catalogue; a schema is asked for once."""
    shared.send(shared.value)
    found = []
    schemas = RegistrySchemas(web)
    for source, group in ((catalog, "one"), (schemas, "two")):
        name = f"{shared.connection.user}.{group}"
        with Subscription(shared.connection, source, group=name) as events:
            found.append(events.poll(30))
    first, second = found
    assert first is not None
    assert second is not None
    assert second.fields == first.fields
    assert second.schema is not None
    assert (second.schema.subject, second.schema.version) == ("vehicle.accident-value", 1)
    assert schemas.schema(second.schema.id) is second.schema


class Interrupted:
    """A registry that does not answer once."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.asked = 0

    def schema(self, schema_id: int, /) -> Schema:
        """Answer from the second time on."""
        self.asked += 1
        if self.asked == 1:
            raise RegistryError("not now")
        return self.catalog.schema(schema_id)


def test_event_during_an_outage_of_the_registry_is_not_lost(shared: Shared, catalog: Catalog) -> None:
    """The reader is told, and who reads on gets the event that could not be read, in its order."""
    shared.send(shared.value, shared.value)
    with Subscription(shared.connection, Interrupted(catalog)) as events:
        with pytest.raises(RegistryError, match="not now"):
            events.poll(30)
        found = [events.poll(30) for _ in range(2)]
    assert [each and each.position.offset for each in found] == [0, 1]


def test_every_schema_of_the_catalogue_comes_whole(catalog: Catalog, web: str) -> None:
    """Tree, text and personal fields are those of the catalogue."""
    schemas = RegistrySchemas(web)
    for each in catalog.schemas():
        found = schemas.schema(each.id)
        assert (found.tree, found.text, found.personal) == (each.tree, each.text, each.personal)


def test_schema_that_nobody_has_is_the_records_fault(web: str) -> None:
    """So the record is told as undecodable and the reading goes on."""
    with pytest.raises(UnknownSchemaError):
        RegistrySchemas(web).schema(99_999)


def test_registry_that_does_not_answer_is_not_the_records_fault() -> None:
    """The reader stops with one line instead of calling sound records undecodable."""
    with pytest.raises(RegistryError, match="does not answer"):
        RegistrySchemas("http://127.0.0.1:9").schema(1)


def test_address_of_something_else_is_told(web: str) -> None:
    """An answer that holds no schema names the address."""
    with pytest.raises(RegistryError, match="expected an Avro schema"):
        RegistrySchemas(f"{web}/ping?").schema(1)


def test_each_subscriber_finds_its_document(catalog: Catalog, web: str) -> None:
    """/subscribers lists them with their documents; an unknown one is told where to look."""
    rows = httpx.get(f"{web}/subscribers").json()
    declared = load_subscribers(catalog)
    assert [row["name"] for row in rows] == list(declared)
    for row in rows:
        found = httpx.get(web + row["asyncapi"]).json()
        assert found["servers"]["kafka"]["bindings"]["kafka"]["schemaRegistryUrl"] == web
        assert tuple(found["channels"]) == declared[row["name"]].topics
        assert found["asyncapi"] == "3.0.0"
    missing = httpx.get(f"{web}/subscribers/mallory/asyncapi.json")
    assert (missing.status_code, missing.text) == (404, "no such subscriber; /subscribers lists them\n")
