"""What the check of origin tells: a dead letter of what is refused, an event for each gap in a source's numbers.

All of it follows from the record, so a repeat is the same bytes.
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
    """Makes the records that tell of one topic's origins.

    Args:
        catalog: Topics and schemas.
        topic: The topic.
        producer: Makes the records.
    """

    def __init__(self, catalog: Catalog, topic: Topic, producer: EventProducer) -> None:
        self._topic = topic
        self._producer = producer
        self._dead_letters = topic_for(topic.domain)
        self._tells_gaps = GAPS in catalog.topics

    def records(
        self, verdict: ProvenanceVerdict, record: Record, value: bytes, cause: Header
    ) -> Iterator[ProducerRecord]:
        """Make what is to be told of a verdict record; nothing, where it was told before."""
        if verdict.refusal is not None and not verdict.reported:
            yield self._producer.prepare(
                self._dead_letters, self._letter(verdict, record, value), headers=(cause,)
            )
        if self._tells_gaps:
            for number, gap in enumerate(verdict.gaps):
                event = self._gap(verdict, record, gap, number)
                yield self._producer.prepare(GAPS, event, headers=(cause,))

    def _letter(self, verdict: ProvenanceVerdict, record: Record, value: bytes) -> dict[str, Any]:
        signature, sequence = verdict.headers
        told = statement(record.topic, record.key.encode(), value, sequence)
        form = sha256(f"{verdict.refusal}\n".encode() + (signature or b"") + told).hexdigest()
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
