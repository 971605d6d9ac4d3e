"""The values the catalogue is made of: schema, topic, domain, catalogue. Frozen, hashable, without any file.

A schema keeps its compiled reader and writer, so that nothing is parsed twice in a process.
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
        id: Number in the frame of every value (docs/events.md#frame); fixed in the catalogue, never reused.
        subject: Registry subject it is served under.
        version: 1, 2, 3 …
        record: The Avro schema as plain JSON, envelope fields in front, personal fields as the bytes they
            travel as. Shared, never to be changed.
        text: The same in canonical JSON, one line.
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
    def head(self) -> bytes:
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
        """The compiled reader that leaves logical types as their base."""
        return reader(self.tree, raw=True)


@dataclass(frozen=True)
class Topic:
    """One topic of the catalogue.

    Attributes:
        name: Such as `air-quality.reading`.
        domain: Python spelling, such as `air_quality`.
        event: As in the topic's name, such as `category-change`.
        kind: raw (from outside), derived (by an agent), dead-letter, or platform (by the platform about
            itself).
        key: Field that holds the subject key; it becomes the record key.
        partitions: Number of partitions, or None for the deployment's default.
        retention_days: Days that Kafka keeps the records.
        readers: Roles that may read the topic.
        schemas: Versions of the value's schema, oldest first.
        table: Typed table in ClickHouse, without its database.
        archived: Whether every record goes to the evidence archive.
        sealed: Whether every record is sealed in the ledger.
        grace_s: Seconds that an agent waits for a late event of the same key.
        pseudonym: Whether sources give the key as the person's own name, which the door replaces by a pseudonym.
        subject: Field that names whose values the personal fields are; the key, as a rule.
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
    """One domain: its title, who answers for it, how sensitive it is, and its topics by name."""

    name: str
    title: str
    owner: str
    sensitivity: Sensitivity
    topics: tuple[Topic, ...]


@dataclass(frozen=True, eq=False)
class Catalog:
    """Every domain, every topic and every schema; made by `schemas.catalog.load_catalog`.

    Attributes:
        domains: Domains by name.
        examples: The example events of each schema, by its id: what a producer would hand in, personal
            fields in clear; by the name of their file.
    """

    domains: Mapping[str, Domain]
    examples: Mapping[int, Mapping[str, dict[str, Any]]] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def topics(self) -> Mapping[str, Topic]:
        """Topics of all domains by name."""
        return MappingProxyType({t.name: t for domain in self.domains.values() for t in domain.topics})

    @cached_property
    def _schemas(self) -> dict[int, Schema]:
        """Schemas by id; one that topics share stands under the subject of the platform's topic."""
        found: dict[int, Schema] = {}
        for topic in sorted(self.topics.values(), key=lambda each: each.domain != "platform"):
            for schema in topic.schemas:
                found.setdefault(schema.id, schema)
        return found

    def schema(self, schema_id: int) -> Schema:
        """Return the schema of this id.

        Raises:
            UnknownSchemaError: The catalogue has none.
        """
        try:
            return self._schemas[schema_id]
        except KeyError:
            raise UnknownSchemaError(schema_id) from None

    def schemas(self) -> Iterator[Schema]:
        """Yield every schema once, by id."""
        yield from (self._schemas[key] for key in sorted(self._schemas))
