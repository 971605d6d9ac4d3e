"""A replay of persons with all rules, in memory, and what of it is visible without any key."""

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from schemas.catalog import load_catalog
from schemas.codec import decode
from streams.agents import handlers_of
from streams.config import StreamsConfig
from streams.domains.health import agents
from streams.durable_files import create_once
from streams.metrics import Metrics
from streams.produce.deliveries import DeliveryTracker
from streams.record import ProducerRecord
from streams.replay.run import replay
from streams.state.store import PartitionStore
from streams.testing import MemoryChangelog, MemoryProducer
from streams.worker.rule_executor import RuleExecutor

CATALOG = load_catalog()
SECRET = bytes(range(32))
"""A fixed secret of a deployment: so pseudonyms, ids and the order are the same in every run of a test."""

RULES = (agents.MEASUREMENT, "platform.recording", agents.COHORT_ENTRY)
"""Topics whose rules run, in the order in which the data flow."""


@dataclass(frozen=True)
class Seen:
    """A record as who may read the topics sees it: in the order of arrival, without keys.

    Attributes:
        topic: Its topic.
        key: Its key.
        event: Its envelope and fields; personal fields as the bytes that they are.
        headers: Its headers.
        size: Bytes of its value.
    """

    topic: str
    key: str
    event: dict[str, Any]
    headers: tuple[tuple[str, bytes | None], ...]
    size: int

    @property
    def personal(self) -> tuple[int | None, ...]:
        """Lengths of the personal fields, None where the field is null."""
        values = (self.event[name] for name in CATALOG.topics[self.topic].schema.personal)
        return tuple(None if value is None else len(value) for value in values)


def place_secret(data: Path) -> None:
    """Give a new data directory the fixed secret."""
    create_once(data / "keys" / "deployment.secret", SECRET)


def run(data: Path, *paths: Path) -> list[Seen]:
    """Replay files of persons into a new data directory, run every rule of health, and return all records.

    Args:
        data: The data directory.
        paths: The files.
    """
    place_secret(data)
    config = StreamsConfig(data=data)
    producer = MemoryProducer(CATALOG, config)
    replay(config, CATALOG, paths, speed="max", stop=threading.Event(), open_producer=lambda *_: producer)
    for topic in RULES:
        _derive(producer, topic)
    return [_seen(each) for each in producer.records]


def _derive(producer: MemoryProducer, topic: str) -> None:
    handlers = [each for each in handlers_of(agents) if each.topic == topic]
    executor = RuleExecutor(CATALOG, topic, handlers, producer, Metrics())
    state = PartitionStore(MemoryChangelog(), 0, 0)
    state.restore()
    transaction, deliveries = state.begin(), DeliveryTracker()
    for offset, each in enumerate([each for each in producer.records if each.topic == topic]):
        raw = SimpleNamespace(topic=topic, partition=0, offset=offset, key=each.key, value=each.value,
                              headers=each.headers, timestamp=0)  # fmt: skip
        executor.derive(raw, transaction, deliveries)


def _seen(record: ProducerRecord) -> Seen:
    value = record.value or b""
    _, event = decode(value, CATALOG, raw=True)
    return Seen(record.topic, (record.key or b"").decode(), event, tuple(record.headers), len(value))


def of_topic(seen: Iterable[Seen], topic: str) -> list[Seen]:
    """Return the records of a topic."""
    return [each for each in seen if each.topic == topic]


def groups(seen: Sequence[Seen]) -> Counter[tuple[Any, ...]]:
    """Count the pseudonyms that look alike: by files, cycles, periods, times and number of their measurements."""
    looks: dict[str, list[tuple[Any, ...]]] = {}
    for each in of_topic(seen, agents.MEASUREMENT):
        event = each.event
        stream = event["source"].partition("#")[0]
        looks.setdefault(each.key, []).append(
            (stream, event["cycle"], event["period"], event["occurred_at"], each.personal, each.size)
        )
    return Counter(tuple(sorted(each)) for each in looks.values())
