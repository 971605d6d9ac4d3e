"""A batch: consecutive records of one partition as columns, and the offset range that claims it.

Pure. A claim is written `first-last` (docs/delivery.md#clickhouse-sink). It is the metadata of the group's offset
commit while the batch is being inserted, and the root of every insert's deduplication token. So a replayed batch
is the same batch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from confluent_kafka import Message

from streams.clickhouse_sink.errors import SinkStopError

REPLAY_BEFORE = "replay-before "
"""Beginning of a commit's metadata by which an operator's check sends the sink back: the offset follows up to which
records were stored once, and may be stored still."""

RecordHeaders = Sequence[tuple[str, bytes | None]]


class OffsetRange(NamedTuple):
    """Offsets from first to last, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    @classmethod
    def parse(cls, text: str, where: str) -> Self | None:
        """Parse the metadata of a commit. Empty metadata is no claim.

        Args:
            text: The commit's metadata.
            where: `topic/partition`, for the error message.

        Raises:
            SinkStopError: The metadata is no claim: another program commits in this group.
        """
        if not text:
            return None
        first, dash, last = text.partition("-")
        if not (dash and first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
            raise SinkStopError(
                f"{where}: expected a claim first-last in the commit's metadata, got {text!r:.80}"
            )
        return cls(int(first), int(last))


def replay_before(metadata: str) -> int:
    """Return the offset up to which the sink was sent back; 0 if the metadata says no such thing."""
    number = metadata.removeprefix(REPLAY_BEFORE)
    return int(number) if metadata.startswith(REPLAY_BEFORE) and number.isascii() and number.isdigit() else 0


@dataclass(frozen=True, slots=True)
class InsertBatch:
    """Records of one partition, column by column, in offset order.

    Attributes:
        topic: Their topic.
        partition: Their partition.
        claim: The offset range that the group's commit names.
        offsets: Their offsets, within the claim.
        types: Timestamp types as on the wire: 0 = CreateTime, 1 = LogAppendTime (docs/identity.md#record-times).
        stamps: Timestamps, milliseconds since 1970.
        keys: Keys as received.
        values: Values as received, with their frame.
        headers: Headers as received.
    """

    topic: str
    partition: int
    claim: OffsetRange
    offsets: Sequence[int]
    types: Sequence[int]
    stamps: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[RecordHeaders]

    @property
    def token(self) -> str:
        """Deduplication token of the batch. Suffixes may follow it."""
        return f"{self.topic}:{self.partition}:{self.claim}"

    def __len__(self) -> int:
        return len(self.offsets)

    def pick(self, indexes: Iterable[int]) -> "InsertBatch":
        """Return a batch of these records only, by their index. The claim stays."""
        chosen = list(indexes)
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
    """Make a batch from librdkafka's messages."""
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
