"""A subscriber's reading for the command line: connection and schemas out of a stack or given by hand.

The commitment of each event is computed here from the record as the subscriber received it, with the ledger's
public format: it is what the evidence bundle of the same coordinates must hold.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from infra.admin.subscriber_access import password_of, place
from infra.errors import SettingsError
from infra.layer_configs import subscribers
from infra.settings import recall
from ledger_sink.format.leaf import canon
from schemas import asyncapi
from schemas.examples import to_plain
from streams.subscriber import Connection, RegistrySchemas, Subscription

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from schemas.catalog import Catalog
    from schemas.codec import SchemaSource
    from schemas.subscriber_grants import Subscriber
    from streams.subscriber import Event, Start

LOOK_S = 0.5


@dataclass
class Reader:
    """Who reads, from where, and how much it has seen."""

    connection: Connection
    schemas: SchemaSource
    city: str
    seen: int = 0

    @classmethod
    def of(
        cls,
        data: Path,
        catalog: Catalog,
        name: str,
        kafka: str | None,
        password_file: Path | None,
        registry: str | None,
    ) -> Reader:
        """Make a reader of the stack in a data directory, or of the city that `kafka` names.

        Raises:
            SettingsError: a part is missing.
            DataDirectoryError: no stack ran here, or it has no such subscriber.
        """
        schemas = RegistrySchemas(registry) if registry else catalog
        if kafka or password_file:
            if not kafka or not password_file:
                raise SettingsError("a city elsewhere takes both: --kafka HOST:PORT --password-file FILE")
            return cls(Connection(kafka, name, password_file.read_text().strip()), schemas, "")
        declared(catalog, name)
        settings = recall(data)
        connection = Connection(place(settings).kafka, name, str(password_of(settings, name)))
        return cls(connection, schemas, settings.city)

    def subscription(self, topics: Sequence[str], group: str | None, start: Start) -> Subscription:
        """Join the consumer group."""
        return Subscription(self.connection, self.schemas, topics, group=group, start=start)

    def read(self, events: Subscription, count: int | None, timeout_s: float | None) -> Iterator[Event]:
        """Yield events until there were `count`, or the time is over."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while count is None or self.seen < count:
            left = LOOK_S if deadline is None else min(LOOK_S, deadline - time.monotonic())
            if left <= 0:
                return
            event = events.poll(left)
            if event is not None:
                self.seen += 1
                yield event


def declared(catalog: Catalog, name: str) -> Subscriber:
    """Return the subscriber of this name.

    Raises:
        SettingsError: no file declares it.
    """
    known = subscribers(catalog)
    if name not in known:
        raise SettingsError(f"no subscriber is called {name}; declared are {', '.join(known)}")
    return known[name]


def describe(data: Path, catalog: Catalog, name: str) -> dict[str, Any]:
    """Return the AsyncAPI document of what a subscriber of the stack in a data directory may read."""
    return asyncapi.document(catalog, declared(catalog, name), place(recall(data)))


def told(event: Event, city: str) -> dict[str, Any]:
    """Say all of an event as plain JSON, with its coordinates in the ledger.

    `log` is the origin of the log that seals it without the epoch; `commit` is SHA-256 of the canonical record.
    """
    topic, partition, offset = event.position
    return {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "received_at": event.received_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "log": "/".join(filter(None, (city, topic, str(partition)))),
        "commit": sha256(canon(*event.raw)).hexdigest(),
        "simulated": event.simulated,
        "schema": event.schema and f"{event.schema.subject} v{event.schema.version} (id {event.schema.id})",
        "event": None if event.fields is None else to_plain(event.fields),
        "problem": event.problem,
    }
