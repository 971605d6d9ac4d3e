"""The city log: what gets into a block, what does not, who must have cosigned, and any crash in between."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import pytest

from ledger_sink.city_log.state import read_cosigned_checkpoint
from ledger_sink.city_log.writer import CityLogWriter, Quorum
from ledger_sink.errors import (
    CheckpointRefusedError,
    ClockSteppedBackError,
    DamagedLogError,
    DamagedStateError,
    LockHeldError,
    SignerUnavailableError,
)
from ledger_sink.format.block import Block, require_successor
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.cosignature import CosigningKey
from ledger_sink.format.cosigned import open_cosigned
from ledger_sink.format.keys import city_origin
from ledger_sink.format.policy import Policy, PolicyGroup, PolicyLog, PolicyWitness
from ledger_sink.http.server import Server
from ledger_sink.store import FileStore, MemoryStore
from ledger_sink.witness.client import WitnessClient
from ledger_sink.witness.server import Witness
from tests.ledger_sink import naive
from tests.ledger_sink.sealing.test_sequencer import CrashError
from tests.ledger_sink.worlds import CITY, World, assert_log_whole, files_in, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ledger_sink.format.checkpoint import Checkpoint
    from ledger_sink.store import Store

FOLDER = "city/1"
NOW_MS = 1_800_000_000_000


def grow(world: World, partition: int, end: int) -> None:
    """Seal and publish one partition up to an offset."""
    sequencer = world.open(partition)
    sequencer.append(records(sequencer.next_offset, end))
    sequencer.commit()
    world.publish(sequencer)
    sequencer.close()


def blocks_of(store: Store, size: int) -> list[Block]:
    """Every block of the city log, their chain checked."""
    blocks: list[Block] = []
    heads: dict[str, Checkpoint] = {}
    for entry in naive.entries_in(files_in(store), FOLDER, size):
        block = Block.parse(entry)
        require_successor(blocks[-1] if blocks else None, block, heads)
        heads.update((head.origin, head) for head in block.heads)
        blocks.append(block)
    return blocks


def test_a_block_names_every_log_that_grew_and_no_other() -> None:
    """Two logs, then one of them again: two blocks, the second with one line."""
    world = World(MemoryStore())
    grow(world, 0, 5)
    grow(world, 1, 3)
    chain = world.chain()
    assert chain.extend(NOW_MS) == 1
    assert chain.extend(NOW_MS) == 0
    grow(world, 1, 9)
    assert chain.extend(NOW_MS + 1) == 1
    sizes = [[head.size for head in block.heads] for block in blocks_of(world.store, 2)]
    assert sizes == [[6, 4], [10]]
    assert_log_whole(world.store, FOLDER, 2, chain.state.root)


def test_a_block_is_kept_small() -> None:
    """Twenty logs in one tick make three blocks of at most 8 lines, chained and sorted."""
    world = World(MemoryStore())
    for partition in range(20):
        grow(world, partition, 1)
    chain = world.chain()
    assert chain.extend(NOW_MS) == 3
    assert [len(block.heads) for block in blocks_of(world.store, 3)] == [8, 8, 4]


def test_it_goes_on_where_it_was() -> None:
    """A chain opened anew adds to the same log."""
    world = World(MemoryStore())
    grow(world, 0, 5)
    chain = world.chain()
    chain.extend(NOW_MS)
    chain.close()
    grow(world, 0, 6)
    again = world.chain()
    assert again.extend(NOW_MS) == 1
    assert len(blocks_of(world.store, 2)) == 2
    with pytest.raises(LockHeldError):
        world.chain()


def test_a_checkpoint_with_a_wrong_signature_gets_into_no_block() -> None:
    """One flipped byte in a partition checkpoint: that log is refused by name, the other goes on."""
    store = MemoryStore()
    world = World(store)
    grow(world, 0, 5)
    grow(world, 1, 5)
    name = "air.reading/0/1/checkpoint"
    store.files[name] = store.files[name].replace(b"\n6\n", b"\n5\n")
    chain = world.chain()
    assert chain.extend(NOW_MS) == 1
    assert [h.origin for h in blocks_of(store, 1)[0].heads] == [f"{CITY}/air.reading/1/1"]
    assert name in chain.refused[f"{CITY}/air.reading/0/1"]


def test_a_rolled_back_log_gets_into_no_block() -> None:
    """A signed but older checkpoint is refused."""
    store = MemoryStore()
    world = World(store)
    grow(world, 0, 5)
    older = store.files["air.reading/0/1/checkpoint"]
    grow(world, 0, 9)
    chain = world.chain()
    chain.extend(NOW_MS)
    store.files["air.reading/0/1/checkpoint"] = older
    assert chain.extend(NOW_MS) == 0
    assert "rolled back" in chain.refused[f"{CITY}/air.reading/0/1"]


def test_a_forked_log_gets_into_no_block() -> None:
    """A log that grew inconsistently, signed by the right key, is refused: the chain is a witness too."""
    store = MemoryStore()
    world = World(store)
    grow(world, 0, 5)
    chain = world.chain()
    chain.extend(NOW_MS)
    fork = World(MemoryStore())
    sequencer = fork.open()
    sequencer.append(records(100, 120))
    sequencer.commit()
    fork.publish(sequencer)
    assert isinstance(fork.store, MemoryStore)
    store.files |= {n: d for n, d in fork.store.files.items() if n.startswith("air.reading")}
    assert chain.extend(NOW_MS) == 0
    assert "consistency" in chain.refused[f"{CITY}/air.reading/0/1"]


def test_a_clock_that_stepped_back_is_waited_for() -> None:
    """No block is older than the one before; what was seen meanwhile gets into the next one."""
    world = World(MemoryStore())
    grow(world, 0, 5)
    chain = world.chain()
    chain.extend(NOW_MS)
    grow(world, 0, 6)
    with pytest.raises(ClockSteppedBackError):
        chain.extend(NOW_MS - 1)
    assert chain.extend(NOW_MS) == 1


def test_a_damaged_city_log_is_not_extended() -> None:
    """State and last block are checked at the start."""
    store = MemoryStore()
    world = World(store)
    grow(world, 0, 5)
    chain = world.chain()
    chain.extend(NOW_MS)
    chain.publish(world.no_witness())
    chain.close()
    name = f"{FOLDER}/tile/entries/000.p/1"
    whole = store.files[name]
    store.files[name] = whole.replace(b"2027", b"2026")
    with pytest.raises(DamagedLogError):
        world.chain()
    store.files[name] = whole
    del store.files[f"{FOLDER}/state.json"]
    with pytest.raises(DamagedStateError, match="put it back"):
        world.chain()


@pytest.fixture
def witnesses() -> Iterator[list[tuple[CosigningKey, Server, MemoryStore]]]:
    """Three witnesses at ports of their own, serving whatever the city log's key of the test world is."""
    running = []
    (key,) = World(MemoryStore()).vkeys([city_origin(CITY)])
    for number in range(3):
        own = CosigningKey(f"w{number}.example", bytes([number + 9]) * 32)
        store = MemoryStore()
        server = Server(Witness(own, store, lambda: {key.name: key}).answer, "127.0.0.1", 0)
        server.start()
        running.append((own, server, store))
    yield running
    for _, server, _ in running:
        server.stop()


