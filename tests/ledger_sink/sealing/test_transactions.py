"""A topic that is written in transactions: its log commits to what a read-committed consumer sees, and goes on."""

from __future__ import annotations

import base64
import uuid
from typing import TYPE_CHECKING

from confluent_kafka import TopicPartition

from ledger_sink.format.leaf import record_leaves
from ledger_sink.log.state import read_state
from ledger_sink.store import FileStore
from ledger_sink.verifier.topic import TopicRecords
from tests.harness.transactions import Raw, TransactionalProducer, four_ends, stable_and_end
from tests.harness.waiting import eventually
from tests.ledger_sink.naive import tree_hash
from tests.ledger_sink.running import Ledger

if TYPE_CHECKING:
    from pathlib import Path


def root_by_the_verifiers_reader(ledger: Ledger, topic: str) -> tuple[int, str]:
    """Return size and root of a one-partition log from its first control file and the topic as an auditor reads it."""
    from ledger_sink.format.control import parse_control

    start = parse_control((ledger.config.ledger / topic / "0/1/control/0.json").read_bytes())
    kafka = TopicRecords(ledger.config.kafka)
    leaves = [start.leaf(), *record_leaves(topic, 0, list(kafka.records(topic, 0, 0, 1 << 40)))]
    kafka.close()
    return len(leaves), base64.b64encode(tree_hash(leaves)).decode()


def test_a_log_commits_to_committed_records_and_any_reader_gets_its_root(kafka: str, tmp_path: Path) -> None:
    """Every end of a transaction. Holes are neither leaves nor GAPs, and deleting what was read makes none either."""
    topic = f"air.{uuid.uuid4().hex[:8]}"
    ledger = Ledger(tmp_path, kafka, {topic: 1})
    folder = f"{topic}/0/1"

    def records(count: int) -> list[Raw]:
        return [Raw(topic, f"v{number}".encode(), b"k", partition=0) for number in range(count)]

    def behind() -> None:
        ledger.produce(topic, 0, 5)
        ledger.wait_covered({topic: 8})
        eventually(lambda: ledger.lag(topic, 0) == 0, "what is held back is no lag")

    peers = [ledger.signer(), ledger.witness(), ledger.sink()]
    try:
        four_ends(kafka, topic, records(8), lambda: records(2), behind, 6)
        ledger.wait_covered({topic: 13})
        TransactionalProducer(kafka).abort(records(3))
        eventually(lambda: ledger.lag(topic, 0) == 0, "the group has passed the control records")
        stable, end = stable_and_end(kafka, topic)
        assert ledger.summary().logs == {
            f"{ledger.config.city}/{topic}/0/1": root_by_the_verifiers_reader(ledger, topic)
        }
        peers[2].end()
        assert peers[2].error is None
        state = read_state(FileStore(ledger.config.ledger), folder)
        assert state is not None
        assert (state.size, state.next_offset) == (14, stable)
        assert ledger.audit().problems == []
        (deleted,) = ledger._admin.delete_records([TopicPartition(topic, 0, end)]).values()
        deleted.result(20)
        peers[2] = ledger.sink()
        ledger.produce(topic, 0, 2)
        ledger.wait_covered({topic: 15})
        assert [each.name for each in (ledger.config.ledger / folder / "control").iterdir()] == ["0.json"]
    finally:
        for one in reversed(peers):
            one.end()
