"""A running ledger for tests: signer, witness and sink over a real Kafka, as threads or as processes."""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from infra.kafka.topics import await_leaders
from infra.ports import free_port
from ledger_sink.audit import run as audit
from ledger_sink.audit.stores import RowSummary
from ledger_sink.config import LedgerConfig, SealedTopic, SignerConfig, WitnessConfig
from ledger_sink.format.keys import own_witness_name
from ledger_sink.kafka_source import KafkaSource
from ledger_sink.sealing import sink
from ledger_sink.signer import server as signer
from ledger_sink.witness import server as witness
from tests.harness.waiting import eventually, patient
from tests.ledger_sink.summary import Summary, summarize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ledger_sink.record import Record

CITY = "test.example"


@dataclass
class Running:
    """One thing that runs until told to stop, in a thread; an error it ends with is kept."""

    work: Callable[[threading.Event], None]
    stop: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None

    def start(self) -> Running:
        """Begin."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def _run(self) -> None:
        try:
            self.work(self.stop)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._thread.is_alive()

    def end(self, within_s: float = patient(10)) -> None:
        """Tell it to stop, and wait until it has."""
        self.stop.set()
        self._thread.join(within_s)
        assert not self._thread.is_alive(), f"did not end within {within_s} s"


@dataclass
class Metrics:
    """Keeps what was emitted."""

    values: list[tuple[str, float, dict[str, str]]] = field(default_factory=list)

    def __call__(self, name: str, value: float, labels: Any) -> None:
        """Keep one figure."""
        self.values.append((name, value, dict(labels)))

    def of(self, name: str) -> list[float]:
        """All figures of one name."""
        return [value for found, value, _ in self.values if found == name]


@contextlib.contextmanager
def warnings_of(logger: logging.Logger) -> Iterator[list[str]]:
    """Collect what a logger warns of, as operators read it."""
    told: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    try:
        yield told
    finally:
        logger.removeHandler(handler)


class Ledger:
    """One ledger's processes and its topics."""

    def __init__(self, root: Path, kafka: str, topics: dict[str, int]) -> None:
        self.root = root
        ports = free_port(), free_port()
        self.config = LedgerConfig(
            root,
            kafka,
            CITY,
            tuple(SealedTopic(name, partitions) for name, partitions in topics.items()),
            f"http://127.0.0.1:{ports[0]}",
            witness_urls=(f"http://127.0.0.1:{ports[1]}",),
            interval_s=0.2,
        )
        self.signer_config = SignerConfig(root, CITY, port=ports[0])
        self.witness_config = WitnessConfig(
            root / "witness", own_witness_name(CITY), root / "ledger" / "keys.txt", port=ports[1]
        )
        self.metrics = Metrics()
        self._producer = Producer({"bootstrap.servers": kafka, "linger.ms": 20})
        self._admin = AdminClient({"bootstrap.servers": kafka})
        for name, partitions in topics.items():
            self.create(name, partitions)

    def create(self, topic: str, partitions: int) -> None:
        """Create a topic."""
        settings = {"message.timestamp.type": "LogAppendTime"}
        (made,) = self._admin.create_topics([NewTopic(topic, partitions, 1, config=settings)]).values()
        made.result(20)
        await_leaders(self._admin, {topic: partitions})

    def delete(self, topic: str) -> None:
        """Delete a topic and wait until it is gone."""
        (gone,) = self._admin.delete_topics([topic]).values()
        gone.result(20)
        eventually(lambda: topic not in self._admin.list_topics(timeout=10).topics, f"{topic} is gone")

    def produce(self, topic: str, partition: int, count: int, tag: str = "") -> None:
        """Send records and wait for their delivery."""
        for number in range(count):
            self._producer.produce(
                topic, f"{tag}{number}".encode(), f"k{number % 7}", partition, headers=[("n", str(number))]
            )
            self._producer.poll(0)
        assert self._producer.flush(30) == 0

    def signer(self) -> Running:
        """Start the signer."""
        return Running(lambda stop: signer.run(self.signer_config, stop)).start()

    def witness(self) -> Running:
        """Start the witness."""
        return Running(lambda stop: witness.run(self.witness_config, stop)).start()

    def sink(self) -> Running:
        """Start the sink in a thread."""
        return Running(lambda stop: sink.run(self.config, stop, self.metrics)).start()

    def sink_process(self) -> subprocess.Popen[bytes]:
        """Start the sink as a process of its own."""
        description = json.dumps(
            [str(self.root), self.config.kafka, [[t.name, t.partitions] for t in self.config.topics],
             self.config.signer_url, list(self.config.witness_urls)]
        )  # fmt: skip
        program = [sys.executable, "-m", "tests.ledger_sink.sink_process", description]
        return subprocess.Popen(program, cwd=Path(__file__).parents[2])

    def summary(self) -> Summary:
        """How far the ledger is."""
        return summarize(self.config)

    def wait_covered(self, sealed: dict[str, int], within_s: float = 40.0) -> None:
        """Wait until that many records are sealed and a cosigned city checkpoint covers all."""

        def done() -> bool:
            now = self.summary()
            return now.sealed == sealed and not now.uncovered and now.city[0] > 0

        eventually(done, lambda: f"{sealed} are sealed and covered, got {self.summary()}", within_s=within_s)

    def rows(self, topic: str, partition: int, first: int) -> Iterator[Record]:
        """What Kafka has, standing in for the archive where that is not the test's matter."""
        source = KafkaSource(self.config, group="test-archive")
        try:
            low, high = source.watermarks(topic, partition)
            yield from source.records(topic, partition, max(low, first), high)
        finally:
            source.close()

    def ends(self) -> dict[tuple[str, int], int]:
        """Where each partition ends."""
        source = KafkaSource(self.config, group="test-archive")
        try:
            partitions = [(t.name, p) for t in self.config.topics for p in range(t.partitions)]
            return {each: high for each, (_, high) in source.all_watermarks(partitions).items()}
        finally:
            source.close()

    def summaries(self, before: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], RowSummary]:
        """How many of them lie before an offset."""
        return {
            (topic, partition): RowSummary(
                sum(record.offset < end for record in self.rows(topic, partition, 0))
            )
            for (topic, partition), end in before.items()
        }

    def audit(self) -> audit.AuditResult:
        """Audit the settled ledger."""
        return audit.run(self.config, archive=self)

    def lag(self, topic: str, partition: int) -> int:
        """End offset minus the group's committed offset."""
        source = KafkaSource(self.config)
        try:
            _, high = source.watermarks(topic, partition)
            return high - source.committed([(topic, partition)])[topic, partition]
        finally:
            source.close()
