"""The client of a witness: no answer is one known error, within its time limit; asking twice is harmless."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from infra.ports import free_port
from ledger_sink.config import WitnessConfig
from ledger_sink.errors import WitnessUnavailableError
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.cosignature import verify_cosignature
from ledger_sink.format.note import VerifierKey
from ledger_sink.http.client import HttpClient
from ledger_sink.log.tile_log import TileSource
from ledger_sink.store import FileStore
from ledger_sink.witness import client as cosigner
from ledger_sink.witness import server as witness
from ledger_sink.witness.client import WitnessClient
from tests.harness.waiting import eventually
from tests.ledger_sink.anchor.peers import SilentPort
from tests.ledger_sink.running import Running
from tests.ledger_sink.simulated_city import WITNESS, small_city

if TYPE_CHECKING:
    from pathlib import Path

CITY = small_city()
CHECKPOINT = CITY.cosigned()
HEAD = parse_checkpoint(CHECKPOINT)[0]


@pytest.fixture
def source(tmp_path: Path) -> TileSource:
    """The city log's tiles on disk."""
    CITY.write(tmp_path / "ledger")
    return TileSource(FileStore(tmp_path / "ledger"), "city/1")


def test_a_checkpoint_that_is_cosigned_twice_is_harmless(tmp_path: Path, source: TileSource) -> None:
    """A real witness answers both times, to a client that remembers its size and to one that does not."""
    port = free_port()
    config = WitnessConfig(tmp_path / "witness", "witness.example/w", tmp_path / "ledger/keys.txt", port=port)
    running = Running(lambda stop: witness.run(config, stop)).start()
    url = f"http://127.0.0.1:{port}"
    found: list[str] = []

    def asked() -> bool:
        try:
            status, body = HttpClient(url, timeout_s=3, unavailable=WitnessUnavailableError).call(
                "GET", "/vkey"
            )
        except WitnessUnavailableError:
            return False
        found.append(body.decode().strip())
        return status == 200

    eventually(asked, "the witness's key")
    key = VerifierKey.parse(found[-1])
    first = WitnessClient(key, url)
    for client in (first, first, WitnessClient(key, url)):
        line = client.cosign(HEAD, CHECKPOINT, source)
        assert abs(verify_cosignature(key, HEAD.text, line) - time.time()) < 300
    running.end()


def test_a_witness_that_is_not_there_is_unavailable(source: TileSource) -> None:
    """At a port where nobody listens."""
    client = WitnessClient(WITNESS.verifier, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(WitnessUnavailableError):
        client.cosign(HEAD, CHECKPOINT, source)


def test_a_witness_that_never_answers_costs_its_time_limit(
    source: TileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that hangs ends after the limit with the same error."""
    monkeypatch.setattr(cosigner, "TIMEOUT_S", 0.3)
    port = SilentPort()
    began = time.monotonic()
    with pytest.raises(WitnessUnavailableError):
        WitnessClient(WITNESS.verifier, port.url).cosign(HEAD, CHECKPOINT, source)
    port.close()
    assert time.monotonic() - began < 3
