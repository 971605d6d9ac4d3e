"""Independent programs accept our directories and our witness: Go's sumdb packages and Tessera, built from `go/`.

Every directory here is written by the product's own sequencer, publisher and city chain. What is damaged must be
refused by both, or the tests above would show nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64encode
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.ports import free_port
from ledger_sink.city_log.writer import Quorum
from ledger_sink.errors import WitnessUnavailableError
from ledger_sink.format.cosignature import CosigningKey
from ledger_sink.format.keys import city_origin
from ledger_sink.format.note import ED25519, SigningKey, VerifierKey
from ledger_sink.format.policy import Policy, PolicyLog, PolicyWitness
from ledger_sink.http.client import HttpClient
from ledger_sink.http.server import Server
from ledger_sink.store import MemoryStore
from ledger_sink.witness.client import WitnessClient
from ledger_sink.witness.server import Witness
from tests.fixtures.go_program import built
from tests.harness.waiting import eventually
from tests.ledger_sink.worlds import CITY, World, files_in, records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ledger_sink.sealing.sequencer import Sequencer

ROOT = Path(__file__).parents[3]
FOLDER = "air.reading/0/1"
EDGES = (1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 1000)
FAR_EDGES = (65_535, 65_536, 65_537, 66_000)
DAMAGED_SIZE = 600
RUN_S = 60

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program."""
    return built(Path(__file__).parent / "go", tmp_path_factory.mktemp("go") / "peers")