def quorum_of(running: list[tuple[CosigningKey, Server, MemoryStore]], threshold: int) -> Quorum:
    """A policy that asks for k of these witnesses."""
    (key,) = World(MemoryStore()).vkeys([city_origin(CITY)])
    found = tuple(
        PolicyWitness(f"w{i}", own.verifier, server.url) for i, (own, server, _) in enumerate(running)
    )
    group = PolicyGroup("all", threshold, tuple(witness.name for witness in found))
    policy = Policy((PolicyLog(key),), found, (group,), "all")
    return Quorum(policy, tuple((w.name, WitnessClient(w.key, w.url or "")) for w in found))


Running = list[tuple[CosigningKey, Server, MemoryStore]]


def test_the_city_checkpoint_appears_with_its_quorum(witnesses: Running) -> None:
    """Two of three cosign: published with both, and the silent one is named."""
    world = World(MemoryStore())
    grow(world, 0, 5)
    chain = world.chain()
    chain.extend(NOW_MS)
    quorum = quorum_of(witnesses, 2)
    witnesses[2][1].stop()
    assert chain.publish(quorum)
    cosigned = open_cosigned(world.store.read(f"{FOLDER}/checkpoint"), quorum.policy)
    assert (cosigned.checkpoint.size, len(cosigned.witnesses)) == (1, 2)
    assert list(chain.failures) == ["w2"]
    cover = read_cosigned_checkpoint(world.store, "air.reading/0/1")
    assert cover is not None
    assert (cover.block, parse_checkpoint(cover.note)[0].size) == (0, 6)


