"""`city subscribe`: reads as a subscriber, with connection and schemas of a stack or given by hand.

The commitment of each event is computed from the record as the subscriber received it, with the ledger's public
format. The evidence bundle of the same coordinates must hold the same commitment.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from infra.admin.subscriber_access import deployment, password_of
from infra.errors import PartDownError, SettingsError
from infra.layer_configs import subscribers
from infra.near_names import did_you_mean
from infra.running import kafka_problem, require
from infra.settings import recall
from ledger_sink.format.leaf import canon
from schemas import asyncapi
from schemas.examples import to_plain
from schemas.names import own_group_prefix
from streams.subscriber import Connection, RegistrySchemas, Subscription
from streams.subscriber.subscription import QuietTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from schemas.catalog import Catalog
    from schemas.codec import SchemaSource
    from schemas.subscriber_grants import Subscriber
    from streams.subscriber import Event, Start

POLL_S = 0.5
OWN_GROUP = "city-subscribe"
"""Default consumer group of the command, below the subscriber's own prefix."""


@dataclass
class Reader:
    """One subscriber's connection and schemas, and the number of events read so far.

    Attributes:
        connection: Address and credentials of the subscriber.
        schemas: Where the writer schemas come from.
        city: The city's name; empty where it is not known.
        seen: Events read so far.
    """

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
        """Return a reader of the stack in a data directory, or of the city that `kafka` names.

        Args:
            data: The data directory of the stack.
            catalog: The installed catalogue.
            name: The subscriber.
            kafka: SASL listener of another city, host:port; None: the one of the stack.
            password_file: File with the password for it.
            registry: URL of a schema registry; None: the installed catalogue.

        Raises:
            SettingsError: One of `kafka` and `password_file` is missing, or no file declares the subscriber.
            DataDirectoryError: No stack ran here, or it has no such subscriber.
            StackStoppedError: The stack is not running.
            PartDownError: Kafka does not answer.
        """
        schemas = RegistrySchemas(registry) if registry else catalog
        if kafka or password_file:
            if not kafka or not password_file:
                raise SettingsError("a city elsewhere takes both: --kafka HOST:PORT --password-file FILE")
            if problem := kafka_problem(kafka):
                raise PartDownError(f"Kafka at {kafka} does not answer ({problem}): is the address right?")
            return cls(Connection(kafka, name, password_file.read_text().strip()), schemas, "")
        declared(catalog, name)
        settings = require(data, "kafka")
        connection = Connection(deployment(settings).kafka, name, str(password_of(settings, name)))
        return cls(connection, schemas, settings.city)

    def subscription(self, topics: Sequence[str], group: str | None, start: Start) -> Subscription:
        """Join the consumer group and return the subscription.

        The default group is this command's own. Programs with the SDK use another one, so neither takes the other's
        events.
        """
        group = group or f"{own_group_prefix(self.connection.user)}{OWN_GROUP}"
        return Subscription(self.connection, self.schemas, topics, group=group, start=start)

    def read(
        self,
        events: Subscription,
        count: int | None,
        timeout_s: float | None,
        waits: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Event]:
        """Yield events until `count` were read or `timeout_s` seconds have passed; None: without that end.

        `waits` is called once with words when nothing has come for some seconds.
        """
        quiet = QuietTimer()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while count is None or self.seen < count:
            left = POLL_S if deadline is None else min(POLL_S, deadline - time.monotonic())
            if left <= 0:
                return
            event = events.poll(left)
            if event is not None:
                quiet.reset()
                self.seen += 1
                yield event
            elif quiet.is_due():
                waits(events.nothing_new())


def declared(catalog: Catalog, name: str) -> Subscriber:
    """Return the subscriber of this name.

    Raises:
        SettingsError: No file declares it.
    """
    known = subscribers(catalog)
    if name not in known:
        raise SettingsError(
            f"no subscriber is called {name}{did_you_mean(name, known)} (declared are {', '.join(known)})"
        )
    return known[name]


def describe(
    data: Path, catalog: Catalog, name: str, kafka: str | None = None, registry: str | None = None
) -> dict[str, Any]:
    """Return the AsyncAPI document of what a subscriber may read.

    Args:
        data: The data directory of the stack.
        catalog: The installed catalogue.
        name: The subscriber.
        kafka: SASL listener of a city elsewhere; no more is known of it. None: the stack in `data`.
        registry: URL of its schema registry, if it is known.
    """
    subscriber = declared(catalog, name)
    if kafka is None:
        return asyncapi.document(catalog, subscriber, deployment(recall(data)))
    elsewhere = asyncapi.Deployment(kafka.rpartition(":")[0] or kafka, kafka, registry or "", None)
    return asyncapi.document(catalog, subscriber, elsewhere)


def plain_event(event: Event, city: str) -> dict[str, Any]:
    """Return an event as plain JSON, with its coordinates in the ledger.

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
