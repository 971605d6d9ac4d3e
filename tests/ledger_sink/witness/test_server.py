"""The witness speaks C2SP tlog-witness: every status of it, and no rollback under races."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from infra.ports import free_port
from ledger_sink.config import WitnessConfig
from ledger_sink.errors import DamagedStateError, SetupError, StoreError, WitnessUnavailableError
from ledger_sink.format.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from ledger_sink.format.cosignature import CosigningKey, verify_cosignature
from ledger_sink.format.merkle import EMPTY_ROOT, leaf_hash, root
from ledger_sink.format.note import Note, Signature, SigningKey
from ledger_sink.format.tiles import TileBuilder, consistency_proof
from ledger_sink.format.witness_request import AddCheckpoint, monitoring_path, parse_cosignatures
from ledger_sink.http.client import HttpClient
from ledger_sink.http.server import Request, Response
from ledger_sink.store import MemoryStore
from ledger_sink.witness.server import LogsFile, Witness
from ledger_sink.witness.server import run as run_witness

if TYPE_CHECKING:
    from pathlib import Path

LOG = SigningKey("log.example/a", bytes([1]) * 32)
OTHER = SigningKey("log.example/b", bytes([2]) * 32)
OWN = CosigningKey("witness.example", bytes([3]) * 32)
NOW = 1_800_000_000


def hashes(size: int, salt: bytes = b"") -> list[bytes]:
    """Leaf hashes of a small log."""
    return [leaf_hash(salt + bytes([i])) for i in range(size)]


def proof(old: int, new: int, salt: bytes = b"") -> tuple[bytes, ...]:
    """An honest consistency proof."""
    builder = TileBuilder()
    builder.append(hashes(new, salt))
    tiles = {(tile.level, tile.index): tile.data for tile in builder.partials()}
    return consistency_proof(old, new, lambda level, index, _: tiles[level, index])


def note(size: int, salt: bytes = b"", key: SigningKey = LOG) -> bytes:
    """A signed checkpoint."""
    return sign_checkpoint(Checkpoint(key.name, size, root(hashes(size, salt))), key)


def body(old: int, new: int, salt: bytes = b"") -> bytes:
    """An honest request."""
    return AddCheckpoint(old, proof(old, new, salt), note(new, salt)).encode()


def witness(store: MemoryStore | None = None) -> Witness:
    """A witness to two logs."""
    logs = {LOG.name: LOG.verifier, OTHER.name: OTHER.verifier}
    return Witness(OWN, store or MemoryStore(), lambda: logs, lambda: NOW)


def test_200_is_a_cosignature_over_the_checkpoint() -> None:
    """A first and a grown checkpoint get one verified cosignature line and nothing else."""
    served = witness()
    for old, new in ((0, 3), (3, 3), (3, 9)):
        response = served.add_checkpoint(body(old, new))
        assert response.status == 200
        (line,) = parse_cosignatures(response.body)
        assert verify_cosignature(OWN.verifier, parse_checkpoint(note(new))[0].text, line) == NOW


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"old 0\n",
        b"old x\n\n" + note(3),
        b"old 00\n\n" + note(3),
        b"old 0\n\nno note",
        b"old 0\nAA==\n\n" + note(3),
    ],
)
def test_400_for_what_is_malformed(broken: bytes) -> None:
    """Anything that is no request is refused as such."""
    assert witness().add_checkpoint(broken).status == 400


def test_400_if_old_is_above_the_checkpoint() -> None:
    """A size cannot shrink within one request."""
    assert witness().add_checkpoint(AddCheckpoint(5, (), note(3)).encode()).status == 400


def test_404_for_an_unknown_log() -> None:
    """Only logs whose keys it was given are served."""
    stranger = SigningKey("log.example/stranger", bytes(32))
    assert witness().add_checkpoint(AddCheckpoint(0, (), note(3, key=stranger)).encode()).status == 404


def test_403_without_the_logs_signature() -> None:
    """Somebody else's signature over the right text is not enough."""
    text = parse_checkpoint(note(3))[0].text
    forged = Note(text, (OTHER.sign(text),)).encode()
    assert witness().add_checkpoint(AddCheckpoint(0, (), forged).encode()).status == 403


