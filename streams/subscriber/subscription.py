"""A subscriber's membership in its consumer group: events in order, each at least once.

- An event counts as handled once the caller calls `handled`. So a process that is killed earlier gets it again.
- Events of aborted transactions are never delivered.
- A topic, group or login that Kafka refuses raises one clear error. Kafka alone decides what the caller may read.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, Literal, Self, get_args

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from schemas.codec import SchemaSource
from schemas.names import own_group_prefix
from streams.consumer_settings import READ_COMMITTED
from streams.errors import KafkaDownError
from streams.subscriber.connection import Connection
from streams.subscriber.errors import (
    GroupRefusedError,
    LoginRefusedError,
    SubscriberError,
    TopicRefusedError,
)
from streams.subscriber.event import Event, read_event

Start = Literal["left-off", "beginning", "now"]
STARTS: Final[tuple[str, ...]] = get_args(Start)
REQUEST_S: Final = 10.0
"""Longest wait for Kafka's response, in seconds."""
SESSION_MS: Final = 10_000
"""Time for which a killed member still holds its partitions, in milliseconds."""
QUIET_S: Final = 4.0
"""Seconds without an event after which a reader says that it waits."""
_METADATA_S: Final = 1.0

log = logging.getLogger("streams.subscriber")


class QuietTimer:
    """Tells once, after some seconds without an event, that a reader waits."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew: an event has come."""
        self._due: float | None = time.monotonic() + QUIET_S

    def is_due(self) -> bool:
        """Return True the first time that nothing has come for `QUIET_S` seconds."""
        if self._due is None or time.monotonic() < self._due:
            return False
        self._due = None
        return True


