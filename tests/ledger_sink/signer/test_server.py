"""The signer is a witness to its own logs: it signs no fork and no rollback, and forgets nothing."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import pytest

from ledger_sink.config import SignerConfig
from ledger_sink.errors import (
    DamagedStateError,
    LockHeldError,
    SetupError,
    SignerUnavailableError,
    StoreError,
)
from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.merkle import leaf_hash, root
from ledger_sink.format.note import VerifierKey, parse_signatures
from ledger_sink.format.tiles import TileBuilder, consistency_proof
from ledger_sink.http.server import Request, Server
from ledger_sink.signer.client import SignerConnection
from ledger_sink.signer.protocol import SignRequest, SignResponse, encode_requests
from ledger_sink.signer.server import SIGNED_HEADS_NAME, Signer, SignerServer, _master_seed
from ledger_sink.signer.server import run as run_signer
from ledger_sink.store import FileStore, MemoryStore
from ledger_sink.store.secret_files import load_or_create_seed, load_or_create_token
from tests.ledger_sink.worlds import CITY, SEED, memory_of_signer

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = f"{CITY}/air.reading/0/1"


def hashes(size: int, salt: bytes = b"") -> list[bytes]:
    """Leaf hashes of a small log."""
    return [leaf_hash(salt + bytes([i])) for i in range(size)]


def request(old: int, size: int, salt: bytes = b"", origin: str = ORIGIN) -> SignRequest:
    """An honest request of a log whose leaves are given by the salt."""
    builder = TileBuilder()
    builder.append(hashes(size, salt))
    tiles = {(tile.level, tile.index): tile.data for tile in builder.partials()}
    proof = consistency_proof(old, size, lambda level, index, _: tiles[level, index])
    return SignRequest(origin, size, root(hashes(size, salt)), old, proof)


def one(signer: Signer, asked: SignRequest) -> SignResponse:
    """Ask for one signature."""
    return signer.sign([asked])[0]


def test_a_growing_log_is_signed() -> None:
    """Each consistent step gets a signature that the log's own key verifies."""
    signer = Signer(CITY, SEED, memory_of_signer())
    key = VerifierKey.parse(signer.vkey(ORIGIN))
    for old, size in ((0, 3), (3, 3), (3, 7)):
        asked = request(old, size)
        (line,) = parse_signatures(one(signer, asked).signature.encode())
        key.verify(Checkpoint(ORIGIN, size, asked.root).text, line)


def test_the_same_head_gets_the_same_bytes() -> None:
    """Ed25519 is deterministic: signing again after a crash changes nothing."""
    store = memory_of_signer()
    first = one(Signer(CITY, SEED, store), request(0, 5))
    assert one(Signer(CITY, SEED, store), request(5, 5)) == first


def test_a_fork_is_refused() -> None:
    """Another history of the same or a larger size is not signed."""
    signer = Signer(CITY, SEED, memory_of_signer())
    assert one(signer, request(0, 5)).status == 200
    assert one(signer, request(5, 5, b"other")).status == 422
    assert one(signer, request(5, 9, b"other")).status == 422


def test_a_rollback_is_refused_and_told_the_size() -> None:
    """A smaller head is not signed; the answer says what was."""
    signer = Signer(CITY, SEED, memory_of_signer())
    assert one(signer, request(0, 5)).status == 200
    answer = one(signer, request(0, 4))
    assert (answer.status, answer.size, answer.signature) == (409, 5, "")


def test_it_remembers_over_a_restart() -> None:
    """A signer that was started anew refuses the same fork."""
    store = memory_of_signer()
    one(Signer(CITY, SEED, store), request(0, 5))
    assert one(Signer(CITY, SEED, store), request(0, 5, b"other")).status == 409
    assert one(Signer(CITY, SEED, store), request(5, 6, b"other")).status == 422


def test_another_citys_log_is_not_signed() -> None:
    """Only origins of its own city have keys."""
    signer = Signer(CITY, SEED, memory_of_signer())
    assert one(signer, request(0, 2, origin="other.example/air.reading/0/1")).status == 404


def test_logs_do_not_share_keys() -> None:
    """Each origin has its own key, the same at each start."""
    signer = Signer(CITY, SEED, memory_of_signer())
    vkeys = {signer.vkey(f"{CITY}/air.reading/{i}/1") for i in range(3)}
    assert len(vkeys) == 3
    assert Signer(CITY, SEED, memory_of_signer()).vkey(f"{CITY}/air.reading/0/1") in vkeys


def test_nothing_is_signed_that_is_not_remembered() -> None:
    """If the memory cannot be made durable, no signature leaves, and the log may ask again."""
    store = memory_of_signer()
    signer = Signer(CITY, SEED, store)

    def fault(operation: str, _: str) -> None:
        if operation == "before write":
            raise StoreError("broken")

    store.fault_for_tests = fault
    with pytest.raises(StoreError):
        signer.sign([request(0, 5)])
    store.fault_for_tests = lambda *_: None
    assert one(signer, request(0, 4, b"other")).status == 200


