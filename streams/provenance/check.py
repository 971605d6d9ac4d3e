"""Verifies the provenance of a raw topic's records before any rule: the signature, the key, the number.

A signature must be right, no matter which key made it. A source with registered keys may use only those, and must sign
every event if its registration requires it. For a record that is signed, numbered or of a registered source, the
history (`sequence.py`) is kept in the keyed state of the topic, beside the state of the rules. For all others nothing
is kept, and the check costs two look-ups.

A record that comes again after a crash gets the same verdict. The part that depends on the registry follows from the
record's own timestamp; the offsets refused as replays are stored with the state.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from streams.errors import SourceSignatureError, StreamsError
from streams.identity.event_ids import Rule, stream_of
from streams.provenance.key_registry import Registry
from streams.provenance.partitioner import partition_of
from streams.provenance.sequence import Numbered, SequenceGap, step
from streams.signing.statement import (
    NOTHING,
    SEQUENCE,
    SIGNATURE,
    ProvenanceHeaders,
    provenance_headers,
    signer_of,
    statement,
)
from streams.state.entries import Entry, Subject
from streams.state.store import StateTransaction

RULE: Final = Rule("device-origin", 1)
_NAME: Final = str(RULE)
_HEADERS: Final = frozenset((SIGNATURE, SEQUENCE))
_MAX_REFUSED_RANGES: Final = 256
"""Ranges of refused offsets that are stored for a subject. Older ones were committed long ago."""


class ProvenanceVerdict(NamedTuple):
    """The verdict on a record.

    Attributes:
        refusal: Why no rule may use it; None: rules may.
        sender: Its source up to `#`.
        signer: did:key that signed it, or None.
        gaps: Numbers to report as missing or arrived.
        reported: The record was refused and reported before.
        headers: Its provenance headers; `NOTHING` where they cannot be read.
    """

    refusal: str | None
    sender: str
    signer: str | None = None
    gaps: tuple[SequenceGap, ...] = ()
    reported: bool = False
    headers: ProvenanceHeaders = NOTHING


class ProvenanceCheck:
    """The provenance check of one raw topic, for its records in their order.

    Args:
        topic: Name of the topic.
        registry: Keys that may sign for each source.

    Attributes:
        registry: Keys that may sign for each source.
        partitions: Number of the topic's partitions; None: the partition of a record is not checked.
    """

    def __init__(self, topic: str, registry: Registry) -> None:
        self.registry = registry
        self.partitions: int | None = None
        self._topic = topic

    def not_applicable(self, raw: Any) -> bool:
        """Return True if no key is registered and the record has no provenance headers."""
        return not (raw.headers and _has_headers(raw)) and self.registry.empty

    def verify(
        self, raw: Any, event: Mapping[str, Any], key: str, transaction: StateTransaction | None
    ) -> ProvenanceVerdict | None:
        """Verify one record.

        Args:
            raw: aiokafka record.
            event: The decoded record.
            key: Its key as text.
            transaction: State changes of the batch.

        Returns:
            The verdict; None if the record has no provenance headers and its source no registered key.

        Raises:
            StreamsError: The history must be kept, and the topic has no state store.
        """
        with_headers, status = _has_headers(raw), None
        if not self.registry.empty:
            status = self.registry.status(stream_of(event["source"]), raw.timestamp)
        if not with_headers and status is None:
            return None
        sender = stream_of(event["source"])
        try:
            headers = provenance_headers(raw.headers) if with_headers else NOTHING
            signer = None
            if headers.signature is not None:
                signer = signer_of(
                    headers.signature, statement(self._topic, raw.key, raw.value, headers.sequence)
                )
        except SourceSignatureError as error:
            return ProvenanceVerdict(str(error), sender)
        if status is not None and signer is None and status.required:
            return ProvenanceVerdict(
                f"{sender} must sign its events, and nobody signed this one", sender, headers=headers
            )
        if status is not None and signer is not None and signer not in status.keys:
            reason = f"signed by {signer}, which may not sign for {sender}"
            return ProvenanceVerdict(reason, sender, signer, headers=headers)
        misplaced = self._misplaced(raw)
        if misplaced is not None:
            return ProvenanceVerdict(misplaced, sender, signer, headers=headers)
        numbered = Numbered(event["event_id"], raw.value, headers.sequence, signer)
        found = self._follow(Subject(_NAME, key, sender), raw.offset, numbered, transaction)
        return found._replace(sender=sender, signer=signer, headers=headers)

    def _misplaced(self, raw: Any) -> str | None:
        """Return why a record is in the wrong partition, or None. Its history is in its key's partition."""
        if self.partitions is None or raw.key is None:
            return None
        home = partition_of(raw.key, self.partitions)
        if home == raw.partition:
            return None
        return (
            f"it stands in partition {raw.partition}, and its key's is {home} (murmur2): moved, or misplaced"
        )

    def _follow(
        self, subject: Subject, offset: int, numbered: Numbered, transaction: StateTransaction | None
    ) -> ProvenanceVerdict:
        if transaction is None:
            raise StreamsError(f"{self._topic}: numbers are remembered, but this topic has no state store")
        entry = transaction.entry(subject)
        known = orjson.loads(entry.state) if entry is not None and entry.state else {}
        refused: list[list[int]] = known.get("refused", [])
        if entry is not None and offset <= entry.offset:  # verified before a crash; its outputs are delivered
            again = any(first <= offset <= last for first, last in refused)
            return ProvenanceVerdict("it was refused before" if again else None, "", reported=again)
        done = step(known.get("memory"), numbered)
        refusing = done.refusal is not None
        if refusing and known.get("refusing"):
            refused = [*refused[:-1], [refused[-1][0], offset]]
        elif refusing:
            refused = [*refused, [offset, offset]][-_MAX_REFUSED_RANGES:]
        state = {"memory": done.history, "refused": refused, "refusing": refusing}
        transaction.changes[subject] = Entry(offset, orjson.dumps(state))
        return ProvenanceVerdict(done.refusal, "", gaps=done.gaps)


def _has_headers(raw: Any) -> bool:
    for name, _ in raw.headers or ():  # noqa: SIM110 - once per record: any() costs three times as much
        if name in _HEADERS:
            return True
    return False