def test_403_for_a_bad_signature_of_the_known_key() -> None:
    """A wrong signature of the log's key refuses the whole, even beside a good one."""
    text = parse_checkpoint(note(3))[0].text
    good = LOG.sign(text)
    bad = Signature(good.name, good.key_id, bytes(64))
    for lines in ((bad,), (good, bad)):
        assert (
            witness().add_checkpoint(AddCheckpoint(0, (), Note(text, lines).encode()).encode()).status == 403
        )


def test_409_tells_the_size_it_knows() -> None:
    """From another old size the client learns where to start."""
    served = witness()
    assert served.add_checkpoint(body(0, 5)).status == 200
    response = served.add_checkpoint(body(0, 7))
    assert (response.status, response.body, response.content_type) == (409, b"5\n", "text/x.tlog.size")
    assert served.add_checkpoint(body(5, 7)).status == 200


def test_422_for_a_proof_that_does_not_hold() -> None:
    """A fork, a proof where none belongs, another root at the same size, a size 0 with leaves."""
    served = witness()
    assert served.add_checkpoint(AddCheckpoint(0, (bytes(32),), note(5)).encode()).status == 422
    assert served.add_checkpoint(body(0, 5)).status == 200
    assert served.add_checkpoint(AddCheckpoint(5, proof(5, 7, b"x"), note(7, b"x")).encode()).status == 422
    assert served.add_checkpoint(AddCheckpoint(5, (), note(5, b"x")).encode()).status == 422
    empty = sign_checkpoint(Checkpoint(OTHER.name, 0, bytes(32)), OTHER)
    assert served.add_checkpoint(AddCheckpoint(0, (), empty).encode()).status == 422
    true_empty = sign_checkpoint(Checkpoint(OTHER.name, 0, EMPTY_ROOT), OTHER)
    assert served.add_checkpoint(AddCheckpoint(0, (), true_empty).encode()).status == 200


def test_the_monitoring_path_serves_what_was_cosigned() -> None:
    """Text, the log's line, the own line; 404 before anything was seen."""
    served = witness()
    path = f"/{monitoring_path(LOG.name)}"
    assert served.answer(Request("GET", path, {}, b"")).status == 404
    served.add_checkpoint(body(0, 5))
    checkpoint, found = parse_checkpoint(served.answer(Request("GET", path, {}, b"")).body)
    assert checkpoint.size == 5
    assert [line.name for line in found.signatures] == [LOG.name, OWN.name]


@pytest.mark.parametrize(
    "path", ["/", "/x/checkpoint", "/../checkpoint", f"/{'A' * 64}/checkpoint", "/witness.seed"]
)
def test_no_other_path_is_served(path: str) -> None:
    """In particular no file beside the checkpoints."""
    assert witness().answer(Request("GET", path, {}, b"")).status == 404


def test_a_forged_line_in_its_own_name_does_not_wedge_it() -> None:
    """Foreign lines, its own name included, are never kept."""
    store = MemoryStore()
    text = parse_checkpoint(note(5))[0].text
    forged = Signature(OWN.name, OWN.verifier.key_id, bytes(72))
    served = witness(store)
    both = Note(text, (forged, LOG.sign(text))).encode()
    assert served.add_checkpoint(AddCheckpoint(0, (), both).encode()).status == 200
    assert served.add_checkpoint(body(5, 6)).status == 200


def test_it_goes_on_where_it_was_after_a_restart() -> None:
    """What was cosigned before a restart binds after it."""
    store = MemoryStore()
    witness(store).add_checkpoint(body(0, 5))
    assert witness(store).add_checkpoint(body(0, 4)).body == b"5\n"
    assert witness(store).add_checkpoint(AddCheckpoint(5, (), note(5, b"x")).encode()).status == 422


def test_nothing_is_cosigned_that_is_not_durable() -> None:
    """If storing fails there is no answer with a signature."""

    def fault(operation: str, _: str) -> None:
        if operation == "before write":
            raise StoreError("broken")

    with pytest.raises(StoreError):
        witness(MemoryStore(fault)).add_checkpoint(body(0, 5))