def test_without_its_quorum_nothing_is_published(witnesses: Running) -> None:
    """The log goes on growing; the next quorum covers all of it, and a witness that lagged catches up."""
    world = World(MemoryStore())
    grow(world, 0, 5)
    chain = world.chain()
    chain.extend(NOW_MS)
    assert not chain.publish(silent_quorum(witnesses))
    assert "checkpoint" not in world.store.listing(FOLDER)
    assert read_cosigned_checkpoint(world.store, "air.reading/0/1") is None
    grow(world, 0, 7)
    chain.extend(NOW_MS)
    assert chain.publish(quorum_of(witnesses, 3))
    assert parse_checkpoint(world.store.read(f"{FOLDER}/checkpoint"))[0].size == 2
    grow(world, 0, 300)
    chain.extend(NOW_MS)
    assert chain.publish(quorum_of(witnesses, 3))  # new clients start at old 0 and learn the size


def silent_quorum(running: Running) -> Quorum:
    """A quorum whose witnesses cannot be reached."""
    quorum = quorum_of(running, 1)
    nowhere = tuple((name, WitnessClient(one.key, "http://127.0.0.1:9")) for name, one in quorum.witnesses)
    return replace(quorum, witnesses=nowhere)


def test_a_rolled_back_city_log_is_not_cosigned(witnesses: Running) -> None:
    """If our city log lost blocks that a witness has seen, that is a stop and not a new history."""
    world = World(MemoryStore())
    grow(world, 0, 5)
    chain = world.chain()
    chain.extend(NOW_MS)
    assert chain.publish(quorum_of(witnesses, 1))
    other = World(MemoryStore())
    grow(other, 1, 5)
    forked = other.chain()
    forked.extend(NOW_MS)
    with pytest.raises(CheckpointRefusedError, match="witness"):
        forked.publish(quorum_of(witnesses, 1))


def test_a_crash_after_the_city_checkpoint_still_leads_to_covers() -> None:
    """The prover's file that a crash left out is written at the next start."""
    store = MemoryStore()
    world = World(store)
    grow(world, 0, 5)
    chain = world.chain()
    chain.extend(NOW_MS)
    chain.publish(world.no_witness())
    chain.close()
    del store.files["air.reading/0/1/cover.json"]
    again = world.chain()
    again.extend(NOW_MS)
    again.publish(world.no_witness())
    assert read_cosigned_checkpoint(store, "air.reading/0/1") is not None


def test_a_signer_that_is_away_holds_up_publishing_only() -> None:
    """Blocks are made without the signer; they are signed when it is back."""
    world = World(MemoryStore())
    grow(world, 0, 5)

    def away(_: object) -> list[object]:
        raise SignerUnavailableError("away")

    chain = CityLogWriter(world.store, city_origin(CITY), away)  # type: ignore[arg-type]
    assert chain.extend(NOW_MS) == 1
    with pytest.raises(SignerUnavailableError):
        chain.publish(world.no_witness())
    chain.close()
    assert world.chain().publish(world.no_witness())


def test_a_fault_at_any_file_operation_forks_nothing(tmp_path: Path) -> None:
    """Die before or after each file operation of the chain: published city checkpoints stay true."""
    for fatal in count(1):
        root = tmp_path / str(fatal)
        operations = run_with_fault(root, fatal)
        if operations < fatal:
            assert fatal > 30  # so many operations were tried, each alone
            return


def run_with_fault(root: Path, fatal: int) -> int:
    """Make two city checkpoints with one death on the way; check all that were published."""
    operations = 0

    def fault(operation: str, name: str) -> None:
        nonlocal operations
        del operation, name
        operations += 1
        if operations == fatal:
            raise CrashError

    plain = World(FileStore(root, threads=1))
    published = []
    for end in (3, 9):
        grow(plain, 0, end)
        faulty = World(FileStore(root, threads=1, fault_for_tests=fault), plain.signer_store)
        for world in (faulty, plain):  # the second one finds done what the first one did
            chain = None
            try:
                chain = world.chain()
                chain.extend(NOW_MS + end)
                chain.publish(world.no_witness())
            except CrashError:
                continue
            finally:
                if chain is not None:
                    chain.close()
        published.append(parse_checkpoint(plain.store.read(f"{FOLDER}/checkpoint"))[0])
    entries = naive.entries_in(files_in(plain.store), FOLDER, published[-1].size)
    assert len(blocks_of(plain.store, len(entries))) == 2
    for head in published:
        assert naive.tree_hash(entries[: head.size]) == head.root
    assert read_cosigned_checkpoint(plain.store, "air.reading/0/1") is not None
    return operations
