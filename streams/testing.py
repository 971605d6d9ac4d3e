"""Peers in memory, and rules run without any broker: for tests of domains and of this package.

    outputs = run_handlers(catalog, handlers_of(agents), [event, …], topic="air-quality.reading")

runs the same derivation, state and dead letters as a worker does, only the carrying is left out.
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
    """What went through a memory producer, decoded."""

    topic: str
    key: str
    event: dict[str, Any]
    headers: dict[str, bytes]
    value: bytes


class MemoryProducer(EventProducer):
    """A door into a list. `fail(topic, reason)` makes deliveries to a topic fail from then on."""

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
        self._loose = DeliveryTracker()

    def fail(self, topic: str, reason: str | None) -> None:
        """Make deliveries to a topic fail for a reason, or succeed again."""
        self._failing.pop(topic, None)
        if reason is not None:
            self._failing[topic] = reason

    def send(self, record: ProducerRecord, deliveries: DeliveryTracker | None = None) -> None:
        """Keep a record, or count it as failed."""
        deliveries = deliveries or self._loose
        deliveries.expect()
        problem = self._failing.get(record.topic)
        if problem is None:
            self.records.append(record)
        deliveries.settle(record.topic, problem)

    def wait(self, deliveries: DeliveryTracker) -> None:
        """Raise DeliveryError if any of them failed."""
        deliveries.check()

    def flush(self) -> None:
        """Raise DeliveryError if any loose record failed since the last flush."""
        covered, self._loose = self._loose, DeliveryTracker()
        covered.check()

    def backlog(self) -> int:
        """Return 0: nothing waits here."""
        return 0

    def sent(self, topic: str | None = None) -> list[Sent]:
        """Return what was sent to catalogue topics, decoded with plain values, in order."""
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
    """A changelog in a dict of lists; share `log` between two to play a restart or a second owner."""

    def __init__(self, owner: str = "memory", log: defaultdict[int, list[Stored]] | None = None) -> None:
        self.owner = owner
        self.partitions: int | None = None
        self.log = defaultdict(list) if log is None else log

    def read(self, partition: int) -> Iterable[tuple[AnySubject, str, AnyEntry]]:
        """Return the last entry of each subject and owner that is not gone."""
        last = {(subject, owner): entry for subject, owner, entry in self.log[partition]}
        return [(*which, entry) for which, entry in last.items() if entry is not None]

    def write(self, partition: int, entries: Sequence[Stored], deliveries: DeliveryTracker) -> None:
        """Append entries."""
        del deliveries
        self.log[partition].extend(entries)


def record(topic: str, event: Mapping[str, Any], *, key: str = "", offset: int = 0) -> Record:
    """Make a record for calling a rule directly."""
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
    """Run the rules that read a topic over events, in order, as one partition; return what they sent.

    Args:
        catalog: Topics and schemas.
        handlers: Rules; those of other topics are left out.
        events: Whole events, envelope included, as `Producer.produce` takes them.
        topic: The topic they stand on.
        batch_size: Records in a batch; after each, the state is written and restored anew.
        metrics: Where to count.
        producer: Where outputs go; with it, events of a raw topic come in through it as well, personal fields in clear.
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

    A replay that was killed, or an agent upstream, sends some of its last events again, at new offsets. A rule must
    then give nothing, or what it gave before: the same ids with the same bytes.

    Raises:
        AssertionError: Naming the first output that is new or differs.
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
