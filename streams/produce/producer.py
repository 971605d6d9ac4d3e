"""Makes the records of events: checks, encrypts, encodes, signs and adds headers.

`EventProducer` makes each record. Its subclasses only send it: `streams.produce.kafka.Producer` to Kafka,
`streams.testing.MemoryProducer` to a list. Of each record it promises:

- The event fits its schema, and the value is framed (docs/events.md#frame).
- Its `personal` fields are encrypted under the subject's key. A pseudonym replaces a person's name if the topic is
  declared so (docs/events.md#personal-values).
- Its headers state whether it is simulated (docs/events.md#headers).

Nothing else of a personal domain leaves in plain text: its dead letters keep no bytes of files, and the reason of a
refusal contains no value.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from schemas.catalog import Catalog, Topic
from schemas.codec import encode
from schemas.errors import SchemaError
from streams.config import StreamsConfig
from streams.dead_letter import withheld, without_values
from streams.errors import PersonalFieldError, RefusedEventError, SubjectForgottenError
from streams.identity.event_ids import is_simulated
from streams.identity.pseudonyms import pseudonym
from streams.identity.secret import DeploymentSecret, deployment_secret
from streams.privacy.field_encryption import SubjectKeys, encrypt_event
from streams.produce.deliveries import DeliveryTracker
from streams.record import SIMULATED, Header, ProducerRecord
from streams.signing.signer import Signer
from streams.signing.statement import LAST_NUMBER, SEQUENCE, SIGNATURE, provenance_headers, statement

MAX_RECORD_BYTES = 980_000  # below Kafka's default limit, with room for the batch around it


def numbered(topic: str, sequence: int) -> Header:
    """Return the header of a source's sequence number.

    Args:
        topic: The record's topic, for the error message.
        sequence: The number.

    Raises:
        RefusedEventError: The number is not between 1 and 2^63 - 1.
    """
    if not 1 <= sequence <= LAST_NUMBER:
        raise RefusedEventError(topic, f"sequence: expected 1 to 2^63 - 1, got {sequence}")
    return (SEQUENCE, str(sequence).encode())


def signed(records: Sequence[ProducerRecord], signer: Signer) -> list[ProducerRecord]:
    """Sign records: a single one by itself, several as one batch (FORMAT.md §10). The signature is the last header.

    Args:
        records: Complete records, with their sequence headers.
        signer: Signs them.

    Returns:
        The records with their signatures, in the same order.

    Raises:
        SourceKeyError: There are more records than a batch holds.
    """
    statements = [
        statement(each.topic, each.key, each.value, provenance_headers(each.headers).sequence)
        for each in records
    ]
    signatures = [signer.sign(statements[0])] if len(statements) == 1 else signer.sign_batch(statements)
    return [
        each._replace(headers=(*each.headers, (SIGNATURE, signature)))
        for each, signature in zip(records, signatures, strict=True)
    ]


class EventProducer(ABC):
    """The only way into a topic of the catalogue. As a context manager it flushes at the end.

    Args:
        config: Settings. `config.keys` is the folder of the subjects' keys.
        catalog: Topics and schemas.
        keys: The subjects' keys. Made from `config` when first needed if None.
        signer: Signs each event of a raw topic. None: events are not signed.
    """

    def __init__(
        self,
        config: StreamsConfig,
        catalog: Catalog,
        keys: SubjectKeys | None = None,
        signer: Signer | None = None,
    ) -> None:
        self.config = config
        self.catalog = catalog
        self._keys = keys
        self._signer = signer
        self._secret: DeploymentSecret | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()

    def produce(
        self,
        topic_name: str,
        event: Mapping[str, Any],
        *,
        key: str | None = None,
        headers: Iterable[Header] = (),
        sequence: int | None = None,
        deliveries: DeliveryTracker | None = None,
    ) -> None:
        """Send one event.

        Args:
            topic_name: Topic of the catalogue.
            event: Envelope and fields, personal fields in clear.
            key: Subject key. By default the value of the topic's key field.
            headers: Further headers. `simulated` follows from the event's source.
            sequence: The source's number of this event, counted per topic and key from 1 on. None: no number.
            deliveries: Counts the delivery. By default the next `flush` waits for it.

        Raises:
            RefusedEventError: The event does not fit its schema, or is too large.
            SubjectForgottenError: It has personal values of an erased person.
            DeliveryError: The queue stayed full, or the producer had a fatal error.
        """
        record = self.prepare(topic_name, event, key=key, headers=headers, sequence=sequence)
        self.send(record, deliveries)

    def prepare(
        self,
        topic_name: str,
        event: Mapping[str, Any],
        *,
        key: str | None = None,
        headers: Iterable[Header] = (),
        sequence: int | None = None,
    ) -> ProducerRecord:
        """Make the record of an event without sending it.

        Args:
            topic_name: Topic of the catalogue.
            event: Envelope and fields, personal fields in clear.
            key: Subject key. By default the value of the topic's key field.
            headers: Further headers. `simulated` follows from the event's source.
            sequence: The source's number of this event, counted per topic and key from 1 on. None: no number.

        Raises:
            RefusedEventError: The event does not fit its schema, or is too large.
            SubjectForgottenError: It has personal values of an erased person.
        """
        topic = self.catalog.topics.get(topic_name)
        if topic is None:
            raise RefusedEventError(topic_name, "the catalogue has no such topic")
        if key is None:
            key = str(event.get(topic.key, ""))
        if not key:
            raise RefusedEventError(topic_name, f"{topic.key}: expected the subject's key, got nothing")
        if topic.pseudonym:
            key = pseudonym(self.secret, topic.domain, key)
            event = {**event, topic.key: key}
        schema = topic.schema
        if topic.kind == "dead-letter" and self._is_personal(topic):
            event = withheld(event, lambda: self.secret)
        try:
            value = encode(schema, self._encrypted(topic, event, key) if schema.personal else event)
        except (SchemaError, PersonalFieldError) as error:
            personal = self._is_personal(topic)
            reason = without_values(str(error)) if personal else str(error)
            raise RefusedEventError(topic_name, reason) from (None if personal else error)
        if sequence is not None:
            headers = (*headers, numbered(topic_name, sequence))
        record = ProducerRecord(topic_name, key.encode(), value, self._headers(topic, event, headers))
        if self._signer is not None and topic.kind == "raw":
            (record,) = signed([record], self._signer)
        if record.size() > MAX_RECORD_BYTES:
            raise RefusedEventError(
                topic_name, f"expected at most {MAX_RECORD_BYTES} bytes, got {record.size()}"
            )
        return record

    @abstractmethod
    def send(self, record: ProducerRecord, deliveries: DeliveryTracker | None = None) -> None:
        """Send a record.

        Args:
            record: The record.
            deliveries: Counts the delivery. By default the next `flush` waits for it.

        Raises:
            RefusedEventError: The record is too large.
            DeliveryError: It cannot be queued.
        """

    @abstractmethod
    def wait(self, deliveries: DeliveryTracker) -> None:
        """Wait until every record of `deliveries` is delivered or failed.

        Raises:
            DeliveryError: A record failed.
        """

    @abstractmethod
    def flush(self) -> None:
        """Wait for every record that was sent without its own `DeliveryTracker`.

        Raises:
            DeliveryError: A record failed.
        """

    @abstractmethod
    def backlog(self) -> int:
        """Return the number of records that are not delivered yet."""

    @property
    def keys(self) -> SubjectKeys:
        """The subjects' keys."""
        if self._keys is None:
            self._keys = SubjectKeys(self.config.keys)
        return self._keys

    @property
    def secret(self) -> DeploymentSecret:
        """The deployment's secret, which keys the pseudonyms."""
        if self._secret is None:
            self._secret = deployment_secret(self.config.keys)
        return self._secret

    def _is_personal(self, topic: Topic) -> bool:
        return self.catalog.domains[topic.domain].sensitivity == "personal"

    def _encrypted(self, topic: Topic, event: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """Return the event with its personal fields encrypted. An event of no subject has no personal values."""
        subject = key if topic.subject == topic.key else event.get(topic.subject)
        if not isinstance(subject, str) or not subject:
            if all(event.get(name) is None for name in topic.schema.personal):
                return event
            raise RefusedEventError(
                topic.name, f"{topic.subject}: expected whose values these are, got nothing"
            )
        if event.get("event_id") is None:
            raise RefusedEventError(topic.name, "event_id: expected a UUID, got nothing")
        return encrypt_event(self.keys, topic.name, topic.schema, subject, event)

    def _headers(
        self, topic: Topic, event: Mapping[str, Any], headers: Iterable[Header]
    ) -> tuple[Header, ...]:
        """Return the headers: `simulated`, CloudEvents if configured, then the caller's (docs/events.md#headers)."""
        own: tuple[Header, ...] = (SIMULATED,) if is_simulated(event["source"]) else ()
        if self.config.cloudevents:
            own += (
                ("ce_specversion", b"1.0"),
                ("ce_id", str(event["event_id"]).encode()),
                ("ce_source", f"//{self.config.city}/{event['source']}".encode()),
                ("ce_type", topic.name.encode()),
                ("content-type", b"application/avro"),
            )
        return (*own, *headers)


__all__ = [
    "SIMULATED",
    "DeliveryTracker",
    "EventProducer",
    "Header",
    "ProducerRecord",
    "SubjectForgottenError",
    "numbered",
    "signed",
]
