"""In-memory producer and changelog, and rules without a broker, for tests of domains and of this package.

    outputs = run_handlers(catalog, handlers_of(agents), [event, …], topic="air-quality.reading")

runs the same derivation, state and dead letters as a worker, without Kafka.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from schemas.catalog import Catalog
from schemas.codec import decode, encode
from streams.agents import Handler, Record
from streams.config import StreamsConfig
from streams.metrics import Metrics
from streams.privacy.field_encryption import SubjectKeys
from streams.produce.deliveries import DeliveryTracker
from streams.produce.producer import EventProducer
from streams.record import ProducerRecord
from streams.signing.signer import Signer
from streams.state.entries import AnyEntry, AnySubject, Stored
from streams.state.store import PartitionStore
from streams.worker.rule_executor import RuleExecutor


class Sent(NamedTuple):
    """A record that a `MemoryProducer` took, decoded.

    Attributes:
        topic: Its topic.
        key: Its key as text.
        event: Envelope and fields as plain values.
        headers: Its headers by name.
        value: Its raw value.
    """

    topic: str
    key: str
    event: dict[str, Any]
    headers: dict[str, bytes]
    value: bytes


class MemoryProducer(EventProducer):
    """An event producer that appends records to a list.

    Args:
        catalog: Topics and schemas.
        config: Settings; None: a data directory below the system's temporary folder.
        keys: Keys of persons; None: those of the data directory.
        signer: Signs every record; None: no record is signed.

    Attributes:
        records: All records, in order.
    """

    def __init__(
        self,
        catalog: Catalog,
        config: StreamsConfig | None = None,
        keys: SubjectKeys | None = None,
        signer: Signer | None = None,
    ) -> None:
        config = config or StreamsConfig(data=Path(tempfile.gettempdir()) / "city-none")
        super().__init__(config, catalog, keys, signer)
        self.records: list[ProducerRecord] = []
        self._failing: dict[str, str] = {}
        self._untracked = DeliveryTracker()

    def fail(self, topic: str, reason: str | None) -> None:
        """Make deliveries to a topic fail for a reason, or succeed again with None."""
        self._failing.pop(topic, None)
        if reason is not None:
            self._failing[topic] = reason

    def send(self, record: ProducerRecord, deliveries: DeliveryTracker | None = None) -> None:
        """Append a record, or count it as failed."""
        deliveries = deliveries or self._untracked
        deliveries.expect()
        problem = self._failing.get(record.topic)
        if problem is None:
            self.records.append(record)
        deliveries.settle(record.topic, problem)

    def wait(self, deliveries: DeliveryTracker) -> None:
        """Check deliveries, which are already settled.

        Raises:
            DeliveryError: A record failed.
        """
        deliveries.check()

    def flush(self) -> None:
        """Check the records sent without a tracker since the last flush.

        Raises:
            DeliveryError: A record failed.
        """
        tracked, self._untracked = self._untracked, DeliveryTracker()
        tracked.check()

    def backlog(self) -> int:
        """Return 0, because no record waits."""
        return 0

    def sent(self, topic: str | None = None) -> list[Sent]:
        """Return the records of catalogue topics, decoded, in order.

        Args:
            topic: Only this topic; None: all.
        """
        return [
            Sent(
                each.topic,
                (each.key or b"").decode(),
                decode(each.value, self.catalog, raw=True)[1],
                dict(each.headers),
                each.value or b"",
            )
            for each in self.records
            if each.topic in self.catalog.topics and topic in (None, each.topic)
        ]


class MemoryChangelog:
    """A changelog in memory.

    Args:
        owner: Name of the process that writes.
        log: Entries by partition. Two changelogs that share it act as a restart or as a second owner.
    """

    def __init__(self, owner: str = "memory", log: defaultdict[int, list[Stored]] | None = None) -> None:
        self.owner = owner
        self.partitions: int | None = None
        self.entries_read = 0
        self.log = defaultdict(list) if log is None else log

    def read(self, partition: int) -> Iterable[tuple[AnySubject, str, AnyEntry]]:
        """Return the last entry of each subject and owner, without removed ones."""
        last = {(subject, owner): entry for subject, owner, entry in self.log[partition]}
        return [(*which, entry) for which, entry in last.items() if entry is not None]

    def write(self, partition: int, entries: Sequence[Stored], deliveries: DeliveryTracker) -> None:
        """Append entries to the log of a partition."""
        del deliveries
        self.log[partition].extend(entries)


def record(topic: str, event: Mapping[str, Any], *, key: str = "", offset: int = 0) -> Record:
    """Return a record for a direct call of a rule.

    Args:
        topic: Its topic.
        event: Envelope and fields as plain values.
        key: Its key.
        offset: Its offset.
    """
    return Record(topic, 0, offset, key, event)


def run_handlers(
    catalog: Catalog,
    handlers: Sequence[Handler],
    events: Iterable[Mapping[str, Any]],
    *,
    topic: str,
    batch_size: int = 1_000_000,
    metrics: Metrics | None = None,
    producer: MemoryProducer | None = None,
) -> list[Sent]:
    """Run the rules of a topic over events, in order, as one partition, and return the records that they sent.

    Args:
        catalog: Topics and schemas.
        handlers: Rules; those of other topics are ignored.
        events: Whole events, envelope included, as `EventProducer.produce` takes them.
        topic: Topic of the events.
        batch_size: Records in a batch. After each batch the state is written and restored.
        metrics: Counts; None: none are kept.
        producer: Takes the outputs. If it is given, events of a raw topic also pass through it, with personal fields in
            clear.
    """
    given, producer = producer, producer or MemoryProducer(catalog)
    begun = len(producer.sent())
    executor = RuleExecutor(
        catalog, topic, [each for each in handlers if each.topic == topic], producer, metrics or Metrics()
    )
    source = catalog.topics[topic]
    changelog = MemoryChangelog()
    prepared = [
        given.prepare(topic, event)
        if given is not None and source.kind == "raw"
        else ProducerRecord(topic, str(event[source.key]).encode(), encode(source.schema, event))
        for event in events
    ]
    raws = [
        SimpleNamespace(
            topic=topic,
            partition=0,
            offset=offset,
            key=each.key,
            value=each.value,
            headers=each.headers,
            timestamp=0,
        )
        for offset, each in enumerate(prepared)
    ]
    for begin in range(0, len(raws), batch_size):
        state = PartitionStore(changelog, 0, begin)
        state.restore()
        transaction = state.begin()
        deliveries = DeliveryTracker()
        for raw in raws[begin : begin + batch_size]:
            executor.derive(raw, transaction, deliveries)
        deliveries.check()
        state.write(transaction, begin, deliveries)
    executor.report()
    return producer.sent()[begun:]


def assert_repeats_change_nothing(
    catalog: Catalog,
    handlers: Sequence[Handler],
    events: Sequence[Mapping[str, Any]],
    *,
    topic: str,
    producer: MemoryProducer | None = None,
) -> None:
    """Check that events which stand on the topic twice change no fact (docs/identity.md#determinism).

    A replay that was killed, or an upstream agent, sends some of its last events again, at new offsets. Then a rule
    must derive nothing, or the same ids with the same bytes.

    Args:
        catalog: Topics and schemas.
        handlers: Rules.
        events: Whole events, envelope included.
        topic: Topic of the events.
        producer: As for `run_handlers`.

    Raises:
        AssertionError: An output is new or differs; the message names the first one.
    """
    want = {
        (each.topic, each.event["event_id"]): each.value
        for each in run_handlers(catalog, handlers, events, topic=topic, producer=producer)
    }
    for end in {1, len(events) // 3, len(events) // 2, len(events)}:
        for begin in {0, end // 2, max(0, end - 1)}:
            again = [*events[:end], *events[begin:end], *events[end:]]
            for each in run_handlers(
                catalog, handlers, again, topic=topic, batch_size=max(1, end), producer=producer
            ):
                if want.get((each.topic, each.event["event_id"])) != each.value:
                    raise AssertionError(
                        f"after events {begin} to {end - 1} came twice: another {each.topic}: {each.event}"
                    )
