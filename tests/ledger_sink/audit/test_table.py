"""What `city audit` says when one thing is deleted, changed, added or swapped: a row for each, and what it names.

Archive rows and Kafka records: `test_audit.py`. Here: tiles, entry bundles, single leaves, blocks, checkpoints
and cosignatures of a ledger of two partitions, two blocks and one witness.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from ledger_sink.format.cosignature import CosigningKey
from ledger_sink.format.layout import POLICY
from ledger_sink.format.note import Note, Signature, parse_note
from ledger_sink.format.tiles import encode_entries, parse_entries
from ledger_sink.store import FileStore, MemoryStore
from tests.ledger_sink.audit.test_run import NOW_MS, SIZES, TOPIC, City, FakeKafka
from tests.ledger_sink.small_history import OWN, quorum_at
from tests.ledger_sink.worlds import World, records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIRST = (400, 200)
"""Records in the first block; the rest of `SIZES` are in the second."""
CITY_BUNDLE = "city/1/tile/entries/000.p/2"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of two blocks, cosigned; nobody touches it."""
    root = tmp_path_factory.mktemp("whole")
    world = World(FileStore(root / "ledger"))
    quorum = quorum_at(root)
    world.store.write({POLICY: quorum.policy.encode()})
    chain = world.chain()
    for number, sizes in enumerate((FIRST, SIZES)):
        logs = [world.open(partition) for partition in range(2)]
        for log, size in zip(logs, sizes, strict=True):
            log.append(records(log.next_offset, size))
            log.commit()
        world.publish(*logs)
        for log in logs:
            log.close()
        assert chain.extend(NOW_MS + number) == 1
        assert chain.publish(quorum)
        shutil.copy(root / "ledger/city/1/checkpoint", root / f"city-checkpoint-{number}")
    chain.close()
    return root


@pytest.fixture
def city(whole: Path, tmp_path: Path) -> City:
    """A copy to be damaged."""
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    found = {partition: records(0, size) for partition, size in enumerate(SIZES)}
    return City(tmp_path, FakeKafka(dict(found)), dict(found), World(MemoryStore()))


def test_the_whole_ledger_passes(city: City) -> None:
    """Before anything is damaged the audit has nothing to say."""
    result = city.audit()
    assert (result.verdict, result.problems) == ("pass", [])


def delete(name: str) -> Callable[[Path], None]:
    """Remove a file."""
    return lambda ledger: (ledger / name).unlink()


def change(name: str, at: int = 100) -> Callable[[Path], None]:
    """Flip a bit of a file."""

    def act(ledger: Path) -> None:
        data = bytearray((ledger / name).read_bytes())
        data[at] ^= 1
        (ledger / name).write_bytes(data)

    return act


def add(name: str, more: bytes) -> Callable[[Path], None]:
    """Append to a file."""

    def act(ledger: Path) -> None:
        with (ledger / name).open("ab") as file:
            file.write(more)

    return act


def swap(one: str, other: str) -> Callable[[Path], None]:
    """Exchange two files."""

    def act(ledger: Path) -> None:
        data = (ledger / one).read_bytes()
        (ledger / one).write_bytes((ledger / other).read_bytes())
        (ledger / other).write_bytes(data)

    return act


