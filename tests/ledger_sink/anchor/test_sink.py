"""The running ledger over a real broker: anchors beside the chain, ingestion never waits for them."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from infra.ports import free_port
from ledger_sink.anchor.audit import anchor_states
from ledger_sink.audit import run as audit
from ledger_sink.config import FileSettings, TimestampSettings
from ledger_sink.store import FileStore
from tests.harness.waiting import eventually
from tests.ledger_sink.anchor.tsa import TestAuthority
from tests.ledger_sink.running import CITY, Ledger, Running

if TYPE_CHECKING:
    from pathlib import Path

    from ledger_sink.anchor.audit import AnchorState


def test_a_running_ledger_is_anchored_and_a_dead_anchor_holds_up_nothing(kafka: str, tmp_path: Path) -> None:
    """Two anchors get their receipts, a third is away: sealing, blocks and the end are as quick as ever."""
    topic = f"air.{uuid.uuid4().hex[:8]}"
    authority = TestAuthority(tmp_path / "tsa")
    ledger = Ledger(tmp_path / "data", kafka, {topic: 1})
    root = tmp_path / "tsa" / "root.pem"
    anchors = (
        FileSettings(tmp_path / "usb.txt", interval_s=1.0),
        TimestampSettings("tsa", authority.url, root, interval_s=1.0),
        TimestampSettings("away", f"http://127.0.0.1:{free_port()}/", root, interval_s=1.0),
    )
    ledger.config = replace(ledger.config, anchors=anchors)
    peers: list[Running] = [ledger.signer(), ledger.witness(), ledger.sink()]
    try:
        ledger.produce(topic, 0, 300)
        ledger.wait_covered({topic: 300})

        def states() -> list[AnchorState]:
            return anchor_states(FileStore(ledger.config.ledger), CITY, anchors)

        eventually(
            lambda: all(s.size and not s.waiting_s for s in states()[:2]), lambda: f"receipts: {states()}"
        )
        assert [s.size > 0 for s in states()] == [True, True, False]
        assert (tmp_path / "usb.txt").read_text().startswith(f"city-anchor/v1 {CITY}/city/1 ")
        expected = ("ledger_anchor_down", 1, {"anchor": "away"})
        eventually(lambda: expected in ledger.metrics.values, lambda: f"metric: {ledger.metrics.values}")
        assert ("ledger_anchor_down", 0, {"anchor": "tsa"}) in ledger.metrics.values
        peers[2].end()
        assert peers[2].error is None
        result = audit.run(ledger.config, archive=None)
        assert result.verdict == "pass", result.problems
        assert any("away.tsr: still awaited" in words for words in result.not_checked)
    finally:
        for one in reversed(peers):
            one.end()
        authority.close()
