"""The sequencer keeps docs/ledger.md#sequencing: any batches, any crash, the same bytes; a clear stop where it must."""

from __future__ import annotations

import random
from itertools import count
from typing import TYPE_CHECKING

import pytest

from ledger_sink.errors import (
    DamagedLogError,
    DamagedStateError,
    LockHeldError,
    OffsetPastEndError,
    RecordRefusedError,
    StoreError,
    TopicReplacedError,
)
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.control import Gap, Start, parse_control
from ledger_sink.log.name import LogName
from ledger_sink.sealing.sequencer import PartitionFacts, Sequencer
from ledger_sink.store import FileStore, MemoryStore
from tests.ledger_sink import naive
from tests.ledger_sink.worlds import CITY, TOPIC_ID, World, assert_log_whole, files_in, record, records

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "air.reading/0/1"


class CrashError(Exception):
    """The process dies here."""


def grow(world: World, end: int) -> Sequencer:
    """A committed and published log of records 0 to end-1."""
    sequencer = world.open()
    sequencer.append(records(sequencer.next_offset, end))
    sequencer.commit()
    world.publish(sequencer)
    return sequencer


def test_leaves_are_what_the_book_says() -> None:
    """Leaf 0 is START, leaf n+1 is record n, each spelled as FORMAT.md §3 demands."""
    world = World(MemoryStore())
    state = grow(world, 20).state
    entries = assert_log_whole(world.store, FOLDER, state.size, state.root)
    assert entries[1:] == [naive.leaf_of("air.reading", 0, record(offset)) for offset in range(20)]
    start = parse_control(world.store.read(f"{FOLDER}/control/0.json"))
    assert start == Start(0, TOPIC_ID.hex(), "")
    assert entries[0] == start.leaf()


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513, 65_536, 65_537])
def test_every_size_edge_has_all_its_tiles(size: int) -> None:
    """At the edges of tiles each level's files are exactly those of the book, and the log opens again."""
    world = World(MemoryStore())
    sequencer = grow(world, size - 1)
    state = sequencer.state
    assert state.size == size
    assert_log_whole(world.store, FOLDER, size, state.root)
    sequencer.close()
    again = world.open()
    again.append(records(again.next_offset, size))
    again.commit()
    assert_log_whole(world.store, FOLDER, size + 1, again.state.root)


def test_redelivered_records_are_dropped() -> None:
    """Records below the next offset were taken before and change nothing."""
    world = World(MemoryStore())
    sequencer = grow(world, 10)
    assert sequencer.append(records(3, 12)) == 2
    assert sequencer.commit().size == 13


def test_holes_between_offsets_are_kept_as_they_are() -> None:
    """Compaction and control markers leave holes; the leaves keep the offsets."""
    world = World(MemoryStore())
    sequencer = world.open()
    sequencer.append([record(2), record(5), record(9)])
    state = sequencer.commit()
    assert (state.size, state.next_offset) == (4, 10)


def test_the_end_of_a_partition_moves_the_next_offset_and_adds_no_leaf() -> None:
    """Control records behind the last record: the state passes them, and deleting them later makes no GAP."""
    world = World(MemoryStore())
    sequencer = grow(world, 10)
    before = sequencer.state
    sequencer.step_over(7)  # an end that was passed before
    assert not sequencer.has_moved
    sequencer.step_over(13)
    assert (sequencer.has_moved, sequencer.pending) == (True, 0)
    state = sequencer.commit()
    assert (state.size, state.root, state.next_offset) == (before.size, before.root, 13)
    assert not sequencer.has_moved
    sequencer.close()
    again = world.open(low=13)
    assert again.pending == 0
    again.append(records(13, 15))
    assert again.commit().size == 13


def test_offsets_that_do_not_rise_are_refused() -> None:
    """A batch out of order takes nothing."""
    sequencer = World(MemoryStore()).open()
    with pytest.raises(RecordRefusedError, match="expected an offset above 4, got 3"):
        sequencer.append([record(4), record(3)])
    assert sequencer.next_offset == 0


def test_a_record_without_canonical_form_is_refused() -> None:
    """A timestamp type that Kafka does not know stops the log and names the offset."""
    sequencer = World(MemoryStore()).open()
    with pytest.raises(RecordRefusedError, match=r"air\.reading/0: offsets 0 to 0"):
        sequencer.append([record(0)._replace(timestamp_type=-1)])


def test_records_gone_before_they_were_read_are_a_gap_leaf() -> None:
    """What retention took is said by a GAP leaf whose input lies in control/."""
    world = World(MemoryStore())
    grow(world, 10).close()
    sequencer = world.open(low=25)
    sequencer.append(records(25, 27))
    state = sequencer.commit()
    entries = assert_log_whole(world.store, FOLDER, state.size, state.root)
    gap = parse_control(world.store.read(f"{FOLDER}/control/11.json"))
    assert isinstance(gap, Gap)
    assert (gap.first_missing, gap.last_missing) == (10, 24)
    assert entries[11] == gap.leaf()
    assert state.size == 14


def test_a_re_created_topic_stops_the_log() -> None:
    """Another topic id is a stop with the next step in the message."""
    world = World(MemoryStore())
    grow(world, 5).close()
    with pytest.raises(TopicReplacedError, match=r"city keys new-epoch air\.reading"):
        Sequencer.open(world.store, LogName(CITY, "air.reading", 0), PartitionFacts(bytes(16), 0, 9))


def test_an_offset_past_the_end_stops_the_log() -> None:
    """Sealed records that Kafka does not have any more are a stop."""
    world = World(MemoryStore())
    grow(world, 5).close()
    with pytest.raises(OffsetPastEndError, match="5 records are sealed, but Kafka ends at offset 3"):
        world.open(high=3)


