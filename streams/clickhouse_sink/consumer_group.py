"""The sink's membership in the consumer group. The group's offsets and commit metadata are the sink's only state.

It reports of every commit whether Kafka took it, gave the partitions to another member (`FencedError`), or failed this
time (`CommitFailedError`). No method waits for an absent Kafka: while one waits, librdkafka's handle answers no other
thread. The sink decides what is committed and when.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.clickhouse_sink.batch import OffsetRange, replay_before
from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.errors import SinkError, SinkStopError
from streams.clickhouse_sink.partition import Offsets, PartitionState, Times
from streams.consumer_settings import READ_COMMITTED
from streams.errors import KafkaDownError

log = logging.getLogger("city.sink")
ASK_S: Final = 2.0
FETCH_WAIT_S: Final = 0.4
"""Longest time that Kafka gathers records for a fetch."""
ASK_DEADLINE_S: Final = 30.0
_FENCED: Final = frozenset(
    (
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError._FENCED,  # noqa: SLF001 - librdkafka's public codes are spelled so
        KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001
    )
)
CommitOutcome = Callable[["SinkError | None"], None]
_DENIED: Final = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)


class Taken(NamedTuple):
    """What one poll brought.

    Attributes:
        messages: Records.
        ends: Offset before which nothing is left to read, of partitions whose end was reached. It lies behind control
            records, aborted records, and what compaction removed.
    """

    messages: list[Message]
    ends: dict[tuple[str, int], int]


class FencedError(SinkError):
    """Kafka refuses this member's commits: another member has the partitions."""


class CommitFailedError(SinkError):
    """Kafka did not take a commit. It may be sent again."""