def run(peers: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the Go program."""
    return subprocess.run(
        [str(peers), *arguments], capture_output=True, text=True, timeout=RUN_S, check=False
    )


def dump(world: World, folder: str, to: Path) -> Path:
    """Write one log of a world to disk as it is published."""
    for name, data in files_in(world.store).items():
        if name.startswith(f"{folder}/"):
            path = to / name.removeprefix(f"{folder}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return to


def vkey(world: World, origin: str) -> str:
    """The verifier key of a log, as `keys.txt` tells it."""
    return world.vkeys([origin])[0].vkey


def sealed(world: World, sizes: Sequence[int], keep: Callable[[int], None]) -> Sequencer:
    """Grow a log through these sizes, published at each, and have something done at each."""
    sequencer = world.open()
    publisher = world.publish()
    for size in sizes:
        sequencer.append(records(sequencer.next_offset, size - 1))
        assert sequencer.commit().size == size
        publisher.publish({sequencer.name: sequencer.state})
        keep(size)
    return sequencer


@pytest.mark.parametrize("sizes", [EDGES, FAR_EDGES], ids=["to 1,000", "above 65,536"])
def test_both_accept_our_logs_at_every_edge(peers: Path, tmp_path: Path, sizes: Sequence[int]) -> None:
    """Signature, root, inclusion, consistency with every checkpoint before, all tiles: at each size on the way."""
    world = World(MemoryStore())
    olds: list[str] = []

    def judge(size: int) -> None:
        folder = dump(world, FOLDER, tmp_path / str(size))
        key = vkey(world, f"{CITY}/{FOLDER}")
        done = run(peers, "log", str(folder), key, *(word for old in olds for word in ("--old", old)))
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"sumdb note: ok checkpoint of size {size}\n" in done.stdout
        assert f"{len(olds)} consistency proofs" in done.stdout
        assert "tessera fsck: ok" in done.stdout
        olds.append(str(folder / "checkpoint"))

    sealed(world, sizes, judge)


@contextmanager
def witness_at_a_port() -> Iterator[tuple[VerifierKey, str]]:
    """Our witness in this process, serving the city log of the test world."""
    own = CosigningKey("witness.example/w1", b"w" * 32)
    (key,) = World(MemoryStore()).vkeys([city_origin(CITY)])
    server = Server(Witness(own, MemoryStore(), lambda: {key.name: key}).answer, "127.0.0.1", 0)
    server.start()
    try:
        yield own.verifier, server.url
    finally:
        server.stop()


def test_both_accept_the_city_log(peers: Path, tmp_path: Path) -> None:
    """Three hundred blocks of different lengths, and our witness's cosignature read by somebody else's code."""
    world = World(MemoryStore())
    with witness_at_a_port() as (witness_key, url):
        (key,) = world.vkeys([city_origin(CITY)])
        policy = Policy((PolicyLog(key),), (PolicyWitness("w", witness_key, url),), (), "w")
        quorum = Quorum(policy, (("w", WitnessClient(witness_key, url)),))
        sequencers = [world.open(partition) for partition in range(3)]
        publisher = world.publish()
        chain = world.chain()
        for number in range(300):
            for sequencer in sequencers[: 1 + number % 3]:
                sequencer.append(records(sequencer.next_offset, sequencer.next_offset + 1))
                sequencer.commit()
            publisher.publish({s.name: s.state for s in sequencers if s.state.size})
            assert chain.extend(1_800_000_000_000 + number) == 1
            if number % 100 == 57:
                assert chain.publish(quorum)
        assert chain.publish(quorum)
    folder = dump(world, "city/1", tmp_path / "city")
    done = run(peers, "log", str(folder), key.vkey, "--cosigner", witness_key.vkey)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "300 inclusion proofs" in done.stdout
    assert "cosignature: ok" in done.stdout
    forged = (folder / "checkpoint").read_text().splitlines(keepends=True)
    (folder / "checkpoint").write_text("".join(forged[:-1]))
    refused = run(peers, "log", str(folder), key.vkey, "--cosigner", witness_key.vkey)
    assert (refused.returncode, "cosignature: REFUSED" in refused.stdout) == (1, True)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], str]:
    """The files of a log with three levels of everything, and its key."""
    world = World(MemoryStore())
    sealed(world, [300, DAMAGED_SIZE], lambda _: None)
    folder = dump(world, FOLDER, tmp_path_factory.mktemp("whole"))
    files = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return files, vkey(world, f"{CITY}/{FOLDER}")


def flipped(data: bytes) -> bytes:
    """One bit in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "flipped": flipped,
    "cut": lambda data: data[:-1],
    "empty": lambda _: b"",
    "removed": lambda _: None,
    "swapped": lambda data: data[len(data) // 2 :] + data[: len(data) // 2],
}
JUDGED = {
    "tile/0/000": ("sumdb tlog", "tessera fsck"),
    "tile/0/002.p/88": ("sumdb tlog", "tessera fsck"),
    "tile/1/000.p/2": ("sumdb tlog", "tessera fsck"),
    "tile/entries/001": ("sumdb tlog", "tessera fsck"),
    "tile/entries/002.p/88": ("sumdb tlog", "tessera fsck"),
    "checkpoint": ("sumdb note", "tessera fsck"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", JUDGED)
def test_both_refuse_a_damaged_log(
    peers: Path, tmp_path: Path, log: tuple[dict[str, bytes], str], name: str, damage: str
) -> None:
    """Each kind of file, damaged in five ways: each of the two programs says no."""
    files, key = log
    for path, data in files.items():
        made = DAMAGES[damage](data) if path == name else data
        if made is not None:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(made)
    done = run(peers, "log", str(tmp_path), key)
    assert done.returncode == 1, done.stdout + done.stderr
    for program in JUDGED[name]:
        assert f"{program}: REFUSED" in done.stdout


def test_a_fork_of_ours_would_be_refused(
    peers: Path, tmp_path: Path, log: tuple[dict[str, bytes], str]
) -> None:
    """A checkpoint of another history, signed by the same key, is not consistent; another log's key opens nothing."""
    fork = World(MemoryStore())
    sequencer = fork.open()
    sequencer.append(records(1000, 1200))
    sequencer.commit()
    fork.publish(sequencer)
    dump(fork, FOLDER, tmp_path / "fork")
    files, key = log
    for path, data in files.items():
        (tmp_path / "log" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "log" / path).write_bytes(data)
    done = run(peers, "log", str(tmp_path / "log"), key, "--old", str(tmp_path / "fork" / "checkpoint"))
    assert (done.returncode, "size 201 is not consistent" in done.stdout) == (1, True)
    other = vkey(fork, f"{CITY}/air.reading/1/1")
    assert run(peers, "log", str(tmp_path / "log"), other).returncode == 1


def go_signer(key: SigningKey) -> str:
    """Spell a private key as Go's note package does."""
    secret = b64encode(bytes([ED25519]) + key.seed).decode()
    return f"PRIVATE+KEY+{key.name}+{key.verifier.key_id.hex()}+{secret}"


@contextmanager
def city_witness(folder: Path, log: SigningKey) -> Iterator[tuple[str, str]]:
    """A `city witness` process; its URL and verifier key."""
    folder.mkdir()
    (folder / "logs").write_text(f"log {log.vkey}\n")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program = [sys.executable, "-m", "infra.cli", "witness", "--name", "witness.example/w1"]
    program += ["--directory", str(folder / "w"), "--logs", str(folder / "logs"), "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(program, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            peer = HttpClient(url, timeout_s=5, unavailable=WitnessUnavailableError)
            eventually(lambda: told(peer) is not None, "the witness tells its key")
            yield url, (told(peer) or b"").decode().strip()
        finally:
            process.terminate()
            process.wait(20)


def told(peer: HttpClient) -> bytes | None:
    """The witness's key, once it answers."""
    try:
        return peer.call("GET", "/vkey")[1]
    except WitnessUnavailableError:
        return None


def test_tesseras_client_gets_our_witnesss_cosignatures(peers: Path, tmp_path: Path) -> None:
    """A log of Tessera's own publishes only what `city witness` cosigned; a second history of it never."""
    key = SigningKey("log.example/tessera", b"t" * 32)
    with city_witness(tmp_path / "witness", key) as (url, witness_key):
        done = run(peers, "witness", url, witness_key, go_signer(key), str(tmp_path / "log"), "3")
        assert done.returncode == 0, done.stdout + done.stderr
        assert [line for line in done.stdout.splitlines() if "ok" in line] == [
            f"tessera client: ok cosigned at size {size}" for size in (5, 110, 315)
        ]
        judged = run(peers, "log", str(tmp_path / "log"), key.vkey, "--cosigner", witness_key)
        assert judged.returncode == 0, judged.stdout + judged.stderr
        fork = run(peers, "witness", url, witness_key, go_signer(key), str(tmp_path / "fork"), "1")
        assert (fork.returncode, "tessera client: REFUSED" in fork.stdout) == (1, True)
        assert not (tmp_path / "fork" / "checkpoint").exists()
