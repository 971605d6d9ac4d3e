"""A lane: one partition while it is ours. What waits, what is on its way, how far it is confirmed.

Pure but for librdkafka's messages; time is an argument. Only the sink's main thread touches a lane.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from confluent_kafka import Message, TopicPartition

from streams.sinks.batch import Batch, Claim, make_batch
from streams.sinks.config import SinkConfig
from streams.sinks.lease import Lease
from streams.sinks.writer import Archived, Task

if TYPE_CHECKING:
    from concurrent.futures import Future

MOST_PATIENCE = 4
"""So many times `max_age_s` a record waits at most while batches take long to be written."""


@dataclass(slots=True)
class Lane:
    """State of one partition.

    Attributes:
        topic: Its topic.
        partition: Its number.
        position: Next offset to claim: where the group is, or behind what is stored.
        redo: A claim that was found open when the partition came to us.
        confirmed: Offset that is committed, with or without a claim.
        waiting: Messages that belong to no batch yet.
        waiting_bytes: Size of their values.
        since: When the oldest of them came; monotonic seconds.
        task: The batch on its way, from before its claim until it is stored.
        future: Its insert while it runs.
        failures: How often it failed in a row.
        retry_at: When it may be tried again.
        trouble: Why it failed last; empty when all is well.
        moved_at: When the committed offset last moved, or there was nothing to do.
        stored_at: When the last batch was stored.
        begun_at: When the last batch was made.
        took_s: How long it took from then until it was stored; 0 before any was.
        paused: Whether we asked Kafka to hold its records back.
        archived: How far the archive had come before.
    """

    topic: str
    partition: int
    position: int
    redo: Claim | None
    confirmed: int
    moved_at: float
    waiting: list[Message] = field(default_factory=list)
    waiting_bytes: int = 0
    since: float = 0.0
    task: Task | None = None
    future: "Future[None] | None" = None
    failures: int = 0
    retry_at: float = 0.0
    trouble: str = ""
    stored_at: float = 0.0
    begun_at: float = 0.0
    took_s: float = 0.0
    paused: bool = False
    archived: Archived = field(default_factory=Archived)

    def add(self, message: Message, now: float) -> None:
        """Take a message in."""
        if not self.waiting:
            self.since = now
        self.waiting.append(message)
        self.waiting_bytes += len(message)

    def full(self, config: SinkConfig) -> bool:
        """Whether a whole batch waits."""
        enough = len(self.waiting) >= config.max_rows or self.waiting_bytes >= config.max_bytes
        return enough and self.redo is None

    def age(self, now: float) -> float:
        """Return for how long the oldest message has waited, in seconds; 0 if none may go."""
        if not self.waiting or (self.redo and self.waiting[-1].offset() < self.redo.last):
            return 0.0
        return now - self.since

    def due(self, now: float, config: SinkConfig) -> bool:
        """Whether the next batch has to go."""
        if self.redo is not None:
            return self.age(now) > 0
        return self.full(config) or self.age(now) >= self.patience(config)

    def patience(self, config: SinkConfig) -> float:
        """Return how long a record waits for its batch to fill: longer while batches take long to be written.

        An insert costs the engine much whatever its size, so a busy machine is helped by fewer and larger ones.
        """
        return min(max(config.max_age_s, 2 * self.took_s), MOST_PATIENCE * config.max_age_s)

    def next_task(self, config: SinkConfig, now: float) -> Task:
        """Make the next batch from what waits; the claim that was found open, or as much as the limits allow."""
        size = self._redone(self.redo) if self.redo else self._fitting(config)
        messages, self.waiting = self.waiting[:size], self.waiting[size:]
        self.waiting_bytes = sum(map(len, self.waiting))
        self.since = self.begun_at = now
        claim = self.redo or Claim(self.position, messages[-1].offset())
        batch = make_batch(self.topic, self.partition, claim, messages)
        self.task = Task(batch, self.archived, Lease(config.lease_s), unsure=self.redo is not None)
        self.redo = None
        return self.task

    def claimed(self) -> TopicPartition:
        """Return the commit that claims the task's batch."""
        batch = self._batch()
        return TopicPartition(self.topic, self.partition, batch.claim.first, str(batch.claim))

    def confirmation(self) -> TopicPartition:
        """Return the commit that says that all up to `position` is stored."""
        return TopicPartition(self.topic, self.partition, self.position, "")

    def confirm(self, now: float) -> None:
        """All up to `position` is committed as stored; with a claim behind it or without."""
        if self.position > self.confirmed:
            self.confirmed, self.moved_at = self.position, now

    def stored(self, now: float) -> None:
        """The task is done."""
        self.position = self._batch().claim.last + 1
        self.took_s = now - self.begun_at
        self.task = self.future = None
        self.failures, self.trouble = 0, ""
        self.stored_at = now

    def failed(self, now: float, trouble: str, config: SinkConfig) -> None:
        """The task failed; it stays, for later."""
        self.future = None
        self.trouble = trouble
        self.retry_at = now + min(config.backoff_s * 2**self.failures, config.max_backoff_s)
        self.failures = min(self.failures + 1, 16)

    def _batch(self) -> Batch:
        """Return the task's batch."""
        if self.task is None:
            raise RuntimeError(f"{self.topic}/{self.partition}: no batch is on its way")
        return self.task.batch

    def _redone(self, claim: Claim) -> int:
        """Count the waiting messages that belong to a claim."""
        return sum(message.offset() <= claim.last for message in self.waiting)

    def _fitting(self, config: SinkConfig) -> int:
        """Count the waiting messages that fit into a batch, at least one."""
        if len(self.waiting) <= config.max_rows and self.waiting_bytes <= config.max_bytes:
            return len(self.waiting)
        size = 0
        for count, message in enumerate(self.waiting[: config.max_rows]):
            size += len(message)
            if size > config.max_bytes:
                return max(count, 1)
        return min(len(self.waiting), config.max_rows)