class ConsumerGroup:
    """This process's membership in the group.

    Args:
        config: Settings.
        assigned: Called with the assigned partitions.
        revoked: Called before all partitions are taken away. A commit still works.
        lost: Called after all partitions were taken away.
        stop: Once it is set, Kafka's answers are not awaited any more.

    Attributes:
        trouble: Why Kafka does not answer. Empty while it does.

    Raises:
        KafkaDownError: Kafka does not answer.
    """

    def __init__(
        self,
        config: SinkConfig,
        assigned: Callable[[Sequence[PartitionState]], None],
        revoked: Callable[[], None],
        lost: Callable[[], None],
        stop: threading.Event,
    ) -> None:
        self._config = config
        self._stop = stop
        self._assigned = assigned
        self._revoked = revoked
        self._lost = lost
        self.trouble = ""
        self._awaited: tuple[set[tuple[str, int, int]], CommitOutcome] | None = None
        self._consumer = Consumer(self._settings())
        try:
            self._consumer.list_topics(timeout=config.connect_timeout_s)
        except KafkaException as error:
            self._consumer.close()
            raise KafkaDownError(config.kafka, config.connect_timeout_s, self.trouble) from error

    def join(self, topics: Sequence[str]) -> None:
        """Subscribe to these topics."""
        self._consumer.subscribe(
            list(topics),
            on_assign=self._on_assign,
            on_revoke=lambda *_: self._revoked(),
            on_lost=lambda *_: self._lost(),
        )

    def take(self, records: int, wait_s: float) -> Taken:
        """Return what has arrived. All callbacks are called from within this method.

        Args:
            records: Most records to return.
            wait_s: Longest wait for them, in seconds.

        Raises:
            SinkStopError: Kafka refuses the sink.
        """
        found: list[Message] = self._consumer.consume(records, wait_s)
        ends: dict[tuple[str, int], int] = {}
        if found:
            self.trouble = ""
        if any(message.error() is not None for message in found):
            for message in found:
                error = message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                    ends[message.topic(), message.partition()] = message.offset()
                else:
                    self._check_error(error)
            found = [message for message in found if message.error() is None]
        return Taken(found, ends)

    def commit(self, offsets: list[TopicPartition], on_outcome: CommitOutcome) -> None:
        """Send a commit. Only one is awaited at a time.

        Args:
            offsets: What to commit, at most one offset for each partition.
            on_outcome: Called from within `take` with None, `FencedError` or `CommitFailedError`.
        """
        self._awaited = ({(each.topic, each.partition, each.offset) for each in offsets}, on_outcome)
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            self._awaited = None
            on_outcome(_failure(error.args[0]))

    @property
    def committing(self) -> bool:
        """True while a commit's outcome is awaited."""
        return self._awaited is not None

    def forget_commit(self) -> None:
        """Stop awaiting the last commit's outcome."""
        self._awaited = None

    def commit_now(self, offsets: list[TopicPartition]) -> None:
        """Commit and wait for the outcome. For a revocation, while no records can be taken.

        Raises:
            SinkError: Kafka did not take the commit.
        """
        try:
            done = self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            raise _failure(error.args[0]) from None
        for each in done or ():
            if each.error is not None:
                raise _failure(each.error)

    def _on_commit(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        """Report a commit's outcome to its callback, unless a newer commit is awaited."""
        if self._awaited is None:
            return
        awaited, on_outcome = self._awaited
        if {(each.topic, each.partition, each.offset) for each in offsets} == awaited:
            self._awaited = None
            failed = next((each.error for each in offsets if each.error is not None), error)
            on_outcome(None if failed is None else _failure(failed))

    def hold(self, state: PartitionState, held: bool) -> None:
        """Pause or resume the fetches of a partition."""
        if state.paused != held:
            partition = [TopicPartition(state.topic, state.partition)]
            (self._consumer.pause if held else self._consumer.resume)(partition)
            state.paused = held

    def stable_end(self, state: PartitionState) -> int | None:
        """Ask for the last stable offset of a partition; None if Kafka does not answer."""
        partition = TopicPartition(state.topic, state.partition)
        try:
            return int(self._consumer.get_watermark_offsets(partition, timeout=ASK_S)[1])
        except KafkaException:
            return None

    def end(self, state: PartitionState) -> int:
        """Return the last known end offset of a partition, or the confirmed offset if none is known.

        librdkafka keeps the high watermark, which also counts what an open transaction holds back.
        """
        try:
            _, high = self._consumer.get_watermark_offsets(
                TopicPartition(state.topic, state.partition), cached=True
            )
        except KafkaException:
            return state.offsets.confirmed
        return max(int(high), state.offsets.confirmed)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _settings(self) -> dict[str, Any]:
        config = self._config
        return {
            "bootstrap.servers": config.kafka,
            "client.id": "city-sink",
            "group.id": config.group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            **READ_COMMITTED,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": int(config.session_timeout_s * 1000),
            "heartbeat.interval.ms": int(config.heartbeat_s * 1000),
            "topic.metadata.refresh.interval.ms": 10_000,
            "allow.auto.create.topics": False,
            "fetch.min.bytes": 1 << 18,  # a fetch costs the broker more than its records do
            "fetch.wait.max.ms": int(FETCH_WAIT_S * 1000),
            "queued.max.messages.kbytes": 32_768,
            "log_level": 2,
            "error_cb": self._note,
            "on_commit": self._on_commit,
        }

    def _note(self, error: KafkaError) -> None:
        """Log once that no broker answers, and keep the reason."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN and not self.trouble:  # noqa: SLF001
            self.trouble = error.str()
            log.warning("Kafka at %s does not answer: the sink waits", self._config.kafka)

    def _check_error(self, error: KafkaError | None) -> None:
        """Raise SinkStopError on errors that do not pass by themselves."""
        if error is None:
            return
        if error.fatal() or error.code() in _DENIED:
            raise SinkStopError(f"Kafka refuses the sink: {error.str()}")
        if error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            log.info("Kafka: %s", error.str())

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Read the group's offset and open claim of each partition, and continue there."""
        known = self._ask_until_answered(lambda: consumer.committed(partitions, timeout=ASK_S))
        states = [self._partition_state(consumer, each) for each in known]
        consumer.assign(
            [
                TopicPartition(
                    state.topic,
                    state.partition,
                    state.offsets.position if each.offset >= 0 else OFFSET_BEGINNING,
                )
                for state, each in zip(states, known, strict=True)
            ]
        )
        self._assigned(states)

    def _partition_state(self, consumer: Consumer, known: TopicPartition) -> PartitionState:
        """Return the state of a partition from the group's commit.

        Raises:
            SinkStopError: The committed offset exceeds the partition's end: the topic was made anew under its name.
        """
        where = f"{known.topic}/{known.partition}"
        if known.error is not None:
            raise SinkStopError(f"{where}: Kafka does not tell where the group is: {known.error.str()}")
        partition = TopicPartition(known.topic, known.partition)
        low, high = self._ask_until_answered(lambda: consumer.get_watermark_offsets(partition, timeout=ASK_S))
        replay_until = replay_before(known.metadata or "")
        claim = (
            OffsetRange.parse(known.metadata or "", where) if known.offset >= 0 and not replay_until else None
        )
        reached = max(known.offset, claim.last + 1 if claim else 0)
        if reached > high:
            raise SinkStopError(
                f"{where}: group {self._config.group} has come to offset {reached}, but the topic ends at {high}: "
                "it was made anew or lost records; put Kafka's newest files back, or restore the whole city: "
                "city restore BACKUP --data NEW"
            )
        if claim is not None and claim.last < low:
            log.warning(
                "%s: records %s were claimed and are gone from Kafka: nothing to replay", where, claim
            )
            claim = None
        if claim is not None:
            log.info("%s: replaying the open claim %s", where, claim)
        position = max(known.offset, low)
        offsets = Offsets.begin(position, claim, replay_until)
        return PartitionState(known.topic, known.partition, offsets, Times())

    def _ask_until_answered(self, ask: Callable[[], Any]) -> Any:
        """Repeat a request until Kafka answers. Nothing else can be done within a rebalance."""
        deadline = time.monotonic() + ASK_DEADLINE_S
        while True:
            try:
                return ask()
            except KafkaException as error:
                if self._stop.is_set() or time.monotonic() > deadline:
                    reason = error.args[0].str()
                    raise SinkStopError(f"Kafka does not tell where the group is: {reason}") from error
                time.sleep(0.2)


def _failure(error: KafkaError) -> SinkError:
    """Return the sink's error for a commit's Kafka error."""
    if error.code() in _FENCED:
        return FencedError(error.str())
    return CommitFailedError(error.str())
