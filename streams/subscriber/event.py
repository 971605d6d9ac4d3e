"""One record as a subscriber sees it: typed, with its position in Kafka and in the ledger. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from schemas.codec import SchemaSource, decode
from schemas.errors import UndecodableError
from schemas.model import Schema
from streams.record import SIMULATED

Headers = tuple[tuple[str, bytes | None], ...]
Raw = tuple[str, int, int, int, int, bytes | None, bytes | None, Headers]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RecordPosition(NamedTuple):
    """The position of a record. With the city's name it is the record's position in the ledger."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition} offset {self.offset}"


@dataclass(frozen=True)
class Event:
    """One record of a granted topic.

    Attributes:
        position: Topic, partition, offset.
        fields: The event decoded with the schema of its writer, personal fields as ciphertext; None if no schema
            reads the record.
        schema: That schema; None if there is none.
        problem: Why no schema reads the record; empty if one does.
        timestamp_type: 0 CreateTime, 1 LogAppendTime.
        timestamp_ms: When the city received it, milliseconds since 1970 UTC.
        key: Raw key.
        value: Raw value.
        headers: Names and raw values, in the record's order.
    """

    position: RecordPosition
    fields: Mapping[str, Any] | None
    schema: Schema | None
    problem: str
    timestamp_type: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def raw(self) -> Raw:
        """The arguments of `ledger_sink.format.leaf.canon`, whose SHA-256 is the ledger's commitment."""
        return (*self.position, self.timestamp_type, self.timestamp_ms, self.key, self.value, self.headers)

    @property
    def received_at(self) -> datetime:
        """Time at which the city received it, UTC."""
        return _EPOCH + timedelta(milliseconds=self.timestamp_ms)

    @property
    def simulated(self) -> bool:
        """Whether the record is marked as replayed or as part of a scenario.

        True if a header `simulated` has any value but `false` (ledger_sink/FORMAT.md §7). The auditor's verifier has
        its own implementation, `ledger_sink.verifier.evidence.is_simulated`, and imports nothing from here.
        """
        return any(name == SIMULATED[0] and content != b"false" for name, content in self.headers)


def read_event(message: Any, schemas: SchemaSource) -> Event:
    """Return the event of a Kafka message. A record that no schema reads becomes an event with a `problem`.

    Args:
        message: Message of confluent-kafka without an error.
        schemas: Schemas by id.

    Raises:
        RegistryError: The schema registry does not answer.
    """
    position = RecordPosition(message.topic(), message.partition(), message.offset())
    kind, timestamp_ms = message.timestamp()
    headers = tuple((name, value) for name, value in message.headers() or ())
    fields: Mapping[str, Any] | None = None
    schema: Schema | None = None
    problem = ""
    try:
        schema, fields = decode(message.value(), schemas)
    except UndecodableError as error:
        problem = error.reason
    return Event(
        position,
        fields,
        schema,
        problem,
        kind - 1,  # confluent-kafka reports 1 and 2 for the 0 and 1 on the wire
        timestamp_ms,
        message.key(),
        message.value(),
        headers,
    )