def test_a_second_writer_is_refused_until_the_first_ends() -> None:
    """One writer a log."""
    world = World(MemoryStore())
    first = world.open()
    with pytest.raises(LockHeldError):
        world.open()
    first.close()
    world.open()


@pytest.mark.parametrize("at", [0, 10, 60, -2])
def test_a_damaged_state_is_not_believed(at: int) -> None:
    """One flipped bit in the state file stops the log."""
    store = MemoryStore()
    grow(World(store), 5).close()
    data = bytearray(store.files[f"{FOLDER}/state.json"])
    data[at] ^= 1
    store.files[f"{FOLDER}/state.json"] = bytes(data)
    with pytest.raises(DamagedStateError, match=r"state\.json"):
        World(store).open()


def test_a_missing_state_beside_a_checkpoint_is_no_new_log() -> None:
    """Refuse rather than guess: a log that was published does not start again."""
    store = MemoryStore()
    grow(World(store), 5).close()
    del store.files[f"{FOLDER}/state.json"]
    with pytest.raises(DamagedStateError, match="expected a state"):
        World(store).open()


@pytest.mark.parametrize("name", ["tile/0/000.p/6", "tile/entries/000.p/6"])
def test_a_damaged_right_edge_stops_the_log(name: str) -> None:
    """The committed root must follow from the tiles and entries at the edge."""
    store = MemoryStore()
    grow(World(store), 5).close()
    data = bytearray(store.files[f"{FOLDER}/{name}"])
    data[-1] ^= 1
    store.files[f"{FOLDER}/{name}"] = bytes(data)
    with pytest.raises(DamagedLogError, match="000"):
        World(store).open()


def test_partial_tiles_go_when_the_full_one_is_published() -> None:
    """Once a tile is full and its checkpoint is out, its partials are gone and the log still reads whole."""
    world = World(MemoryStore())
    sequencer = world.open()
    publisher = world.publish()
    for end in (10, 100, 255, 300):
        sequencer.append(records(sequencer.next_offset, end))
        sequencer.commit()
        publisher.publish({sequencer.name: sequencer.state})
    names = files_in(world.store)
    assert not [name for name in names if "/000.p/" in name and "/tile/1/" not in name]
    assert f"{FOLDER}/tile/0/001.p/45" in names
    assert_log_whole(world.store, FOLDER, 301, sequencer.state.root)


@pytest.mark.parametrize("seed", range(4))
def test_random_batches_make_the_same_log(seed: int) -> None:
    """However records are batched, repeated and committed, the files of a size are the same bytes."""
    dice = random.Random(seed)
    world = World(MemoryStore())
    sequencer = world.open()
    while sequencer.next_offset < 700:
        first = max(0, sequencer.next_offset - dice.randrange(20))
        sequencer.append(records(first, min(700, first + dice.randrange(1, 150))))
        if dice.random() < 0.4:
            sequencer.commit()
        if dice.random() < 0.2:
            sequencer.close()
            sequencer = world.open()
    state = sequencer.commit()
    plain = World(MemoryStore())
    assert grow(plain, 700).state == state
    assert_log_whole(world.store, FOLDER, 701, state.root)


def test_a_fault_at_any_file_operation_loses_and_forks_nothing(tmp_path: Path) -> None:
    """Die before or after each single file operation: published checkpoints stay true, the end is the same."""
    plain = World(MemoryStore())
    expected = grow(plain, 600).state
    for fatal in count(1):
        seen = run_until(tmp_path / str(fatal), fatal, expected.size)
        if seen < fatal:
            assert fatal > 100  # so many operations were tried, each alone
            return


def run_until(root: Path, fatal: int, size: int) -> int:
    """Run a ledger that dies at its n-th file operation, start it again, check; return operations seen."""
    operations = 0

    def fault(operation: str, name: str) -> None:
        nonlocal operations
        del operation, name
        operations += 1
        if operations == fatal:
            raise CrashError

    world = World(FileStore(root, threads=1, fault_for_tests=fault))
    published: list[bytes] = []
    while True:
        try:
            work(world, published)
            break
        except CrashError:
            world = World(FileStore(root, threads=1), world.signer_store)
    final = files_in(world.store)
    entries = naive.entries_in(final, FOLDER, size)
    for note in published:
        checkpoint, _ = parse_checkpoint(note)
        assert naive.tree_hash(entries[: checkpoint.size]) == checkpoint.root
    assert parse_checkpoint(final[f"{FOLDER}/checkpoint"])[0].size == size
    assert_log_whole(world.store, FOLDER, size, naive.tree_hash(entries))
    return operations


def work(world: World, published: list[bytes]) -> None:
    """Seal 600 records in four commits, each published."""
    sequencer = world.open()
    try:
        publisher = world.publish(sequencer)
        for end in (100, 255, 256, 600):
            sequencer.append(records(max(0, sequencer.next_offset - 5), end))
            sequencer.commit()
            publisher.publish({sequencer.name: sequencer.state})
            published.append(world.store.read(f"{FOLDER}/checkpoint"))
    finally:
        sequencer.close()


def test_a_commit_that_failed_may_be_made_again() -> None:
    """After an error of the store the same sequencer commits the same bytes."""
    failing = True

    def fault(operation: str, name: str) -> None:
        if failing and operation == "after write" and name.endswith("state.json"):
            raise StoreError("broken")

    world = World(MemoryStore(fault))
    sequencer = world.open()
    sequencer.append(records(0, 300))
    with pytest.raises(StoreError):
        sequencer.commit()
    failing = False
    state = sequencer.commit()
    assert_log_whole(world.store, FOLDER, 301, state.root)
