"""A lane: one partition while it is ours. What waits, what is on its way, how far it is confirmed.

Pure but for librdkafka's messages; time is an argument. Only the sink's main thread touches a lane.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from confluent_kafka import Message, TopicPartition

from streams.clickhouse_sink.batch import InsertBatch, OffsetRange, make_batch
from streams.clickhouse_sink.batch_writer import Archived, InsertTask
from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.lease import Lease

if TYPE_CHECKING:
    from concurrent.futures import Future

MOST_PATIENCE = 4
"""So many times `max_age_s` a record waits at most while batches take long to be written."""


@dataclass(slots=True)
class Offsets:
    """How far a partition is.

    Attributes:
        position: Next offset to claim: where the group is, or behind what is stored.
        confirmed: Offset that is committed, with or without a claim; at most `position`.
        redo: A claim that was found open when the partition came to us; None once its task is made.
        archived: How far the archive had come before.
    """

    position: int
    confirmed: int
    redo: OffsetRange | None = None
    archived: Archived = field(default_factory=Archived)

    @classmethod
    def begin(cls, position: int, redo: OffsetRange | None = None) -> Self:
        """Begin where the group is, with the claim that was found open there."""
        return cls(position, position, redo)

    @property
    def unconfirmed(self) -> bool:
        """Whether more is stored than committed."""
        return self.position > self.confirmed


@dataclass(slots=True)
class Waiting:
    """Messages that belong to no batch yet, in the order of their offsets.

    Attributes:
        messages: The messages.
        size: Size of their values, bytes.
        since: When the oldest of them came, or the batch before was made; monotonic seconds.
    """

    messages: list[Message] = field(default_factory=list)
    size: int = 0
    since: float = 0.0

    def __len__(self) -> int:
        return len(self.messages)

    def add(self, message: Message, now: float) -> None:
        """Take a message in."""
        if not self.messages:
            self.since = now
        self.messages.append(message)
        self.size += len(message)

    def take(self, count: int, now: float) -> list[Message]:
        """Take the oldest messages out; the others count as waiting since now."""
        taken, self.messages = self.messages[:count], self.messages[count:]
        self.size = sum(map(len, self.messages))
        self.since = now
        return taken

    def enough(self, config: SinkConfig) -> bool:
        """Whether a whole batch waits."""
        return len(self.messages) >= config.max_rows or self.size >= config.max_bytes

    def holds(self, claim: OffsetRange) -> bool:
        """Whether all records of a claim are here."""
        return bool(self.messages) and self.messages[-1].offset() >= claim.last

    def within(self, claim: OffsetRange) -> int:
        """Count the messages that belong to a claim."""
        return sum(message.offset() <= claim.last for message in self.messages)

    def fitting(self, config: SinkConfig) -> int:
        """Count the messages that fit into a batch, at least one."""
        if len(self.messages) <= config.max_rows and self.size <= config.max_bytes:
            return len(self.messages)
        size = 0
        for count, message in enumerate(self.messages[: config.max_rows]):
            size += len(message)
            if size > config.max_bytes:
                return max(count, 1)
        return min(len(self.messages), config.max_rows)


@dataclass(slots=True)
class Backoff:
    """Whether and when a task that failed may be tried again.

    Attributes:
        failures: How often it failed in a row.
        retry_at: When it may be tried again; monotonic seconds.
        trouble: Why it failed last; empty when all is well.
    """

    failures: int = 0
    retry_at: float = 0.0
    trouble: str = ""

    def failed(self, now: float, trouble: str, config: SinkConfig) -> None:
        """Note a failure: each one in a row doubles the wait, up to `max_backoff_s`."""
        self.trouble = trouble
        self.retry_at = now + min(config.backoff_s * 2**self.failures, config.max_backoff_s)
        self.failures = min(self.failures + 1, 16)

    def succeeded(self) -> None:
        """Forget the failures."""
        self.failures, self.trouble = 0, ""


@dataclass(slots=True)
class Times:
    """When something last happened in a partition; monotonic seconds.

    Attributes:
        moved_at: When the committed offset last moved, or there was nothing to do.
        stored_at: When the last batch was stored.
        begun_at: When the last batch was made.
        took_s: How long it took from then until it was stored; 0 before any was.
    """

    moved_at: float
    stored_at: float = 0.0
    begun_at: float = 0.0
    took_s: float = 0.0

    def stored(self, now: float) -> None:
        """Note that the last batch is stored."""
        self.took_s = now - self.begun_at
        self.stored_at = now


@dataclass(slots=True)
class PartitionState:
    """State of one partition.

    Attributes:
        topic: Its topic.
        partition: Its number.
        offsets: How far it is.
        times: When something last happened in it.
        waiting: Messages that belong to no batch yet.
        task: The batch on its way, from before its claim until it is stored.
        future: Its insert while it runs.
        backoff: Whether and when it may be tried again.
        paused: Whether we asked Kafka to hold its records back.
    """

    topic: str
    partition: int
    offsets: Offsets
    times: Times
    waiting: Waiting = field(default_factory=Waiting)
    task: InsertTask | None = None
    future: "Future[None] | None" = None
    backoff: Backoff = field(default_factory=Backoff)
    paused: bool = False

    def full(self, config: SinkConfig) -> bool:
        """Whether a whole batch waits and nothing has to go before it."""
        return self.offsets.redo is None and self.waiting.enough(config)

    def age(self, now: float) -> float:
        """Return for how long the oldest message has waited, in seconds; 0 if none may go."""
        redo = self.offsets.redo
        if not self.waiting or (redo and not self.waiting.holds(redo)):
            return 0.0
        return now - self.waiting.since

    def due(self, now: float, config: SinkConfig) -> bool:
        """Whether the next batch has to go."""
        if self.offsets.redo is not None:
            return self.age(now) > 0
        return self.full(config) or self.age(now) >= self.patience(config)

    def patience(self, config: SinkConfig) -> float:
        """Return how long a record waits for its batch to fill: longer while batches take long to be written.

        An insert costs the engine much whatever its size, so a busy machine is helped by fewer and larger ones.
        """
        return min(max(config.max_age_s, 2 * self.times.took_s), MOST_PATIENCE * config.max_age_s)

    def next_task(self, config: SinkConfig, now: float) -> InsertTask:
        """Make the next batch from what waits; the claim that was found open, or as much as the limits allow."""
        offsets, redo = self.offsets, self.offsets.redo
        size = self.waiting.within(redo) if redo else self.waiting.fitting(config)
        messages = self.waiting.take(size, now)
        self.times.begun_at = now
        claim = redo or OffsetRange(offsets.position, messages[-1].offset())
        batch = make_batch(self.topic, self.partition, claim, messages)
        self.task = InsertTask(batch, offsets.archived, Lease(config.lease_s), unsure=redo is not None)
        offsets.redo = None
        return self.task

    def claimed(self) -> TopicPartition:
        """Return the commit that claims the task's batch."""
        claim = self._batch().claim
        return TopicPartition(self.topic, self.partition, claim.first, str(claim))

    def confirmation(self) -> TopicPartition:
        """Return the commit that says that all up to `position` is stored."""
        return TopicPartition(self.topic, self.partition, self.offsets.position, "")

    def confirm(self, now: float) -> None:
        """All up to `position` is committed as stored; with a claim behind it or without."""
        if self.offsets.unconfirmed:
            self.offsets.confirmed, self.times.moved_at = self.offsets.position, now

    def stored(self, now: float) -> None:
        """The task is done."""
        self.offsets.position = self._batch().claim.last + 1
        self.task = self.future = None
        self.backoff.succeeded()
        self.times.stored(now)

    def failed(self, now: float, trouble: str, config: SinkConfig) -> None:
        """The task failed; it stays, for later."""
        self.future = None
        self.backoff.failed(now, trouble, config)

    def _batch(self) -> InsertBatch:
        """Return the task's batch."""
        if self.task is None:
            raise RuntimeError(f"{self.topic}/{self.partition}: no batch is on its way")
        return self.task.batch
