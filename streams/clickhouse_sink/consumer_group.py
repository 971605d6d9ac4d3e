"""The consumer group as the sink's only memory: offsets, and claims in the metadata of their commits.

It promises: of every commit it tells whether Kafka has it, gave the partitions to another member
(`FencedError`), or may be asked again (`CommitFailedError`). No method waits for a Kafka that is away: while
one does, librdkafka's handle answers no other thread either. It leaves to the sink what is committed and
when.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.clickhouse_sink.batch import OffsetRange
from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.errors import SinkError, SinkStopError
from streams.clickhouse_sink.partition import Offsets, PartitionState, Times
from streams.errors import KafkaDownError

log = logging.getLogger("city.sink")
ASK_S: Final = 2.0
PATIENCE_S: Final = 30.0
_FENCED: Final = frozenset(
    (
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError._FENCED,  # noqa: SLF001 - librdkafka's public codes are spelled so
        KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001
    )
)
Told = Callable[["SinkError | None"], None]
_DENIED: Final = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)


class FencedError(SinkError):
    """Kafka does not take this member's commits any more."""


class CommitFailedError(SinkError):
    """Kafka did not take a commit, this time."""


class ConsumerGroup:
    """This process's membership in the group.

    Args:
        config: Settings.
        assigned: Told of the lanes that came.
        revoked: Told that all lanes go; a commit still works.
        lost: Told that all lanes are gone.
        stop: Once it is set, Kafka's answers are not waited for any more.

    Raises:
        KafkaDownError: Nothing answers.
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
        self._awaited: tuple[set[tuple[str, int, int]], Told] | None = None
        self._consumer = Consumer(self._settings())
        try:
            self._consumer.list_topics(timeout=config.connect_timeout_s)
        except KafkaException as error:
            self._consumer.close()
            raise KafkaDownError(config.kafka, config.connect_timeout_s, self.trouble) from error

    def join(self, topics: Sequence[str]) -> None:
        """Ask for partitions of these topics."""
        self._consumer.subscribe(
            list(topics),
            on_assign=self._on_assign,
            on_revoke=lambda *_: self._revoked(),
            on_lost=lambda *_: self._lost(),
        )

    def take(self, records: int, wait_s: float) -> list[Message]:
        """Return what has come, records only; what the callbacks are told comes from in here."""
        found: list[Message] = self._consumer.consume(records, wait_s)
        if found:
            self.trouble = ""
        if any(message.error() is not None for message in found):
            for message in found:
                self._look_at(message.error())
            return [message for message in found if message.error() is None]
        return found

    def commit(self, offsets: list[TopicPartition], told: Told) -> None:
        """Send a commit; one at a time.

        Args:
            offsets: What to commit, at most one place for each partition.
            told: Told from within `take` what came of it: nothing, `FencedError` or `CommitFailedError`.
        """
        self._awaited = ({(each.topic, each.partition, each.offset) for each in offsets}, told)
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            self._awaited = None
            told(_failure(error.args[0]))

    @property
    def committing(self) -> bool:
        """Whether a commit's outcome is not known yet."""
        return self._awaited is not None

    def forget_commit(self) -> None:
        """Whoever waits for the commit that was sent last is gone."""
        self._awaited = None

    def commit_now(self, offsets: list[TopicPartition]) -> None:
        """Commit and wait for it: for when the partitions are given back, and nothing can be taken meanwhile.

        Raises:
            SinkError: Kafka did not take it.
        """
        try:
            done = self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            raise _failure(error.args[0]) from None
        for each in done or ():
            if each.error is not None:
                raise _failure(each.error)

    def _on_commit(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        """A commit is done; tell whoever waits for it, unless it is an older one."""
        if self._awaited is None:
            return
        awaited, told = self._awaited
        if {(each.topic, each.partition, each.offset) for each in places} == awaited:
            self._awaited = None
            failed = next((each.error for each in places if each.error is not None), error)
            told(None if failed is None else _failure(failed))

    def hold(self, lane: PartitionState, held: bool) -> None:
        """Have Kafka hold back a partition's records, or send them again."""
        if lane.paused != held:
            place = [TopicPartition(lane.topic, lane.partition)]
            (self._consumer.pause if held else self._consumer.resume)(place)
            lane.paused = held

    def end(self, lane: PartitionState) -> int:
        """Return the end of a partition as far as it is known here; what is confirmed, if nothing is."""
        try:
            _, high = self._consumer.get_watermark_offsets(
                TopicPartition(lane.topic, lane.partition), cached=True
            )
        except KafkaException:
            return lane.offsets.confirmed
        return max(int(high), lane.offsets.confirmed)

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
            "auto.offset.reset": "earliest",
            "session.timeout.ms": int(config.session_timeout_s * 1000),
            "heartbeat.interval.ms": int(config.heartbeat_s * 1000),
            "topic.metadata.refresh.interval.ms": 10_000,
            "allow.auto.create.topics": False,
            "fetch.min.bytes": 1 << 18,  # the broker gathers: each fetch costs it more than the records in it
            "fetch.wait.max.ms": 200,
            "queued.max.messages.kbytes": 32_768,
            "log_level": 2,
            "error_cb": self._note,
            "on_commit": self._on_commit,
        }

    def _note(self, error: KafkaError) -> None:
        """Keep and say what librdkafka complains about, once."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN and not self.trouble:  # noqa: SLF001
            self.trouble = error.str()
            log.warning("Kafka at %s does not answer: the sink waits", self._config.kafka)

    def _look_at(self, error: KafkaError | None) -> None:
        """Stop on what will not go away by itself."""
        if error is None:
            return
        if error.fatal() or error.code() in _DENIED:
            raise SinkStopError(f"Kafka refuses the sink: {error.str()}")
        if error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            log.info("Kafka: %s", error.str())

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Find out where the group is in each partition, and what it was doing there."""
        known = self._patiently(lambda: consumer.committed(partitions, timeout=ASK_S))
        lanes = [self._lane(consumer, each) for each in known]
        consumer.assign(
            [
                TopicPartition(
                    lane.topic,
                    lane.partition,
                    lane.offsets.position if each.offset >= 0 else OFFSET_BEGINNING,
                )
                for lane, each in zip(lanes, known, strict=True)
            ]
        )
        self._assigned(lanes)

    def _lane(self, consumer: Consumer, known: TopicPartition) -> PartitionState:
        """Make the lane of a partition from the group's commit.

        Raises:
            SinkStopError: The commit does not fit the partition: it is another topic of the same name.
        """
        where = f"{known.topic}/{known.partition}"
        if known.error is not None:
            raise SinkStopError(f"{where}: Kafka does not tell where the group is: {known.error.str()}")
        place = TopicPartition(known.topic, known.partition)
        low, high = self._patiently(lambda: consumer.get_watermark_offsets(place, timeout=ASK_S))
        claim = OffsetRange.parse(known.metadata or "", where) if known.offset >= 0 else None
        reached = max(known.offset, claim.last + 1 if claim else 0)
        if reached > high:
            raise SinkStopError(
                f"{where}: group {self._config.group} has come to offset {reached}, but the topic ends at {high}: "
                "it was made anew; use the data directory that belongs to it, or delete the group's offsets and the "
                "topic's rows"
            )
        if claim is not None and claim.last < low:
            log.warning("%s: records %s were claimed and are gone from Kafka: nothing to redo", where, claim)
            claim = None
        if claim is not None:
            log.info("%s: redoing the open claim %s", where, claim)
        position = max(known.offset, low)
        offsets = Offsets.begin(position, claim)
        return PartitionState(known.topic, known.partition, offsets, Times(moved_at=time.monotonic()))

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """Ask Kafka until it answers; within a rebalance there is nothing else to do."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return ask()
            except KafkaException as error:
                if self._stop.is_set() or time.monotonic() > deadline:
                    reason = error.args[0].str()
                    raise SinkStopError(f"Kafka does not tell where the group is: {reason}") from error
                time.sleep(0.2)


def _failure(error: KafkaError) -> SinkError:
    """Say which kind of failure a commit's error is."""
    if error.code() in _FENCED:
        return FencedError(error.str())
    return CommitFailedError(error.str())