class Subscription:
    """A member of a consumer group that reads topics; use it as a context manager.

    Args:
        connection: Address and login.
        schemas: Schemas by id: a catalogue, or `RegistrySchemas`.
        topics: Topics to read; none: every topic that Kafka shows this user.
        group: Consumer group, by default `<user>.reader`; its members share the partitions. Kafka refuses a
            name that does not begin with the user's own prefix.
        start: First offset: `left-off`: the group's committed offset, or the beginning if there is none;
            `beginning` and `now`: the beginning or the end, whatever the group has committed.

    Attributes:
        group: Consumer group.
        granted: Topics that Kafka shows this user.
        topics: Topics that are read.

    Raises:
        TopicRefusedError: Kafka refuses a topic to this user.
        LoginRefusedError: Kafka refuses the login.
        KafkaDownError: Kafka does not answer.
        SubscriberError: A topic does not exist.
    """

    def __init__(
        self,
        connection: Connection,
        schemas: SchemaSource,
        topics: Sequence[str] = (),
        *,
        group: str | None = None,
        start: Start = "left-off",
    ) -> None:
        self._connection = connection
        self._schemas = schemas
        self._start = start
        self.group = group or f"{own_group_prefix(connection.user)}reader"
        self._begins: dict[tuple[str, int], int | None] = {}
        self._refused_login = False
        self._last_error = ""
        self._consumer = Consumer(self._settings())
        try:
            self.granted = self._granted()
            self.topics = tuple(topics) or self.granted
            self._require(self.topics)
        except BaseException:
            self._consumer.close()
            raise
        self._consumer.subscribe(list(self.topics), on_assign=self._assigned)

    def poll(self, timeout_s: float = 1.0) -> Event | None:
        """Return the next event, or None if none comes in time.

        Args:
            timeout_s: Longest wait, in seconds.

        Raises:
            SubscriberError: Kafka now refuses a topic, group or login (a grant was removed), or the registry does not
                answer. In the latter case the next call returns the event.
        """
        message = self._consumer.poll(timeout_s)
        self._check_login()
        if message is None:
            return None
        error = message.error()
        if error is not None:
            self._raise_if_refused(error, message.topic())
            return None
        try:
            return read_event(message, self._schemas)
        except SubscriberError:
            self._seek_back(message)
            raise

    def __iter__(self) -> Iterator[Event]:
        """Yield events for ever. Call `handled` after each one. A wait is logged once, as a warning."""
        quiet = QuietTimer()
        while True:
            event = self.poll()
            if event is not None:
                quiet.reset()
                yield event
            elif quiet.is_due():
                log.warning('%s; start="beginning" reads everything', self.nothing_new())

    def nothing_new(self) -> str:
        """Return in words that nothing has come, and up to where this group has read."""
        places = []
        with suppress(KafkaException):
            assigned = self._consumer.assignment()
            places = [
                f"{each.topic}/{each.partition} offset {each.offset}"
                for each in self._consumer.committed(assigned, timeout=_METADATA_S)
                if each.offset >= 0
            ]
        where = f" since {', '.join(sorted(places)[:3])}" if places else f" in {', '.join(self.topics[:3])}"
        more = f" (and {len(places) - 3} partitions more)" if len(places) > 3 else ""
        return f"group {self.group}: nothing new{where}{more}, waiting"

    def handled(self, event: Event) -> None:
        """Mark this event, and all before it in its partition, as handled. Kafka commits that within a second."""
        position = event.position
        self._begins[position.topic, position.partition] = None
        try:
            self._consumer.store_offsets(
                offsets=[TopicPartition(position.topic, position.partition, position.offset + 1)]
            )
        except KafkaException as error:
            # Another member has the partition now and gets the event again.
            if error.args[0].code() != KafkaError._STATE:  # noqa: SLF001 - librdkafka's public code is spelled so
                raise

    def close(self) -> None:
        """Commit what was handled and leave the group."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _seek_back(self, message: Any) -> None:
        """Seek back to a message that was not delivered, so that `handled` of a later one does not cover it."""
        with suppress(KafkaException):  # the partition went to another member, which gets the message
            self._consumer.seek(TopicPartition(message.topic(), message.partition(), message.offset()))

    def _settings(self) -> dict[str, Any]:
        return {
            "session.timeout.ms": SESSION_MS,
            **self._connection.settings(),
            "group.id": self.group,
            "client.id": self._connection.user,
            **READ_COMMITTED,
            # Only what `handled` stored is committed, every second, at a rebalance and at the end.
            "enable.auto.commit": True,
            "auto.commit.interval.ms": 1000,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "latest" if self._start == "now" else "earliest",
            "log_level": 0,
            "error_cb": self._on_error,
        }

    def _on_error(self, error: KafkaError) -> None:
        self._last_error = str(error.str())
        self._refused_login |= error.code() == KafkaError._AUTHENTICATION  # noqa: SLF001

    def _check_login(self) -> None:
        if self._refused_login:
            raise LoginRefusedError(self._connection.user, self._connection.address)

    def _granted(self) -> tuple[str, ...]:
        """Return the topics that Kafka shows this user."""
        deadline = time.monotonic() + REQUEST_S
        while True:
            try:
                return tuple(sorted(self._consumer.list_topics(timeout=_METADATA_S).topics))
            except KafkaException as error:
                self._consumer.poll(0)  # runs the callback of a refused login
                self._check_login()
                if time.monotonic() > deadline:
                    where = self._connection.address
                    raise KafkaDownError(where, REQUEST_S, self._last_error) from error

    def _require(self, topics: Sequence[str]) -> None:
        """Look up each topic, so that a refused one raises before anything is read."""
        refused = []
        for topic in topics:
            try:
                found = self._consumer.list_topics(topic, timeout=REQUEST_S).topics.get(topic)
            except KafkaException as problem:
                raise KafkaDownError(
                    self._connection.address, REQUEST_S, str(problem.args[0].str())
                ) from problem
            if found is None:
                raise SubscriberError(f"{topic}: no such topic")
            error = found.error
            if error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                refused.append(topic)
            elif error is not None:
                raise SubscriberError(f"{topic}: {error.str()}")
        if refused or not topics:
            raise TopicRefusedError(self._connection.user, refused or ["anything"], self.granted)

    def _raise_if_refused(self, error: KafkaError, topic: str | None) -> None:
        """Raise the error of a refusal. On any other error the client retries by itself."""
        if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise TopicRefusedError(self._connection.user, [topic or "a topic"], self._granted())
        if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            raise GroupRefusedError(self._connection.user, self.group)
        if error.fatal() or error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise SubscriberError(f"{topic or self._connection.address}: {error.str()}")
        self._last_error = str(error.str())

    def _assigned(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        """Start at the caller's choice, until an event of the partition was handled."""
        if self._start == "left-off":
            return
        for each in partitions:
            partition = (each.topic, each.partition)
            if partition not in self._begins:
                self._begins[partition] = self._begin(consumer, each)
            begin = self._begins[partition]
            if begin is not None:
                each.offset = begin
        consumer.assign(partitions)

    def _begin(self, consumer: Any, partition: TopicPartition) -> int:
        if self._start == "beginning":
            return int(OFFSET_BEGINNING)
        return int(consumer.get_watermark_offsets(partition, timeout=REQUEST_S)[1])
