"""Kafka → sealed, covered, shown: the whole ledger over a real broker, killed, stopped and cheated."""

from __future__ import annotations

import random
import signal
import time
import uuid
from typing import TYPE_CHECKING

import pytest

from ledger_sink.errors import LogStoppedError, StoreFullError
from ledger_sink.format.layout import POLICY
from ledger_sink.kafka_source import KafkaSource
from ledger_sink.log.epochs import new_epoch
from ledger_sink.prove.record import prove
from ledger_sink.verifier.evidence import check_evidence
from ledger_sink.verifier.trust import load_trust
from tests.harness.waiting import eventually
from tests.ledger_sink.running import Ledger, Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def topic_of(name: str) -> str:
    """A topic of this test alone."""
    return f"{name}.{uuid.uuid4().hex[:8]}"


@pytest.fixture
def peers() -> Iterator[list[Running]]:
    """Whatever a test puts in here is ended after it."""
    running: list[Running] = []
    yield running
    for one in reversed(running):
        one.stop.set()
    for one in reversed(running):
        one.end()


def test_everything_in_kafka_is_sealed_covered_and_shown(
    kafka: str, tmp_path: Path, peers: list[Running]
) -> None:
    """Records of two topics: leaves, blocks, cosignatures, committed offsets; audit and a bundle pass."""
    air, alert = topic_of("air"), topic_of("alert")
    ledger = Ledger(tmp_path, kafka, {air: 2, alert: 1})
    ledger.produce(air, 0, 700)
    ledger.produce(air, 1, 5)
    peers += [ledger.signer(), ledger.witness(), ledger.sink()]
    ledger.wait_covered({air: 705, alert: 0})
    ledger.produce(alert, 0, 40)
    ledger.wait_covered({air: 705, alert: 40})
    eventually(lambda: ledger.lag(air, 0) == ledger.lag(alert, 0) == 0, "the group shows no lag")
    summary = ledger.summary()
    assert (len(summary.logs), summary.cosignatures, summary.stopped) == (3, 1, {})
    peers[2].end()
    assert peers[2].error is None
    result = ledger.audit()
    assert (result.verdict, result.problems) == ("pass", [])
    assert sum(ledger.metrics.of("ledger_sealed_leaves")) == 745 + 3
    assert all(0 < value < 60_000 for value in ledger.metrics.of("ledger_seal_latency_ms"))
    bundle = prove_one(ledger, air, 0, 321)
    verdict = check_evidence("bundle", bundle, load_trust(ledger.config.ledger / POLICY, [], []))
    assert verdict.passed, verdict.text()


def prove_one(ledger: Ledger, topic: str, partition: int, offset: int) -> bytes:
    """Make a bundle, the record taken from Kafka."""
    source = KafkaSource(ledger.config, group="test-prover")
    try:
        return prove(
            ledger.config,
            topic,
            partition,
            offset,
            fetch=lambda t, p, o: next(source.records(t, p, o, o + 1), None),
            wait_s=5,
        )
    finally:
        source.close()


def test_a_killed_sink_goes_on_where_it_was(kafka: str, tmp_path: Path, peers: list[Running]) -> None:
    """SIGKILL five times while records come: no record twice, none missing, and the audit passes."""
    air = topic_of("air")
    ledger = Ledger(tmp_path, kafka, {air: 2})
    peers += [ledger.signer(), ledger.witness()]
    dice = random.Random(5)
    for lap in range(5):
        with ledger.sink_process() as process:
            for partition in range(2):
                ledger.produce(air, partition, 300, f"{lap}-")
            time.sleep(0.5 + dice.random())
            process.kill()
    peers.append(ledger.sink())
    ledger.wait_covered({air: 3000})
    peers[-1].end()
    result = ledger.audit()
    assert (result.verdict, result.problems) == ("pass", [])


def test_a_stopped_sink_keeps_its_logs_and_harms_nothing_when_continued(
    kafka: str, tmp_path: Path, peers: list[Running]
) -> None:
    """SIGSTOP: a second sink is refused by the lock; SIGCONT: the first one goes on; roots are undisturbed."""
    air = topic_of("air")
    ledger = Ledger(tmp_path, kafka, {air: 1})
    ledger.produce(air, 0, 50)
    peers += [ledger.signer(), ledger.witness()]
    with ledger.sink_process() as process:
        try:
            ledger.wait_covered({air: 50})
            process.send_signal(signal.SIGSTOP)
            ledger.produce(air, 0, 50)
            with ledger.sink_process() as second:
                assert second.wait(30) == 1
            process.send_signal(signal.SIGCONT)
            ledger.wait_covered({air: 100})
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            process.kill()
    assert ledger.audit().problems == []


def test_sealing_goes_on_without_the_signer(kafka: str, tmp_path: Path, peers: list[Running]) -> None:
    """With the signer away states grow and nothing is published; when it comes everything is."""
    air = topic_of("air")
    ledger = Ledger(tmp_path, kafka, {air: 1})
    ledger.produce(air, 0, 60)
    peers += [ledger.witness(), ledger.sink()]
    eventually(lambda: sum(ledger.metrics.of("ledger_sealed_leaves")) == 61, "the leaves are durable")
    assert ledger.summary().sealed == {air: 0}
    assert ledger.lag(air, 0) > 0
    peers.append(ledger.signer())
    ledger.wait_covered({air: 60})
    peers[1].end()


