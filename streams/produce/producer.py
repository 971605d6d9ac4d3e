"""What every way into a topic has in common: check, encrypt, encode, head.

`EventProducer` decides what a record looks like; its peers only carry it: `streams.produce.kafka.Producer` to Kafka,
`streams.testing.MemoryProducer` to a list. A record that leaves a door is whole: the event fits its schema, its
`personal` fields are encrypted under the subject's key, a person's own name is replaced by a pseudonym where
the topic says so, it is framed, and its headers tell whether it is simulated and what caused it. Of a domain of
persons nothing leaves in plain text another way: its dead letters keep no bytes of files, and what is refused is
told without the value.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from schemas.catalog import Catalog, Topic
from schemas.codec import encode
from schemas.errors import SchemaError
from schemas.personal_values import clear_bytes
from streams.config import StreamsConfig
from streams.dead_letter import withheld, without_values
from streams.errors import PersonalFieldError, RefusedEventError, SubjectForgottenError
from streams.identity.event_ids import is_simulated
from streams.identity.pseudonyms import pseudonym
from streams.identity.secret import DeploymentSecret, deployment_secret
from streams.privacy.field_encryption import FieldLocation, SubjectKeys
from streams.produce.deliveries import DeliveryTracker
from streams.record import SIMULATED, Header, ProducerRecord
from streams.signing.signer import Signer
from streams.signing.statement import LAST_NUMBER, SEQUENCE, SIGNATURE, provenance_headers, statement

MAX_RECORD_BYTES = 980_000  # below Kafka's default limit, with room for the batch around it


def numbered(topic: str, sequence: int) -> Header:
    """Make the header of a source's own number.

    Raises:
        RefusedEventError: It is not from 1 to 2^63 - 1.
    """
    if not 1 <= sequence <= LAST_NUMBER:
        raise RefusedEventError(topic, f"sequence: expected 1 to 2^63 - 1, got {sequence}")
    return (SEQUENCE, str(sequence).encode())


def signed(records: Sequence[ProducerRecord], signer: Signer) -> list[ProducerRecord]:
    """Sign records as they are, a single one by itself, several as one batch; the header comes last.

    Raises:
        SourceKeyError: There are more than a batch holds.
    """
    told = [
        statement(each.topic, each.key, each.value, provenance_headers(each.headers).sequence)
        for each in records
    ]
    marks = [signer.sign(told[0])] if len(told) == 1 else signer.sign_batch(told)
    return [
        each._replace(headers=(*each.headers, (SIGNATURE, mark)))
        for each, mark in zip(records, marks, strict=True)
    ]


class EventProducer(ABC):
    """The only way into a topic of the catalogue.

    Args:
        config: Settings; `config.keys` is where subjects' keys lie.
        catalog: Topics and schemas.
        keys: Subjects' keys, where personal fields are written; made from `config` at first need when None.
        signer: Signs each event of a raw topic, as it leaves; None: nobody does.
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
            event: Envelope and fields; personal fields in clear.
            key: Subject key; by default the value of the topic's key field.
            headers: Further headers; `simulated` is set by the source.
            sequence: The source's number of this event, for its topic and key from 1 on; None: it does not number.
            deliveries: Where to count the delivery; by default that of the next `flush`.

        Raises:
            RefusedEventError: The event is not what its schema says, or too large.
            SubjectForgottenError: It has personal values of someone who was erased.
            DeliveryError: The queue stayed full, or the producer is beyond repair.
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
        """Make the record of an event without sending it; raises what `produce` raises about the event."""
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
        if topic.kind == "dead-letter" and self._of_persons(topic):
            event = withheld(event, lambda: self.secret)
        try:
            value = encode(schema, self._sealed(topic, event, key) if schema.personal else event)
        except (SchemaError, PersonalFieldError) as error:
            of_persons = self._of_persons(topic)
            reason = without_values(str(error)) if of_persons else str(error)
            raise RefusedEventError(topic_name, reason) from (None if of_persons else error)
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
        """Hand a record over; its fate is told to `deliveries`, or to the next `flush`."""

    @abstractmethod
    def wait(self, deliveries: DeliveryTracker) -> None:
        """Wait until every record of `deliveries` is settled; raise DeliveryError if any failed."""

    @abstractmethod
    def flush(self) -> None:
        """Wait for every record sent without its own `DeliveryTracker`; raise DeliveryError if any failed."""

    @abstractmethod
    def backlog(self) -> int:
        """Return how many records wait to be delivered."""

    @property
    def keys(self) -> SubjectKeys:
        """The subjects' keys."""
        if self._keys is None:
            self._keys = SubjectKeys(self.config.keys)
        return self._keys

    @property
    def secret(self) -> DeploymentSecret:
        """The deployment's secret, under which pseudonyms are made."""
        if self._secret is None:
            self._secret = deployment_secret(self.config.keys)
        return self._secret

    def _of_persons(self, topic: Topic) -> bool:
        return self.catalog.domains[topic.domain].sensitivity == "personal"

    def _sealed(self, topic: Topic, event: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """Return the event with its personal fields encrypted; the same event where it has none."""
        names = [name for name in topic.schema.personal if event.get(name) is not None]
        if not names:
            return event
        event_id = event.get("event_id")
        if event_id is None:
            raise RefusedEventError(topic.name, "event_id: expected a UUID, got nothing")
        subject = key if topic.subject == topic.key else event.get(topic.subject)
        if not isinstance(subject, str) or not subject:
            raise RefusedEventError(
                topic.name, f"{topic.subject}: expected whose values these are, got nothing"
            )
        sealed = dict(event)
        for name in names:
            plain = clear_bytes(topic.schema, name, event[name])
            sealed[name] = self.keys.encrypt(FieldLocation(topic.name, subject, event_id, name), plain)
        return sealed

    def _headers(
        self, topic: Topic, event: Mapping[str, Any], headers: Iterable[Header]
    ) -> tuple[Header, ...]:
        """Put the headers together: simulated, CloudEvents where configured, the caller's."""
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