def test_a_damaged_memory_is_not_believed() -> None:
    """A checkpoint on file that it did not cosign stops that log."""
    store = MemoryStore()
    witness(store).add_checkpoint(body(0, 5))
    name = monitoring_path(LOG.name)
    store.files[name] = store.files[name].replace(b"\n5\n", b"\n4\n")
    with pytest.raises(DamagedStateError):
        witness(store).add_checkpoint(body(4, 6))


def test_racing_clients_never_get_a_rollback_signed() -> None:
    """Many clients at once: what is cosigned for a log only grows, in the order in which it was stored."""
    store = MemoryStore()
    signed: list[int] = []

    def fault(operation: str, _: str) -> None:
        if operation == "after write":
            signed.append(parse_checkpoint(store.files[monitoring_path(LOG.name)])[0].size)

    store.fault_for_tests = fault
    served = witness(store)

    def client(seed: int) -> list[Response]:
        dice = random.Random(seed)
        old, responses = 0, []
        for _ in range(15):
            new = min(old + dice.randrange(4), 60)
            responses.append(served.add_checkpoint(body(old, new)))
            old = int(responses[-1].body) if responses[-1].status == 409 else new
        return responses

    with ThreadPoolExecutor(8) as pool:
        statuses = {r.status for responses in pool.map(client, range(8)) for r in responses}
    assert statuses == {200, 409}
    assert signed == sorted(signed)


def test_the_logs_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """A log that is added is served without a restart; a broken file leaves the ones before in force."""
    path = tmp_path / "keys.txt"
    logs = LogsFile(path)
    assert logs() == {}
    path.write_text(f"# comment\nlog {LOG.vkey} https://log.example/a\nquorum none\n")
    assert set(logs()) == {LOG.name}
    path.write_text(f"log {LOG.vkey}\nlog {OTHER.vkey}\n")
    assert set(logs()) == {LOG.name, OTHER.name}
    path.write_text("log nonsense\n")
    assert set(logs()) == {LOG.name, OTHER.name}
    with pytest.raises(SetupError, match="line 1"):
        LogsFile(path)


def test_the_process_serves_over_http_and_keeps_its_key(tmp_path: Path) -> None:
    """A started witness answers at its port, tells its key, and has the same key next time."""
    (tmp_path / "logs").write_text(f"log {LOG.vkey}\n")
    vkeys = []
    for old, new in ((0, 3), (3, 4)):
        config = WitnessConfig(tmp_path / "w", logs_file=tmp_path / "logs", port=free_port())
        stop = threading.Event()
        thread = threading.Thread(target=run_witness, args=(config, stop))
        thread.start()
        try:
            peer = HttpClient(
                f"http://127.0.0.1:{config.port}", timeout_s=5, unavailable=WitnessUnavailableError
            )
            vkeys.append(patiently(peer))
            assert peer.call("POST", "/add-checkpoint", body(old, new))[0] == 200
            assert peer.call("PUT", "/add-checkpoint", b"")[0] == 405
        finally:
            stop.set()
            thread.join(5)
        assert not thread.is_alive()
    assert vkeys[0] == vkeys[1] == (tmp_path / "w" / "witness.vkey").read_bytes()
    assert (tmp_path / "w" / "witness.seed").stat().st_mode & 0o777 == 0o600


def patiently(peer: HttpClient) -> bytes:
    """Ask for the witness's key until it answers."""
    for _ in range(100):
        try:
            return peer.call("GET", "/vkey")[1]
        except WitnessUnavailableError:
            threading.Event().wait(0.05)
    raise AssertionError("no answer")


@pytest.mark.parametrize("module", ["witness", "signer"])
def test_the_base_install_is_enough_to_run_it(module: str) -> None:
    """Neither Kafka nor anything else of the platform is imported."""
    program = (
        f"import ledger_sink.{module}, sys\n"
        "heavy = {'confluent_kafka', 'faust', 'chdb', 'fastavro', 'click', 'schemas', 'streams', 'infra'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
