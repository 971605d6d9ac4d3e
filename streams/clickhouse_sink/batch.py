"""A batch: neighbouring records of one partition as columns, and the claim that names it.

Pure. A claim is written `first-last` (docs/delivery.md#clickhouse-sink); it is the metadata of the group's offset
commit while the batch is being inserted, and the root of every insert's deduplication token, so a redone batch is
the same batch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from confluent_kafka import Message

from streams.clickhouse_sink.errors import SinkStopError

Headers = Sequence[tuple[str, bytes | None]]


class OffsetRange(NamedTuple):
    """Offsets first to last, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    @classmethod
    def parse(cls, text: str, where: str) -> Self | None:
        """Read the metadata of a commit; nothing there is no claim.

        Raises:
            SinkStopError: It is something else: another program commits in this group.
        """
        if not text:
            return None
        first, dash, last = text.partition("-")
        if not (dash and first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
            raise SinkStopError(
                f"{where}: expected a claim first-last in the commit's metadata, got {text!r:.80}"
            )
        return cls(int(first), int(last))


@dataclass(frozen=True, slots=True)
class InsertBatch:
    """Records of one partition, column by column, in the order of their offsets.

    Attributes:
        topic: Their topic.
        partition: Their partition.
        claim: What the group's commit says is being inserted.
        offsets: Their offsets, within the claim.
        types: Timestamp types as on the wire: 0 = CreateTime, 1 = LogAppendTime (docs/identity.md#record-times).
        stamps: Timestamps, milliseconds since 1970.
        keys: Keys as they are.
        values: Values as they are, frame and all.
        headers: Headers as they are.
    """

    topic: str
    partition: int
    claim: OffsetRange
    offsets: Sequence[int]
    types: Sequence[int]
    stamps: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Headers]

    @property
    def token(self) -> str:
        """Deduplication token of the batch; further parts may follow it."""
        return f"{self.topic}:{self.partition}:{self.claim}"

    def __len__(self) -> int:
        return len(self.offsets)

    def pick(self, places: Iterable[int]) -> "InsertBatch":
        """Return these records only, by their place in the batch; the claim stays."""
        chosen = list(places)
        return replace(
            self,
            offsets=[self.offsets[at] for at in chosen],
            types=[self.types[at] for at in chosen],
            stamps=[self.stamps[at] for at in chosen],
            keys=[self.keys[at] for at in chosen],
            values=[self.values[at] for at in chosen],
            headers=[self.headers[at] for at in chosen],
        )


def make_batch(topic: str, partition: int, claim: OffsetRange, messages: Sequence[Message]) -> InsertBatch:
    """Take the columns out of librdkafka's messages."""
    times = [message.timestamp() for message in messages]
    return InsertBatch(
        topic,
        partition,
        claim,
        [message.offset() for message in messages],
        [kind - 1 if kind else 0 for kind, _ in times],  # confluent-kafka counts from 1
        [stamp for _, stamp in times],
        [message.key() for message in messages],
        [message.value() for message in messages],
        [message.headers() or () for message in messages],
    )
