"""Whole record batches through Faust as one event: the values, and the bookkeeping of one partition.

Pure: no Faust consumer, no Kafka. `PartitionProgress` decides which fetched batch is delivered and up to which offset
may be committed; `streams.worker.batch_consumer` asks it at the right moments.

Rules it keeps:
1. Batches of a partition are delivered gapless and in order; after a seek, only what follows the sought
  offset.
2. An offset is committable when its batch and all before it are `done`, which only the agent's runner says,
  after outputs and state are durable. Faust's own acks play no part: it also acks what failed or was
  cancelled.
3. A batch delivered before a seek or a rebalance is stale: it is not run, and its `done` counts for nothing.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Any

from faust import Schema
from faust.types import TP

from streams.errors import StreamsError


class Batch:
    """Records of one partition that were fetched together; what a batched agent receives as one event.

    Attributes:
        tp: Topic and partition.
        records: aiokafka records, in the order of their offsets, at least one.
        epoch: Which stretch of the partition, between two seeks, it was delivered in; None until delivered.
        done: Everything that follows from it is durable. Only the runner sets it.
    """

    __slots__ = ("done", "epoch", "records", "tp")

    def __init__(self, tp: TP, records: Sequence[Any]) -> None:
        if not records:
            raise StreamsError(f"{tp.topic}/{tp.partition}: expected a batch of at least one record")
        self.tp = tp
        self.records = records
        self.epoch: int | None = None
        self.done = False

    def __repr__(self) -> str:
        return f"Batch({self.tp.topic}/{self.tp.partition} {self.first}-{self.last})"

    @property
    def first(self) -> int:
        """Offset of the first record."""
        return int(self.records[0].offset)

    @property
    def last(self) -> int:
        """Offset of the last record."""
        return int(self.records[-1].offset)


class BatchSchema(Schema):  # type: ignore[misc]  # Faust has no types for us
    """Marks a topic as batched: `app.topic(name, schema=BatchSchema())`. Decoding is left to the runner."""

    def compile(self, app: Any, **_: Any) -> Callable[..., Awaitable[Any]]:
        """Return the function that makes the event of a message: its value is the batch, as it is."""
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            del propagate
            return create_event(None, message.value, None, message)

        return decode


class FetchDecision(Enum):
    """What to do with a fetched batch."""

    DELIVER = "deliver"
    DROP = "drop"
    SEEK = "seek back to `expected`, then drop"


class PartitionProgress:
    """How far one assigned partition has come.

    Attributes:
        expected: Offset that the next batch must begin with; None if any will do.
        epoch: Raised at each restart; batches of another epoch are stale.
    """

    def __init__(self) -> None:
        self.expected: int | None = None
        self.epoch = 0
        self._open: deque[Batch] = deque()
        self._committable: int | None = None
        self._sought_for: int | None = None

    def restart(self, expected: int | None) -> None:
        """Forget what is under way; go on from `expected`."""
        self.epoch += 1
        self.expected = expected
        self._open.clear()
        self._committable = None

    def decide(self, batch: Batch) -> FetchDecision:
        """Decide about a fetched batch; a batch that overlaps what was delivered is cut.

        A gap is sought once: a fetch that was under way during a seek leaves one. If the same gap comes again
        it is Kafka's own (retention, compaction), and is taken.
        """
        if self.expected is None or batch.first == self.expected:
            return FetchDecision.DELIVER
        if batch.first < self.expected:
            batch.records = [each for each in batch.records if each.offset >= self.expected]
            return FetchDecision.DELIVER if batch.records else FetchDecision.DROP
        if self._sought_for == self.expected:
            return FetchDecision.DELIVER
        self._sought_for = self.expected
        return FetchDecision.SEEK

    def deliver(self, batch: Batch) -> None:
        """Take a batch as delivered to its agent."""
        batch.epoch = self.epoch
        self.expected = batch.last + 1
        self._open.append(batch)

    def resume_from(self, failed: Batch) -> int:
        """Return the offset to go back to when a batch failed: that of the oldest one that is not finished.

        Going back only to the failed one would let a commit pass a batch before it that is still under way.
        """
        self._settle()
        return min([failed.first, *(batch.first for batch in self._open if not batch.done)])

    def is_current(self, batch: Batch) -> bool:
        """Whether a delivered batch still counts."""
        return batch.epoch == self.epoch

    def unfinished(self) -> int:
        """Return how many delivered batches are not finished, or wait for one before them."""
        self._settle()
        return len(self._open)

    def committable(self) -> int | None:
        """Return the offset to commit: the one after the last batch that is done with all before it."""
        self._settle()
        return self._committable

    def _settle(self) -> None:
        while self._open and self._open[0].done:
            self._committable = self._open.popleft().last + 1
