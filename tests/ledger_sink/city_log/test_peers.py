"""The witnesses' clocks: read from any answer of their servers, bounded whatever they send."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

import pytest

from ledger_sink.city_log.peers import TIMEOUT_S, is_local, peer_clocks
from ledger_sink.http.server import Server
from ledger_sink.signer.server import SignerServer
from ledger_sink.store import MemoryStore
from tests.harness.waiting import patient
from tests.ledger_sink.worlds import World


def test_a_server_of_the_ledger_shows_its_clock() -> None:
    """RFC 9110, section 6.6.1: every answer has a `Date`. Signer and witness run the same server."""
    server = Server(SignerServer(World(MemoryStore()).signer, "t" * 40).answer, "127.0.0.1", 0)
    server.start()
    (peer,) = peer_clocks([server.url])
    server.stop()
    assert abs(peer.time_ms / 1000 - time.time()) < patient(5)
    assert not peer.remote


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nDate: soon\r\n\r\n", b"x" * 100_000, None],
)
def test_a_peer_that_sends_nonsense_or_drips_is_no_peer(answer: bytes | None) -> None:
    """None of them takes longer than its time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                if answer is not None:
                    connection.sendall(answer)
                    return
                while True:
                    connection.sendall(b"X")
                    time.sleep(0.05)

        threading.Thread(target=serve, daemon=True).start()
        began = time.monotonic()
        assert peer_clocks([f"http://127.0.0.1:{listener.getsockname()[1]}"]) == []
        assert time.monotonic() - began < patient(TIMEOUT_S + 1)


def test_peers_that_are_not_there_or_have_no_address_are_no_peers() -> None:
    """Nothing is raised."""
    assert (
        peer_clocks(["http://127.0.0.1:1", "http://127.0.0.1:99999", "https://127.0.0.1:1", "nonsense"]) == []
    )
    assert [is_local(f"http://{host}:1") for host in ("127.0.0.1", "[::1]", "localhost", "10.0.0.1", "w.example")] == [
        True, True, True, False, False,
    ]  # fmt: skip