def test_a_lost_or_damaged_memory_stops_the_signer() -> None:
    """Without what it signed before it signs nothing."""
    with pytest.raises(DamagedStateError, match="put it back"):
        Signer(CITY, SEED, MemoryStore())
    store = memory_of_signer()
    store.files[SIGNED_HEADS_NAME] = store.files[SIGNED_HEADS_NAME].replace(b"{", b"[")
    with pytest.raises(DamagedStateError):
        Signer(CITY, SEED, store)


def test_secret_files_are_made_once_and_only_for_us(tmp_path: Path) -> None:
    """Seed and token have mode 0600 and stay the same; a file that others may read is refused."""
    seed = load_or_create_seed(tmp_path / "keys" / "seed")
    assert load_or_create_seed(tmp_path / "keys" / "seed") == seed
    assert load_or_create_token(tmp_path / "token") == load_or_create_token(tmp_path / "token")
    assert (tmp_path / "keys" / "seed").stat().st_mode & 0o777 == 0o600
    (tmp_path / "keys" / "seed").chmod(0o644)
    with pytest.raises(SetupError, match="expected mode 0600, got 0644"):
        load_or_create_seed(tmp_path / "keys" / "seed")


def test_a_draft_that_a_crash_left_behind_stops_nobody(tmp_path: Path) -> None:
    """In a container every start has the same process id: a draft of the last one is not in the way."""
    (tmp_path / f".seed.{os.getpid()}.tmp").write_bytes(b"half")
    assert len(load_or_create_seed(tmp_path / "seed")) == 32


def test_a_lost_seed_is_not_replaced(tmp_path: Path) -> None:
    """Where one signed before, a missing seed is a stop and not a new identity."""
    config = SignerConfig(tmp_path, CITY)
    store = FileStore(config.keys)
    seed = _master_seed(config, store)
    assert _master_seed(config, store) == seed
    one(Signer(CITY, seed, store), request(0, 5))
    config.seed_file.unlink()
    with pytest.raises(SetupError, match="put it back"):
        _master_seed(config, store)


def test_only_the_bearer_of_the_token_is_served() -> None:
    """A wrong or missing token is 401, whatever is asked."""
    server = SignerServer(Signer(CITY, SEED, memory_of_signer()), "t" * 40)
    body = encode_requests([request(0, 1)])
    for headers in ({}, {"authorization": "Bearer " + "u" * 40}, {"authorization": "t" * 40}):
        assert server.answer(Request("POST", "/sign", headers, body)).status == 401
    assert (
        server.answer(Request("POST", "/sign", {"authorization": "Bearer " + "t" * 40}, body)).status == 200
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"requests": [{}]}', b'{"requests": 5}', b"\xff", b'{"requests": [[1]]}'],
)
def test_a_malformed_request_is_400(body: bytes) -> None:
    """Whatever bytes come, the answer is a status."""
    server = SignerServer(Signer(CITY, SEED, memory_of_signer()), "t" * 40)
    headers = {"authorization": "Bearer " + "t" * 40}
    assert server.answer(Request("POST", "/sign", headers, body)).status == 400


def test_many_logs_are_one_request_over_http(tmp_path: Path) -> None:
    """Twenty heads are signed by one call; the client takes token and address from outside."""
    (tmp_path / "token").write_text("t" * 40)
    server = Server(SignerServer(Signer(CITY, SEED, memory_of_signer()), "t" * 40).answer, "127.0.0.1", 0)
    server.start()
    try:
        client = SignerConnection(server.url, tmp_path / "token")
        origins = [f"{CITY}/air.reading/{i}/1" for i in range(20)]
        answers = client.sign([request(0, i + 1, origin=origin) for i, origin in enumerate(origins)])
        assert [answer.status for answer in answers] == [200] * 20
        assert [key.name for key in client.vkeys(origins)] == origins
        with pytest.raises(SignerUnavailableError, match="400"):
            client.vkeys(["other.example/a/0/1"])
    finally:
        server.stop()


def test_a_signer_that_is_not_there_is_a_retry(tmp_path: Path) -> None:
    """Neither token nor port: one clear error that says to try again."""
    client = SignerConnection("http://127.0.0.1:9", tmp_path / "token")
    with pytest.raises(SignerUnavailableError, match="start the signer"):
        client.sign([])
    (tmp_path / "token").write_text("t" * 40)
    with pytest.raises(SignerUnavailableError, match="no answer"):
        client.sign([])


def test_the_process_makes_its_files_and_ends_when_told(tmp_path: Path) -> None:
    """A started signer leaves seed, token and memory, holds its lock, and ends at once."""
    config = SignerConfig(tmp_path, CITY, port=0)
    stop = threading.Event()
    thread = threading.Thread(target=run_signer, args=(config, stop))
    thread.start()
    try:
        while not config.token_file.exists():
            assert thread.is_alive()
        with pytest.raises(LockHeldError):
            run_signer(config, threading.Event())
    finally:
        stop.set()
        thread.join(5)
    assert not thread.is_alive()
    assert json.loads((config.keys / SIGNED_HEADS_NAME).read_bytes().splitlines()[0]) == {}