def entries(name: str, edit: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    """Edit the entries of a bundle, which stays well-formed."""

    def act(ledger: Path) -> None:
        found = parse_entries((ledger / name).read_bytes())
        (ledger / name).write_bytes(encode_entries(edit(found)))

    return act


def cosignatures(edit: Callable[[Note, Signature], list[Signature]]) -> Callable[[Path], None]:
    """Edit what follows the log's own line in the city checkpoint."""

    def act(ledger: Path) -> None:
        path = ledger / "city/1/checkpoint"
        note = parse_note(path.read_bytes())
        path.write_bytes(Note(note.text, (note.signatures[0], *edit(note, note.signatures[1]))).encode())

    return act


def older_cosignature(ledger: Path) -> None:
    """Put the cosignature of the first city checkpoint under the second."""
    old = parse_note((ledger.parent / "city-checkpoint-0").read_bytes()).signatures[1]
    cosignatures(lambda _, __: [old])(ledger)


LOG, OTHER = f"{TOPIC}/0/1", f"{TOPIC}/1/1"
TABLE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a tile deleted": (delete(f"{LOG}/tile/0/001"), f"{LOG}/tile/0/001"),
    "a tile changed": (change(f"{LOG}/tile/0/001"), f"{LOG}/tile/0/001"),
    "a tile added to": (add(f"{LOG}/tile/0/001", bytes(32)), f"{LOG}/tile/0/001"),
    "two tiles swapped": (swap(f"{LOG}/tile/0/000", f"{LOG}/tile/0/001"), f"{LOG}/tile/0/00"),
    "two logs' tiles swapped": (swap(f"{LOG}/tile/0/000", f"{OTHER}/tile/0/000"), f"{OTHER}/tile/0/000"),
    "an upper tile changed": (change(f"{LOG}/tile/1/000.p/2", 40), f"{LOG}/tile/1/000.p/2"),
    "an entry bundle deleted": (delete(f"{LOG}/tile/entries/001"), f"{LOG}/tile/entries/001"),
    "an entry bundle changed": (change(f"{LOG}/tile/entries/001"), f"{LOG}/tile/entries/001"),
    "an entry bundle added to": (add(f"{LOG}/tile/entries/001", b"\x00"), f"{LOG}/tile/entries/001"),
    "two entry bundles swapped": (
        swap(f"{LOG}/tile/entries/000", f"{LOG}/tile/entries/001"),
        f"{LOG}/tile/entries/00",
    ),
    "a leaf deleted": (
        entries(f"{LOG}/tile/entries/001", lambda e: e[:9] + e[10:]),
        f"{LOG}/tile/entries/001",
    ),
    "a leaf changed": (
        entries(f"{LOG}/tile/entries/001", lambda e: [*e[:9], e[9][:-1] + b"\x00", *e[10:]]),
        "entry 265",
    ),
    "a leaf added": (
        entries(f"{LOG}/tile/entries/002.p/189", lambda e: [*e, e[0]]),
        f"{LOG}/tile/entries/002.p/189",
    ),
    "two leaves swapped": (
        entries(f"{LOG}/tile/entries/001", lambda e: [*e[:9], e[10], e[9], *e[11:]]),
        f"{LOG}/tile/entries/001",
    ),
    "a block deleted": (entries(CITY_BUNDLE, lambda e: e[1:]), CITY_BUNDLE),
    "the block file deleted": (delete(CITY_BUNDLE), CITY_BUNDLE),
    "a block changed": (change(CITY_BUNDLE), CITY_BUNDLE),
    "a block added": (entries(CITY_BUNDLE, lambda e: [*e, e[-1]]), CITY_BUNDLE),
    "two blocks swapped": (entries(CITY_BUNDLE, lambda e: e[::-1]), CITY_BUNDLE),
    "a checkpoint deleted": (delete(f"{LOG}/checkpoint"), f"{LOG}/checkpoint"),
    "a checkpoint changed": (change(f"{LOG}/checkpoint", 40), f"{LOG}/checkpoint"),
    "a checkpoint added to": (add(f"{LOG}/checkpoint", b"more\n"), f"{LOG}/checkpoint"),
    "two logs' checkpoints swapped": (swap(f"{LOG}/checkpoint", f"{OTHER}/checkpoint"), f"{LOG}/checkpoint"),
    "the city checkpoint deleted": (delete("city/1/checkpoint"), "city/1/checkpoint"),
    "the city checkpoint swapped for a partition's": (
        swap("city/1/checkpoint", f"{LOG}/checkpoint"),
        "city/1/checkpoint",
    ),
    "a cosignature deleted": (cosignatures(lambda _, __: []), "city/1/checkpoint: checkpoint of"),
    "a cosignature changed": (
        cosignatures(lambda _, line: [Signature(line.name, line.key_id, line.signature[:-1] + b"\x00")]),
        f"signature of {OWN.name}",
    ),
    "a wrong cosignature added": (
        cosignatures(lambda _, line: [line, Signature(line.name, line.key_id, bytes(72))]),
        f"signature of {OWN.name}",
    ),
    "a cosignature swapped for a stranger's": (
        cosignatures(lambda note, _: [CosigningKey("w.evil.example", b"e" * 32).cosign(note.text, 5)]),
        "city/1/checkpoint: checkpoint of",
    ),
    "a cosignature swapped for the one before": (older_cosignature, f"signature of {OWN.name}"),
}


@pytest.mark.parametrize("row", TABLE)
def test_the_audit_names_what_was_done(city: City, row: str) -> None:
    """The verdict is fail, and a problem names the thing."""
    act, named = TABLE[row]
    act(city.root / "ledger")
    result = city.audit()
    assert result.verdict == "fail"
    assert any(named in problem for problem in result.problems), result.problems


def test_a_strangers_cosignature_beside_the_witnesss_changes_nothing(city: City) -> None:
    """Signatures of unknown keys are no statement to anybody who does not know them (C2SP signed-note)."""
    stranger = CosigningKey("w.elsewhere.example", b"e" * 32)
    cosignatures(lambda note, line: [line, stranger.cosign(note.text, 5)])(city.root / "ledger")
    assert city.audit().verdict == "pass"
