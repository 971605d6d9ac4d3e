"""Values of the catalogue: schema, topic, domain, catalogue. Frozen, and independent of files.

A schema keeps its compiled reader and writer, so a process compiles each schema once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from schemas.avro import Record, parse_record
from schemas.avro.reader import Read, reader
from schemas.avro.writer import Write, writer
from schemas.errors import UnknownSchemaError

Kind = Literal["raw", "derived", "dead-letter", "platform"]
Sensitivity = Literal["public", "internal", "personal"]


@dataclass(frozen=True)
class Schema:
    """One version of the schema of a topic's values.

    Attributes:
        id: Number in the frame of every value (docs/events.md#frame); never reused.
        subject: Its subject in the registry.
        version: 1, 2, 3 …
        record: Avro schema as plain JSON, as on the wire: envelope fields in front, personal fields as bytes.
            Shared; callers must not change it.
        text: The same as canonical JSON, one line.
        personal: Names of the fields whose values are encrypted under the subject's key.
    """

    id: int
    subject: str
    version: int
    record: dict[str, Any] = field(compare=False, repr=False)
    text: str = field(repr=False)
    personal: tuple[str, ...] = ()

    @cached_property
    def tree(self) -> Record:
        """The record as a tree of types."""
        return parse_record(self.record)

    @cached_property
    def frame(self) -> bytes:
        """The frame in front of every value: 00 and the id, big-endian."""
        return b"\0" + self.id.to_bytes(4, "big")

    @cached_property
    def write(self) -> Write:
        """The compiled writer of a datum."""
        return writer(self.tree)

    @cached_property
    def read(self) -> Read:
        """The compiled reader of a datum."""
        return reader(self.tree)

    @cached_property
    def read_raw(self) -> Read:
        """The compiled reader that leaves logical types as their base type."""
        return reader(self.tree, raw=True)


@dataclass(frozen=True)
class Topic:
    """One topic of the catalogue.

    Attributes:
        name: Name in Kafka, such as `air-quality.reading`.
        domain: Name of the domain in Python's spelling, such as `air_quality`.
        event: Name of the event as in the topic's name, such as `category-change`.
        kind: raw (from outside), derived (by an agent), dead-letter, or platform (about the platform itself).
        key: Field whose value is the record's key.
        partitions: Number of partitions, or None for the deployment's default.
        retention_days: Days that Kafka keeps the records.
        readers: Roles that may read the topic.
        schemas: Versions of the value's schema, oldest first.
        table: Typed table in ClickHouse, without its database.
        archived: Whether every record goes to the evidence archive.
        sealed: Whether every record is sealed in the ledger.
        grace_s: Seconds that an agent waits for a late event of the same key.
        pseudonym: Whether the source's key is the person's own name, which the producer replaces by a pseudonym.
        subject: Field with the person whose personal values the event has; usually the key.
    """

    name: str
    domain: str
    event: str
    kind: Kind
    key: str
    partitions: int | None
    retention_days: int
    readers: tuple[str, ...]
    schemas: tuple[Schema, ...]
    table: str
    archived: bool = True
    sealed: bool = True
    grace_s: int = 0
    pseudonym: bool = False
    subject: str = ""

    @property
    def schema(self) -> Schema:
        """The latest version, which producers write."""
        return self.schemas[-1]


@dataclass(frozen=True)
class Domain:
    """One domain.

    Attributes:
        name: Name in Python's spelling, such as `air_quality`.
        title: Title for people.
        owner: Office that is responsible for the domain.
        sensitivity: public, internal or personal.
        topics: Its topics, in the order of `domain.toml`.
    """

    name: str
    title: str
    owner: str
    sensitivity: Sensitivity
    topics: tuple[Topic, ...]


@dataclass(frozen=True, eq=False)
class Catalog:
    """All domains, topics and schemas; `schemas.catalog.load_catalog` returns it.

    Attributes:
        domains: Domains by name.
        examples: Example events by schema id and file name, as a producer has them: personal fields in clear.
    """

    domains: Mapping[str, Domain]
    examples: Mapping[int, Mapping[str, dict[str, Any]]] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def topics(self) -> Mapping[str, Topic]:
        """Topics of all domains by name."""
        return MappingProxyType({t.name: t for domain in self.domains.values() for t in domain.topics})

    @cached_property
    def _schemas(self) -> dict[int, Schema]:
        """Schemas by id; a shared one has the subject of the platform's topic."""
        found: dict[int, Schema] = {}
        for topic in sorted(self.topics.values(), key=lambda each: each.domain != "platform"):
            for schema in topic.schemas:
                found.setdefault(schema.id, schema)
        return found

    def schema(self, schema_id: int) -> Schema:
        """Return the schema of this id.

        Raises:
            UnknownSchemaError: The catalogue has no such schema.
        """
        try:
            return self._schemas[schema_id]
        except KeyError:
            raise UnknownSchemaError(schema_id) from None

    def schemas(self) -> Iterator[Schema]:
        """Yield every schema once, in the order of ids."""
        yield from (self._schemas[key] for key in sorted(self._schemas))
