"""The state of one assigned partition: what waits, what is being written, how far it is confirmed.

Pure except for librdkafka's messages. Time is an argument. Only the sink's main thread uses it.
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

MAX_WAIT_FACTOR = 4
"""Longest wait of a record while batches take long to be written, as a multiple of `max_age_s`."""


@dataclass(slots=True)
class Offsets:
    """The offsets of a partition.

    Attributes:
        position: Next offset to claim: the group's offset, or the one behind what is stored.
        confirmed: Committed offset, with or without a claim. At most `position`.
        open_claim: The claim that was open when the partition was assigned. None once its task is made.
        replay_before: Records below it were stored once: their inserts are checked, since ClickHouse may remember the
            token of rows that it has lost.
        archived: The archive's last offset at assignment.
    """

    position: int
    confirmed: int
    open_claim: OffsetRange | None = None
    replay_before: int = 0
    archived: Archived = field(default_factory=Archived)

    @classmethod
    def begin(cls, position: int, open_claim: OffsetRange | None = None, replay_before: int = 0) -> Self:
        """Begin at the group's offset, with the claim that was open there."""
        return cls(position, position, open_claim, replay_before)

    @property
    def unconfirmed(self) -> bool:
        """True if more is stored than committed."""
        return self.position > self.confirmed


@dataclass(slots=True)
class Waiting:
    """Messages that belong to no batch yet, in offset order.

    Attributes:
        messages: The messages.
        size: Size of their values in bytes.
        since: When the oldest arrived, or when the previous batch was made. Monotonic seconds.
    """

    messages: list[Message] = field(default_factory=list)
    size: int = 0
    since: float = 0.0

    def __len__(self) -> int:
        return len(self.messages)

    def add(self, message: Message, now: float) -> None:
        """Append a message."""
        if not self.messages:
            self.since = now
        self.messages.append(message)
        self.size += len(message)

    def take(self, count: int, now: float) -> list[Message]:
        """Remove and return the oldest messages. The others count as waiting since now."""
        taken, self.messages = self.messages[:count], self.messages[count:]
        self.size = sum(map(len, self.messages))
        self.since = now
        return taken

    def enough(self, config: SinkConfig) -> bool:
        """Return True if a full batch waits."""
        return len(self.messages) >= config.max_rows or self.size >= config.max_bytes

    @property
    def last(self) -> int:
        """Offset of the newest message; -1 if there is none."""
        return self.messages[-1].offset() if self.messages else -1

    def within(self, claim: OffsetRange) -> int:
        """Return the number of messages that belong to a claim."""
        return sum(message.offset() <= claim.last for message in self.messages)

    def fitting(self, config: SinkConfig) -> int:
        """Return the number of messages that fit into a batch, at least one."""
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
    """The retry delay of a failed task.

    Attributes:
        failures: Consecutive failures.
        retry_at: When it may be tried again. Monotonic seconds.
        trouble: Reason of the last failure. Empty after a success.
    """

    failures: int = 0
    retry_at: float = 0.0
    trouble: str = ""

    def failed(self, now: float, trouble: str, config: SinkConfig) -> None:
        """Record a failure. Each consecutive one doubles the wait, up to `max_backoff_s`."""
        self.trouble = trouble
        self.retry_at = now + min(config.backoff_s * 2**self.failures, config.max_backoff_s)
        self.failures = min(self.failures + 1, 16)

    def succeeded(self) -> None:
        """Forget the failures."""
        self.failures, self.trouble = 0, ""


@dataclass(slots=True)
class Times:
    """Times of a partition's last steps. Monotonic seconds.

    Attributes:
        stored_at: When the last batch was stored.
        begun_at: When the last batch was made.
        took_s: Seconds from `begun_at` until the last batch was stored. 0 before the first.
        ended_at: When the partition's end was reached, or the end was asked for and was still there.
    """

    stored_at: float = 0.0
    begun_at: float = 0.0
    took_s: float = 0.0
    ended_at: float = 0.0

    def stored(self, now: float) -> None:
        """Record that the last batch is stored."""
        self.took_s = now - self.begun_at
        self.stored_at = now


