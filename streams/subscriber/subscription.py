"""A subscriber's membership in its consumer group: events in order, each at least once.

It promises: an event counts as handled when the caller says so (`handled`) and not before, so a process killed
while it handles gets the event again; aborted transactions are never seen; a topic, group or login that Kafka
refuses is one clear error that repeats Kafka's answer. What the caller may read is decided by Kafka alone.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, Literal, Self, get_args

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from schemas.codec import SchemaSource
from schemas.names import own_group_prefix
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
ASK_S: Final = 10.0
SESSION_MS: Final = 10_000
"""A member that was killed keeps its partitions from the others for this long, in milliseconds."""
_LOOK_S: Final = 1.0


class Subscription:
    """Reads topics as one member of a consumer group; use it as a context manager.

    Args:
        connection: Where and as whom.
        schemas: Knows the schemas by id: a catalogue, or `RegistrySchemas`.
        topics: Topics to read; none: every topic that Kafka shows this user.
        group: Consumer group, by default `<user>.reader`; its members share the partitions. Kafka refuses a
            name that does not begin with the user's own prefix.
        start: `left-off`: where the group left off, at first at the beginning; `beginning` and `now`: there,
            wherever the group left off.

    Raises:
        TopicRefusedError: Kafka does not let this user read a topic.
        LoginRefusedError: Kafka does not let this user in.
        KafkaDownError: Nothing answers.
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
        self._trouble = ""
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

        Raises:
            SubscriberError: Kafka refuses what it did not refuse before (a grant was taken away), or the registry
                does not answer; the event comes with the next call then.
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
            self._again(message)
            raise

    def __iter__(self) -> Iterator[Event]:
        """Yield events for ever; call `handled` for each one behind its handling."""
        while True:
            event = self.poll()
            if event is not None:
                yield event

    def handled(self, event: Event) -> None:
        """Say that this event, and all before it in its partition, need not come again; committed within a second."""
        place = event.position
        self._begins[place.topic, place.partition] = None
        try:
            self._consumer.store_offsets(
                offsets=[TopicPartition(place.topic, place.partition, place.offset + 1)]
            )
        except KafkaException as error:
            # Another member has the partition now, and gets the event again.
            if error.args[0].code() != KafkaError._STATE:  # noqa: SLF001 - librdkafka's public code is spelled so
                raise

    def close(self) -> None:
        """Commit what was handled and leave the group."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _again(self, message: Any) -> None:
        """Go back to a message that could not be handed out, so that `handled` of a later one does not cover it."""
        with suppress(KafkaException):  # the partition went to another member, which gets the message
            self._consumer.seek(TopicPartition(message.topic(), message.partition(), message.offset()))

    def _settings(self) -> dict[str, Any]:
        return {
            "session.timeout.ms": SESSION_MS,
            **self._connection.settings(),
            "group.id": self.group,
            "client.id": self._connection.user,
            "isolation.level": "read_committed",
            # Only what `handled` stored is committed, every second, at a rebalance and at the end.
            "enable.auto.commit": True,
            "auto.commit.interval.ms": 1000,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "latest" if self._start == "now" else "earliest",
            "log_level": 0,
            "error_cb": self._on_error,
        }

    def _on_error(self, error: KafkaError) -> None:
        self._trouble = str(error.str())
        self._refused_login |= error.code() == KafkaError._AUTHENTICATION  # noqa: SLF001

    def _check_login(self) -> None:
        if self._refused_login:
            raise LoginRefusedError(self._connection.user, self._connection.address)

    def _granted(self) -> tuple[str, ...]:
        """Return the topics that Kafka shows this user."""
        deadline = time.monotonic() + ASK_S
        while True:
            try:
                return tuple(sorted(self._consumer.list_topics(timeout=_LOOK_S).topics))
            except KafkaException as error:
                self._consumer.poll(0)  # serves the callback that tells of a refused login
                self._check_login()
                if time.monotonic() > deadline:
                    where = self._connection.address
                    raise KafkaDownError(where, ASK_S, self._trouble) from error

    def _require(self, topics: Sequence[str]) -> None:
        """Ask Kafka for each topic, so that a refused one is told before anything is read."""
        refused = []
        for topic in topics:
            try:
                error = self._consumer.list_topics(topic, timeout=ASK_S).topics[topic].error
            except KafkaException as problem:
                raise KafkaDownError(self._connection.address, ASK_S, str(problem.args[0].str())) from problem
            if error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                refused.append(topic)
            elif error is not None:
                raise SubscriberError(f"{topic}: {error.str()}")
        if refused or not topics:
            raise TopicRefusedError(self._connection.user, refused or ["anything"], self.granted)

    def _raise_if_refused(self, error: KafkaError, topic: str | None) -> None:
        """Raise what Kafka refuses; whatever else is wrong, the client tries again by itself."""
        if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise TopicRefusedError(self._connection.user, [topic or "a topic"], self._granted())
        if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            raise GroupRefusedError(self._connection.user, self.group)
        if error.fatal() or error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise SubscriberError(f"{topic or self._connection.address}: {error.str()}")
        self._trouble = str(error.str())

    def _assigned(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        """Begin where the caller said, until something of a partition was handled."""
        if self._start == "left-off":
            return
        for each in partitions:
            place = (each.topic, each.partition)
            if place not in self._begins:
                self._begins[place] = self._begin(consumer, each)
            begin = self._begins[place]
            if begin is not None:
                each.offset = begin
        consumer.assign(partitions)

    def _begin(self, consumer: Any, partition: TopicPartition) -> int:
        if self._start == "beginning":
            return int(OFFSET_BEGINNING)
        return int(consumer.get_watermark_offsets(partition, timeout=ASK_S)[1])