def test_without_the_witness_nothing_is_covered_and_ingestion_does_not_wait(
    kafka: str, tmp_path: Path, peers: list[Running]
) -> None:
    """Partition checkpoints appear; the city checkpoint waits for its quorum."""
    air = topic_of("air")
    ledger = Ledger(tmp_path, kafka, {air: 1})
    ledger.produce(air, 0, 60)
    peers += [ledger.signer(), ledger.sink()]
    eventually(lambda: ledger.summary().sealed == {air: 60}, "partition checkpoints are published")
    assert ledger.summary().city[0] == 0
    peers.append(ledger.witness())
    ledger.wait_covered({air: 60})


def test_it_ends_in_time_while_signer_and_witness_hang(
    kafka: str, tmp_path: Path, peers: list[Running]
) -> None:
    """Peers that take a connection and never answer hold up neither sealing nor the end."""
    import socket
    from urllib.parse import urlsplit

    air = topic_of("air")
    ledger = Ledger(tmp_path, kafka, {air: 1})
    peers += [ledger.signer(), ledger.witness(), ledger.sink()]
    ledger.wait_covered({air: 0})
    for one in peers[:2]:
        one.end()
    addresses = [urlsplit(url) for url in (ledger.config.signer_url, *ledger.config.witness_urls)]
    hanging = [socket.create_server(("127.0.0.1", address.port or 0)) for address in addresses]
    try:
        ledger.produce(air, 0, 20)
        eventually(lambda: sum(ledger.metrics.of("ledger_sealed_leaves")) == 21, "the leaves are durable")
        peers[2].end()
    finally:
        for server in hanging:
            server.close()


def test_a_re_created_topic_stops_its_log_and_no_other(
    kafka: str, tmp_path: Path, peers: list[Running]
) -> None:
    """The topic id tells: that log stops, says how to go on, and a new epoch does; the other goes on all along."""
    air, alert = topic_of("air"), topic_of("alert")
    ledger = Ledger(tmp_path, kafka, {air: 1, alert: 1})
    ledger.produce(air, 0, 30)
    peers += [ledger.signer(), ledger.witness(), ledger.sink()]
    ledger.wait_covered({air: 30, alert: 0})
    ledger.delete(air)
    ledger.create(air, 1)
    ledger.produce(air, 0, 80)
    ledger.produce(alert, 0, 10)
    eventually(lambda: len(ledger.summary().stopped) == 1, "the log stops")
    ledger.wait_covered({air: 30, alert: 10})
    (reason,) = ledger.summary().stopped.values()
    assert f"city keys new-epoch {air}" in reason
    peers[2].end()
    assert isinstance(peers[2].error, LogStoppedError)
    new_epoch(ledger.config, air)
    peers.append(ledger.sink())
    ledger.wait_covered({air: 110, alert: 10})
    peers[3].end()
    assert ledger.audit().problems == []


def test_records_deleted_before_they_were_sealed_are_a_gap(
    kafka: str, tmp_path: Path, peers: list[Running]
) -> None:
    """Kafka's beginning moved past what is sealed: a GAP leaf says so and sealing goes on."""
    from confluent_kafka import TopicPartition

    air = topic_of("air")
    ledger = Ledger(tmp_path, kafka, {air: 1})
    ledger.produce(air, 0, 30)
    peers += [ledger.signer(), ledger.witness()]
    first = ledger.sink()
    peers.append(first)
    ledger.wait_covered({air: 30})
    first.end()
    ledger.produce(air, 0, 30)
    (gone,) = ledger._admin.delete_records([TopicPartition(air, 0, 45)]).values()
    gone.result(20)
    peers.append(ledger.sink())
    ledger.wait_covered({air: 45})
    peers[-1].end()
    control = (ledger.config.ledger / air / "0/1/control/31.json").read_text()
    assert '"first_missing":30' in control
    assert '"last_missing":44' in control


def test_a_damaged_state_stops_that_log_and_no_other(
    kafka: str, tmp_path: Path, peers: list[Running]
) -> None:
    """One flipped bit in one state file: its partition stops by name, the other one is sealed."""
    air = topic_of("air")
    ledger = Ledger(tmp_path, kafka, {air: 2})
    peers += [ledger.signer(), ledger.witness(), ledger.sink()]
    ledger.wait_covered({air: 0})
    peers[2].end()
    path = ledger.config.ledger / air / "1/1/state.json"
    path.write_bytes(path.read_bytes().replace(b"size", b"sizf"))
    ledger.produce(air, 0, 20)
    ledger.produce(air, 1, 20)
    peers.append(ledger.sink())
    eventually(lambda: ledger.summary().sealed == {air: 20}, "the whole log goes on")
    (stopped,) = ledger.summary().stopped.items()
    assert stopped[0].endswith(f"{air}/1/1")
    assert "state.json" in stopped[1]


def test_a_full_disk_is_a_clear_stop_and_a_clean_resume(
    kafka: str, tmp_path: Path, peers: list[Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No space: the sink ends with words that say what to do; with space it goes on and nothing is lost."""
    import errno
    import os

    from ledger_sink.store import FileStore

    air = topic_of("air")
    ledger = Ledger(tmp_path, kafka, {air: 1})
    peers += [ledger.signer(), ledger.witness(), ledger.sink()]
    ledger.wait_covered({air: 0})
    real_sync = FileStore._sync

    def full(store: FileStore, descriptor: int, name: str) -> None:
        if name.startswith(air):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real_sync(store, descriptor, name)

    monkeypatch.setattr(FileStore, "_sync", full)
    ledger.produce(air, 0, 20)
    eventually(lambda: not peers[2].is_alive, "the sink stops")
    assert isinstance(peers[2].error, StoreFullError)
    assert "free some" in str(peers[2].error)
    monkeypatch.undo()
    peers.append(ledger.sink())
    ledger.wait_covered({air: 20})
    peers[-1].end()
    assert ledger.audit().problems == []