@dataclass(slots=True)
class PartitionState:
    """State of one assigned partition.

    Attributes:
        topic: Its topic.
        partition: Its number.
        offsets: What is claimed, stored and confirmed.
        times: When its last steps happened.
        waiting: Messages that belong to no batch yet.
        task: The batch being written, from before its claim until it is stored.
        future: The task's running insert.
        backoff: The task's retry delay.
        paused: Whether its fetches from Kafka are paused.
        ended: Offset at which the partition last ended: Kafka had nothing more to read below it. 0 before.
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
    ended: int = 0

    def reach_end(self, offset: int, now: float) -> None:
        """Record that nothing is left to read before an offset."""
        self.ended, self.times.ended_at = offset, now

    @property
    def at_end(self) -> bool:
        """True if no record has arrived since the partition ended."""
        held = -1 if self.task is None else self.task.batch.claim.last
        return self.ended > max(self.waiting.last, held, self.offsets.position - 1)

    def lag(self, high: int) -> int:
        """Return the number of records that are not confirmed, at most.

        Args:
            high: The partition's end as the client knows it. It counts for a partition that has not ended yet.
        """
        end = self.ended if self.at_end else high
        return max(0, max(end, self.offsets.position) - self.offsets.confirmed)

    def step_over(self) -> OffsetRange | None:
        """Let the next claim begin at the partition's end, if nothing before it waits.

        The offsets before it hold control records, aborted records, or what compaction removed.

        Returns:
            The open claim, if none of its records are left to replay.
        """
        claim = self.offsets.open_claim
        if self.task is not None or (claim is not None and not self._arrived(claim)):
            return None
        if claim is not None and self.waiting.within(claim):
            return None
        self.offsets.open_claim = None
        if not self.waiting:
            self.offsets.position = max(self.offsets.position, self.ended)
        return claim

    def _arrived(self, claim: OffsetRange) -> bool:
        """Return True if all records of a claim that Kafka still has have arrived."""
        return max(self.waiting.last, self.ended - 1) >= claim.last

    def full(self, config: SinkConfig) -> bool:
        """Return True if a full batch waits and no open claim precedes it."""
        return self.offsets.open_claim is None and self.waiting.enough(config)

    def age(self, now: float) -> float:
        """Return the seconds that the oldest message has waited. 0 if no batch can be made yet."""
        open_claim = self.offsets.open_claim
        if not self.waiting or (open_claim and not self._arrived(open_claim)):
            return 0.0
        return now - self.waiting.since

    def due(self, now: float, config: SinkConfig) -> bool:
        """Return True if the next batch is to be written now."""
        if self.offsets.open_claim is not None:
            return self.age(now) > 0
        return self.full(config) or self.age(now) >= self.wait_limit_s(config)

    def wait_limit_s(self, config: SinkConfig) -> float:
        """Return how many seconds a record waits for its batch to fill. It grows with the last write's duration.

        An insert has a high fixed cost in ClickHouse. Fewer and larger inserts relieve a busy machine.
        """
        return min(max(config.max_age_s, 2 * self.times.took_s), MAX_WAIT_FACTOR * config.max_age_s)

    def next_task(self, config: SinkConfig, now: float) -> InsertTask:
        """Make the next batch from what waits: the open claim if there is one, else as much as the limits allow."""
        offsets, open_claim = self.offsets, self.offsets.open_claim
        size = self.waiting.within(open_claim) if open_claim else self.waiting.fitting(config)
        messages = self.waiting.take(size, now)
        self.times.begun_at = now
        claim = open_claim or OffsetRange(offsets.position, messages[-1].offset())
        batch = make_batch(self.topic, self.partition, claim, messages)
        unsure = open_claim is not None or claim.first < offsets.replay_before
        self.task = InsertTask(batch, offsets.archived, Lease(config.lease_s), unsure=unsure)
        offsets.open_claim = None
        return self.task

    def claimed(self) -> TopicPartition:
        """Return the commit that claims the task's batch."""
        claim = self._batch().claim
        return TopicPartition(self.topic, self.partition, claim.first, str(claim))

    def confirmation(self) -> TopicPartition:
        """Return the commit that confirms everything below `position` as stored."""
        return TopicPartition(self.topic, self.partition, self.offsets.position, "")

    def confirm(self) -> None:
        """Record that everything below `position` is committed, with or without a claim behind it."""
        self.offsets.confirmed = self.offsets.position

    def stored(self, now: float) -> None:
        """Record that the task is stored."""
        self.offsets.position = self._batch().claim.last + 1
        self.task = self.future = None
        self.backoff.succeeded()
        self.times.stored(now)

    def failed(self, now: float, trouble: str, config: SinkConfig) -> None:
        """Record that the task failed. It stays, for a retry."""
        self.future = None
        self.backoff.failed(now, trouble, config)

    def _batch(self) -> InsertBatch:
        """Return the task's batch."""
        if self.task is None:
            raise RuntimeError(f"{self.topic}/{self.partition}: no batch is on its way")
        return self.task.batch
