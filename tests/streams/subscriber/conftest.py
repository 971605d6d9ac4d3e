"""A broker with a granted and a closed topic, an insurer's user, and events on them as the platform writes them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from infra.kafka.access import ensure_user, settle_grants
from infra.kafka.admin import connect
from schemas.codec import encode
from streams.subscriber import Connection
from tests.infra.kafka.clients import create_topic, produce

if TYPE_CHECKING:
    from schemas.catalog import Catalog

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Shared:
    """Topics of one test, and the user who may read one of them."""

    kafka: str
    connection: Connection
    granted: str
    closed: str
    value: bytes
    """An accident as the platform writes it."""

    def send(self, *values: bytes, topic: str = "") -> None:
        """Write records as the platform does."""
        plain = {"bootstrap.servers": self.kafka}
        assert produce(plain, topic or self.granted, list(values)) == []


@pytest.fixture
def shared(kafka: str, kafka_sasl: str, catalog: Catalog) -> Shared:
    """A user and topics that no other test knows."""
    name = f"reader-{secrets.token_hex(4)}"
    granted, closed = f"{name}.granted", f"{name}.closed"
    for topic in (granted, closed):
        create_topic(kafka, topic)
    admin = connect(kafka)
    ensure_user(admin, name, PASSWORD)
    settle_grants(admin, name, [granted])
    schema = catalog.topics["vehicle.accident"].schema
    (example, *_) = catalog.examples[schema.id].values()
    return Shared(kafka, Connection(kafka_sasl, name, PASSWORD), granted, closed, encode(schema, example))
