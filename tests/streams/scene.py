"""A scene for tests with real workers: fresh probe topics, ticks, processes that are killed, and what came of it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, Self

import orjson
from confluent_kafka import Consumer, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from infra.kafka.topics import await_leaders
from schemas.codec import decode
from schemas.names import topic_name
from streams.config import StreamsConfig
from streams.identity.event_ids import Rule, derived_id, device_id, device_salt
from streams.produce.kafka import Producer
from streams.state.changelog import KafkaChangelog
from streams.state.store import PartitionStore
from tests.harness.waiting import eventually, patient
from tests.streams.probe import EVENTS, expected_totals, probe_catalog, tick
from tests.streams.worker.process import probe_config

LASTING = ("platform.source-key", "platform.sequence-gap")
SUBJECTS = tuple(f"s{number}" for number in range(10))
ROOT = Path(__file__).parents[2]


@dataclass
class Worker:
    """A worker process and what it says."""

    process: subprocess.Popen[bytes]
    log: Path

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """End it as a power cut does."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, within_s: float = patient(10)) -> int:
        """End it as an operator does; return its status."""
        self.signal(signal.SIGTERM)
        return self.process.wait(within_s)

    @property
    def said(self) -> str:
        """What it wrote."""
        return self.log.read_text()


@dataclass
class Scene:
    """The probe domain under a name of its own, so that its topics are new; and a group of its own."""

    kafka: str
    data: Path
    partitions: int = 2
    group: str = field(default_factory=lambda: f"probe-{token_hex(4)}")
    domain: str = field(default_factory=lambda: f"probe{token_hex(4)}")
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Name the topics."""
        self.topics = tuple(topic_name(self.domain, event) for event in EVENTS)
        self.tick, self.echo, self.total, self.dead, self.secret = self.topics
        self.catalog = probe_catalog(self.domain)

    def __enter__(self) -> Self:
        self.admin = AdminClient({"bootstrap.servers": self.kafka})
        self.create()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            with contextlib.suppress(ProcessLookupError):
                worker.signal(signal.SIGCONT)
                worker.signal(signal.SIGKILL)
            worker.process.wait()

    @property
    def config(self) -> StreamsConfig:
        """Settings as the workers have them."""
        return probe_config(self.kafka, self.data, self.group)

    def start(self, **options: float) -> Worker:
        """Start a worker process."""
        log = self.data / f"worker-{len(self.workers)}.log"
        arguments = [f"{name}={value}" for name, value in options.items()]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.streams.worker.process",
                    self.kafka,
                    self.data,
                    self.group,
                    *arguments,
                ],
                cwd=ROOT,
                env={**os.environ, "PROBE_DOMAIN": self.domain},
                stdout=out,
                stderr=out,
            )
        self.workers.append(Worker(process, log))
        return self.workers[-1]

    def produce(self, first: int, last: int) -> None:
        """Send ticks `first` … `last - 1` of every subject, in turns."""
        with Producer(self.config, self.catalog) as door:
            for number in range(first, last):
                for subject in SUBJECTS:
                    door.produce(self.tick, tick(subject, number))

    def produce_secrets(self, count: int) -> list[dict[str, Any]]:
        """Send events to the topic that is read record by record; return them."""
        head = {"source": "device:1", "occurred_at": 1, "subject": "anna"}
        events = [{"event_id": device_id(), "salt": device_salt(), **head} for _ in range(count)]
        with Producer(self.config, self.catalog) as door:
            for event in events:
                door.produce(self.secret, event)
        return events

    def lag(self) -> int:
        """Return how many ticks the group has not committed."""
        return sum(end - committed for committed, end in self._offsets())

    def committed(self) -> int:
        """Return how many ticks the group has committed."""
        return sum(committed for committed, _ in self._offsets())

    def wait(self, what: Callable[[], bool], within_s: float = 40.0, every_s: float = 0.1) -> None:
        """Wait until something holds; fail with what the workers said if it does not."""

        def said() -> str:
            return "\n".join(f"[{each.log.name}, {each.process.poll()}] {each.said}" for each in self.workers)

        eventually(what, said, within_s=within_s, every_s=every_s)

    def drained(self) -> bool:
        """Whether nothing is left to do."""
        return self.lag() == 0

    def read(self, topic: str) -> list[tuple[str, dict[str, Any], dict[str, bytes], bytes]]:
        """Return everything that stands on a topic: key, event, headers, value."""
        catalog, found = self.catalog, []
        for message in self._messages(topic):
            value = bytes(message.value())
            headers = dict(message.headers() or ())
            found.append((message.key().decode(), decode(value, catalog, raw=True)[1], headers, value))
        return found

    def totals(self) -> dict[str, tuple[int, str]]:
        """Return the distinct totals; a repeat that differs from its first is an error."""
        values: dict[str, bytes] = {}
        found = {}
        for _, event, _, value in self.read(self.total):
            assert values.setdefault(event["event_id"], value) == value, "a repeat differs"
            found[event["event_id"]] = (event["count"], event["chain"])
        return found

    def echoes(self) -> set[str]:
        """Return the ids of the distinct echoes."""
        return {event["event_id"] for _, event, _, _ in self.read(self.echo)}

    def states(self) -> dict[str, tuple[int, str]]:
        """Return what a worker that starts now would remember: (count, chain) by subject."""
        with Producer(self.config, self.catalog) as door:
            changelog = KafkaChangelog(self.config, door, self.tick, "reader")
            found = {}
            for number in range(self.partitions):
                state = PartitionStore(changelog, number, 1)
                state.restore()
                for subject, entry in state.entries().items():
                    value = orjson.loads(entry.state)
                    found[subject.key] = (value["count"], value["chain"])
            return found

    def members(self) -> int:
        """Return how many workers of the group have partitions."""
        told = self.admin.describe_consumer_groups([self.group])[self.group].result()
        return sum(bool(each.assignment.topic_partitions) for each in told.members)

    def limit(self, topic: str, largest_bytes: int) -> None:
        """Have Kafka refuse records of a topic above a size."""
        entry = ConfigEntry(
            "max.message.bytes", str(largest_bytes), incremental_operation=AlterConfigOpType.SET
        )
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        self.admin.incremental_alter_configs([resource])[resource].result()

    def expect(self, ticks: int, beside: AbstractSet[str] = frozenset()) -> None:
        """Check that what was derived is what `ticks` ticks of each subject give: nothing lost, nothing else.

        Args:
            ticks: Ticks of each subject.
            beside: Ids of echoes that come of other topics.
        """
        totals: dict[str, tuple[int, str]] = {}
        last = {}
        for subject in SUBJECTS:
            of_subject = expected_totals(subject, ticks)
            totals |= of_subject
            last[subject] = list(of_subject.values())[-1]
        assert self.totals() == totals
        assert self.echoes() == echo_ids(ticks) | beside
        assert self.states() == last

    def create(self) -> None:
        """Create the topics; those of the platform stay once they are there."""
        for future in self._create(LASTING).values():
            with contextlib.suppress(KafkaException):
                future.result()
        for future in self._create(self.topics).values():
            future.result()
        eventually(self._known, "created topics appear", every_s=0.05)
        await_leaders(self.admin, dict.fromkeys(self.topics, self.partitions))

    def recreate(self, topic: str) -> None:
        """Delete a topic and create it anew."""
        self.admin.delete_topics([topic])[topic].result()

        def created() -> bool:
            with contextlib.suppress(KafkaException):
                self._create([topic])[topic].result()
                return True
            return False

        eventually(created, f"{topic} is created", every_s=0.05)
        eventually(self._known, "created topics appear", every_s=0.05)
        await_leaders(self.admin, {topic: self.partitions})

    def _create(self, topics: Iterable[str]) -> Any:
        return self.admin.create_topics([NewTopic(name, self.partitions, 1) for name in topics])

    def _known(self) -> bool:
        """Whether the broker knows what the controller created."""
        try:
            told = [
                each.result()
                for each in self.admin.describe_topics(TopicCollection([*self.topics, *LASTING])).values()
            ]
        except KafkaException:
            return False
        return all(len(each.partitions) == self.partitions for each in told)

    def _messages(self, topic: str) -> Iterator[Any]:
        with self._client() as client:
            left, places = 0, []
            for number in range(self.partitions):
                begin, end = client.get_watermark_offsets(TopicPartition(topic, number), timeout=5)
                places.append(TopicPartition(topic, number, begin))
                left += end - begin
            client.assign(places)
            deadline = time.monotonic() + 20
            while left:
                assert time.monotonic() < deadline, f"{topic}: {left} records did not come"
                messages = [each for each in client.consume(left, timeout=0.05) if each.error() is None]
                left -= len(messages)
                yield from messages

    def _offsets(self) -> list[tuple[int, int]]:
        """Return committed and end offset of each partition; waits for the group's coordinator."""
        places = [TopicPartition(self.tick, number) for number in range(self.partitions)]
        with self._client() as client:

            def committed() -> Any:
                with contextlib.suppress(KafkaException):
                    return client.committed(places, timeout=5)

            found = eventually(committed, "the group has a coordinator")
            ends = [client.get_watermark_offsets(each, timeout=5)[1] for each in places]
            return [(max(each.offset, 0), end) for each, end in zip(found, ends, strict=True)]

    @contextlib.contextmanager
    def _client(self) -> Iterator[Any]:
        client = Consumer(
            {"bootstrap.servers": self.kafka, "group.id": self.group, "enable.auto.commit": False}
        )
        try:
            yield client
        finally:
            client.close()


def echo_ids(ticks: int) -> set[str]:
    """Return the ids of the echoes of `ticks` ticks of each subject."""
    rule = Rule("probe-echo", 1)
    return {
        derived_id([tick(subject, number)["event_id"]], rule)
        for subject in SUBJECTS
        for number in range(ticks)
    }
