"""Before any rule of a raw topic: is the event from whom it says, and is it the next one?

A signature that is there must be right, whoever signed. A source with registered keys is held to them, and, where it is
required, every event of it must be signed. What is signed, numbered, or of a registered source is remembered
(`sequence.py`) in the keyed state of the topic, beside that of the rules; of all others nothing is kept, and the check
costs two look-ups.

A record that comes again after a crash gets the answer that it got before: what depends on the registry follows from
the record's own time, and what was refused as a replay is noted with the state.
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
_OWN: Final = frozenset((SIGNATURE, SEQUENCE))
_STRETCHES: Final = 256
"""Stretches of refused repeats that are noted for a subject; older ones were committed long ago."""


class ProvenanceVerdict(NamedTuple):
    """What became of a record.

    Attributes:
        refusal: Why no rule may use it; None: they may.
        sender: Its source, without what follows `#`.
        signer: did:key that signed it, or None.
        gaps: Numbers to report as missing or arrived.
        reported: The record came before, and was refused: that was headers then.
        headers: What its headers say; nothing, where they cannot be read.
    """

    refusal: str | None
    sender: str
    signer: str | None = None
    gaps: tuple[SequenceGap, ...] = ()
    reported: bool = False
    headers: ProvenanceHeaders = NOTHING


class ProvenanceCheck:
    """Judges the records of one raw topic, in their order.

    Args:
        topic: Its name.
        registry: Who may sign for whom.

    Attributes:
        partitions: How many partitions the topic has; None: whether a record stands in its key's is not judged.
    """

    def __init__(self, topic: str, registry: Registry) -> None:
        self.registry = registry
        self.partitions: int | None = None
        self._topic = topic

    def not_applicable(self, raw: Any) -> bool:
        """Whether a record needs not even be decoded: nobody is registered, and it says nothing."""
        return not (raw.headers and _speaks(raw)) and self.registry.empty

    def verify(
        self, raw: Any, event: Mapping[str, Any], key: str, transaction: StateTransaction | None
    ) -> ProvenanceVerdict | None:
        """Judge one record; None: nothing is to be said of it.

        Args:
            raw: aiokafka record.
            event: What it holds, decoded.
            key: Its key as text.
            transaction: State changes of the batch.
        """
        speaks, status = _speaks(raw), None
        if not self.registry.empty:
            status = self.registry.status(stream_of(event["source"]), raw.timestamp)
        if not speaks and status is None:
            return None
        sender = stream_of(event["source"])
        try:
            headers = provenance_headers(raw.headers) if speaks else NOTHING
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
        elsewhere = self._elsewhere(raw)
        if elsewhere is not None:
            return ProvenanceVerdict(elsewhere, sender, signer, headers=headers)
        numbered = Numbered(event["event_id"], raw.value, headers.sequence, signer)
        found = self._remember(Subject(_NAME, key, sender), raw.offset, numbered, transaction)
        return found._replace(sender=sender, signer=signer, headers=headers)

    def _elsewhere(self, raw: Any) -> str | None:
        """Say why a record is not where its key lies; what is remembered of it is in that partition."""
        if self.partitions is None or raw.key is None:
            return None
        home = partition_of(raw.key, self.partitions)
        if home == raw.partition:
            return None
        return (
            f"it stands in partition {raw.partition}, and its key's is {home} (murmur2): moved, or misplaced"
        )

    def _remember(
        self, subject: Subject, offset: int, numbered: Numbered, transaction: StateTransaction | None
    ) -> ProvenanceVerdict:
        if transaction is None:
            raise StreamsError(f"{self._topic}: numbers are remembered, but this topic has no state store")
        entry = transaction.entry(subject)
        known = orjson.loads(entry.state) if entry is not None and entry.state else {}
        refused: list[list[int]] = known.get("refused", [])
        if entry is not None and offset <= entry.offset:  # judged before a crash; what it caused is delivered
            again = any(first <= offset <= last for first, last in refused)
            return ProvenanceVerdict("it was refused before" if again else None, "", reported=again)
        done = step(known.get("memory"), numbered)
        refusing = done.refusal is not None
        if refusing and known.get("refusing"):
            refused = [*refused[:-1], [refused[-1][0], offset]]
        elif refusing:
            refused = [*refused, [offset, offset]][-_STRETCHES:]
        state = {"memory": done.memory, "refused": refused, "refusing": refusing}
        transaction.changes[subject] = Entry(offset, orjson.dumps(state))
        return ProvenanceVerdict(done.refusal, "", gaps=done.gaps)


def _speaks(raw: Any) -> bool:
    for name, _ in raw.headers or ():  # noqa: SIM110 - once per record: any() costs three times as much
        if name in _OWN:
            return True
    return False
