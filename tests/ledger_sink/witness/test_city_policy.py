"""`policy.txt`: written once from the witnesses that were told; only their addresses follow afterwards."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from infra.ports import free_port
from ledger_sink.config import WitnessConfig
from ledger_sink.errors import WitnessUnavailableError
from ledger_sink.format.keys import log_key
from ledger_sink.format.note import VerifierKey
from ledger_sink.http.client import HttpClient
from ledger_sink.store import FileStore
from ledger_sink.witness.city_policy import city_policy
from ledger_sink.witness.server import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CITY_KEY = VerifierKey.parse(log_key(bytes(32), "city.example/city/1").vkey)


@contextmanager
def witness(directory: Path) -> Iterator[str]:
    """A witness on a free port, over its own directory."""
    port, stop = free_port(), threading.Event()
    config = WitnessConfig(directory, "witness.example", None, "127.0.0.1", port)
    thread = threading.Thread(target=run, args=(config, stop))
    thread.start()
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(50):
            try:
                HttpClient(url, timeout_s=1, unavailable=WitnessUnavailableError).call("GET", "/vkey")
                break
            except WitnessUnavailableError:
                stop.wait(0.1)
        yield url
    finally:
        stop.set()
        thread.join()


def test_a_witness_that_moved_is_found_again_by_its_key(tmp_path: Path) -> None:
    """The same key at another address: the address changes, key and quorum stay."""
    store = FileStore(tmp_path / "ledger")
    with witness(tmp_path / "w") as first:
        before = city_policy(store, CITY_KEY, [first], None)
    with witness(tmp_path / "w") as second:
        after = city_policy(store, CITY_KEY, [second], None)
        assert city_policy(store, CITY_KEY, [], None) == after
    assert [w.url for w in before.witnesses] == [first]
    assert [w.url for w in after.witnesses] == [second]
    assert [w.key for w in after.witnesses] == [w.key for w in before.witnesses]
    assert after.quorum == before.quorum


def test_another_witness_at_the_new_address_does_not_get_in(tmp_path: Path) -> None:
    """A stranger's key never enters a policy that is on file; neither does its address."""
    store = FileStore(tmp_path / "ledger")
    with witness(tmp_path / "w") as first:
        before = city_policy(store, CITY_KEY, [first], None)
    with witness(tmp_path / "stranger") as second:
        assert city_policy(store, CITY_KEY, [second], None) == before
