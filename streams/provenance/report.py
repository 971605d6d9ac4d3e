"""The records that follow from a provenance verdict: a dead letter for a refusal, an event for each sequence gap.

They follow from the verified record alone, so a repeat has the same bytes.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from schemas.catalog import Catalog, Topic
from schemas.names import topic_name
from streams.agents import Record
from streams.dead_letter import KafkaOrigin, Refusal, dead_letter, topic_for
from streams.identity.event_ids import derived_id, derived_salt
from streams.produce.producer import EventProducer
from streams.provenance.check import RULE, ProvenanceVerdict
from streams.provenance.sequence import SequenceGap
from streams.record import Header, ProducerRecord
from streams.signing.statement import statement

GAPS: Final = topic_name("platform", "sequence-gap")


class Reporter:
    """The maker of one topic's provenance records.

    Args:
        catalog: Topics and schemas.
        topic: The verified topic.
        producer: Encodes the records.
    """

    def __init__(self, catalog: Catalog, topic: Topic, producer: EventProducer) -> None:
        self._topic = topic
        self._producer = producer
        self._dead_letters = topic_for(topic.domain)
        self._reports_gaps = GAPS in catalog.topics

    def records(
        self, verdict: ProvenanceVerdict, record: Record, value: bytes, cause: Header
    ) -> Iterator[ProducerRecord]:
        """Yield the dead letter and the gap events of a verdict, without a dead letter that was sent before.

        Args:
            verdict: The verdict.
            record: The verified record.
            value: Its raw value.
            cause: The header that names the record.
        """
        if verdict.refusal is not None and not verdict.reported:
            yield self._producer.prepare(
                self._dead_letters, self._letter(verdict, record, value), headers=(cause,)
            )
        if self._reports_gaps:
            for number, gap in enumerate(verdict.gaps):
                event = self._gap(verdict, record, gap, number)
                yield self._producer.prepare(GAPS, event, headers=(cause,))

    def _letter(self, verdict: ProvenanceVerdict, record: Record, value: bytes) -> dict[str, Any]:
        signature, sequence = verdict.headers
        signed = statement(record.topic, record.key.encode(), value, sequence)
        form = sha256(f"{verdict.refusal}\n".encode() + (signature or b"") + signed).hexdigest()
        return dead_letter(
            KafkaOrigin(record.topic, record.partition, record.offset),
            Refusal("origin", verdict.refusal or "", str(RULE), record.event_id, form),
            value,
            source=record.source,
            occurred_us=record.occurred_us,
            key=record.key,
        )

    def _gap(
        self, verdict: ProvenanceVerdict, record: Record, gap: SequenceGap, number: int
    ) -> dict[str, Any]:
        event_id = derived_id([record.event_id], RULE, number)
        return {
            "event_id": event_id,
            "salt": derived_salt([record.salt], event_id),
            "source": record.source,
            "occurred_at": record.occurred_us,
            "recorded_at": record.event.get("recorded_at"),
            "sender": verdict.sender,
            "topic": record.topic,
            "subject": record.key,
            "signer": verdict.signer,
            "standing": "ARRIVED" if gap.arrived else "MISSING",
            "first": gap.first,
            "last": gap.last,
        }
