"""Batches that pass through Faust as one event, and the progress of one partition.

Pure: no Faust consumer, no Kafka. `PartitionProgress` decides which fetched batch is delivered, and up to which offset
may be committed. `streams.worker.batch_consumer` asks it.

It keeps these rules:
1. Batches of a partition are delivered in order and without a gap. After a seek, only records at or behind the
  sought offset are delivered.
2. An offset is committable when its batch and all batches before it are `done`. Only the runner sets `done`, after
  outputs and state are durable. Faust's acks are ignored, because Faust also acks failed and cancelled events.
3. A batch that was delivered before a seek or a rebalance is stale: it is not run, and its `done` is ignored.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Any, NamedTuple

from faust import Schema
from faust.types import TP

from streams.errors import StreamsError


class Span(NamedTuple):
    """The offsets that a fetch passed: from `begin` to before `end`. Offsets without a record are among them."""

    begin: int
    end: int


class Batch:
    """Records of one partition that were fetched together. A batched agent receives them as one event.

    Attributes:
        tp: Topic and partition.
        records: aiokafka records, in the order of their offsets, at least one.
        span: The offsets that the fetch passed; by default those from the first record to the last.
        epoch: `PartitionProgress.epoch` at delivery; None before.
        done: True once its outputs and state are durable. Only the runner sets it.

    Raises:
        StreamsError: There is no record.
    """

    __slots__ = ("done", "epoch", "records", "span", "tp")

    def __init__(self, tp: TP, records: Sequence[Any], span: Span | None = None) -> None:
        if not records:
            raise StreamsError(f"{tp.topic}/{tp.partition}: expected a batch of at least one record")
        self.tp = tp
        self.records = records
        self.span = span or Span(self.first, self.last + 1)
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
    """The mark of a batched topic: `app.topic(name, schema=BatchSchema())`. The runner decodes, not Faust."""

    def compile(self, app: Any, **_: Any) -> Callable[..., Awaitable[Any]]:
        """Return the function that makes the event of a message, whose value is the batch itself."""
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
    """The progress of one assigned partition.

    Attributes:
        expected: First offset of the next batch; None: any.
        epoch: Number of restarts. Batches of another epoch are stale.
    """

    def __init__(self) -> None:
        self.expected: int | None = None
        self.epoch = 0
        self._unfinished: deque[Batch] = deque()
        self._committable: int | None = None
        self._sought_for: int | None = None

    def restart(self, expected: int | None) -> None:
        """Discard unfinished batches and continue from `expected`."""
        self.epoch += 1
        self.expected = expected
        self._unfinished.clear()
        self._committable = None

    def decide(self, batch: Batch) -> FetchDecision:
        """Decide what to do with a fetched batch. Records that were delivered before are cut off.

        A gap within the batch's fetch is Kafka's own (control records, aborted records, compaction). Any other gap
        leads to a seek the first time, because a fetch under way during a seek leaves one. If the same gap comes again,
        it is Kafka's own (retention), and the batch is delivered.
        """
        if self.expected is None or batch.span.begin <= self.expected <= batch.first:
            return FetchDecision.DELIVER
        if batch.first < self.expected:
            batch.records = [each for each in batch.records if each.offset >= self.expected]
            return FetchDecision.DELIVER if batch.records else FetchDecision.DROP
        if self._sought_for == self.expected:
            return FetchDecision.DELIVER
        self._sought_for = self.expected
        return FetchDecision.SEEK

    def deliver(self, batch: Batch) -> None:
        """Record that a batch was delivered to its agent."""
        batch.epoch = self.epoch
        self.expected = batch.span.end
        self._unfinished.append(batch)

    def step_over(self, span: Span) -> None:
        """Record that a fetch passed offsets without any record. They count as done once all before them is done."""
        if self.expected != span.begin:
            return  # something was dropped before them, and is fetched again
        self._advance()
        self.expected = span.end
        if self._unfinished:
            last = self._unfinished[-1]
            last.span = last.span._replace(end=span.end)
        else:
            self._committable = span.end

    def resume_from(self, failed: Batch) -> int:
        """Return the offset to seek to after a failure: the first one of the oldest unfinished batch.

        A seek to the failed batch only would let a commit pass an earlier batch that is still running.
        """
        self._advance()
        return min([failed.first, *(batch.first for batch in self._unfinished if not batch.done)])

    def is_current(self, batch: Batch) -> bool:
        """Return whether a delivered batch is not stale."""
        return batch.epoch == self.epoch

    def unfinished(self) -> int:
        """Return how many delivered batches are not done, or wait for an earlier one."""
        self._advance()
        return len(self._unfinished)

    def committable(self) -> int | None:
        """Return the offset to commit, behind the last batch that is done with all before it; None: nothing.

        Offsets without a record that follow the batch are committed with it.
        """
        self._advance()
        return self._committable

    def _advance(self) -> None:
        while self._unfinished and self._unfinished[0].done:
            self._committable = self._unfinished.popleft().span.end
