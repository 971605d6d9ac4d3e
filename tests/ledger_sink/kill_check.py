"""What must hold after any number of kills: naive code makes the logs again from the records and compares all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.format.block import Block, require_successor
from ledger_sink.format.checkpoint import Checkpoint, parse_checkpoint
from ledger_sink.format.control import parse_control
from ledger_sink.format.cosigned import open_cosigned
from ledger_sink.format.keys import city_origin
from ledger_sink.format.note import verify_note
from ledger_sink.log.key_list import read_keys
from ledger_sink.log.name import LogName
from ledger_sink.store import FileStore
from tests.ledger_sink import naive
from tests.ledger_sink.kill_parts import PARTITIONS, TOPIC, Place
from tests.ledger_sink.worlds import CITY, files_in, record

if TYPE_CHECKING:
    from collections.abc import Collection

Signed = tuple[str, int, bytes]
"""Origin, size and root of what the signer says to have signed."""


def check(place: Place, target: int, notes: Collection[bytes], signed: Collection[Signed]) -> int:
    """Compare the end with naive code, and all that was ever published or signed with the end; return the blocks."""
    store = FileStore(place.root / "ledger")
    files = files_in(store)
    heads = [parse_checkpoint(note)[0] for note in notes]
    heads += [Checkpoint(*head) for head in signed if head[1]]
    check_signatures(place, notes)
    for partition in range(PARTITIONS):
        name = LogName(CITY, TOPIC, partition)
        start_leaf = parse_control(files[f"{name.folder}/control/0.json"]).leaf()
        expected = [naive.leaf_of(TOPIC, partition, record(offset)) for offset in range(target)]
        entries = naive.entries_in(files, name.folder, target + 1)
        assert entries == [start_leaf, *expected]
        check_files(files, name.folder, entries)
        check_heads(entries, name.origin, heads)
    return check_city(files, target, heads)


def check_signatures(place: Place, notes: Collection[bytes]) -> None:
    """Each published checkpoint bears its log's signature, the city's also its quorum."""
    keys = read_keys(FileStore(place.root / "ledger"))
    policy = place.quorum.policy
    for note in notes:
        head, parsed = parse_checkpoint(note)
        verify_note(parsed, [keys[head.origin]])
        if head.origin == city_origin(CITY):
            open_cosigned(note, policy)


def check_files(files: dict[str, bytes], folder: str, entries: list[bytes]) -> None:
    """Every tile and bundle of the final size is what the book says; a full one stands in for a partial one."""
    for path, data in naive.files_of(entries).items():
        full = f"{folder}/{path.partition('.p/')[0]}"
        assert (files.get(f"{folder}/{path}") or files[full][: len(data)]) == data, path


def check_city(files: dict[str, bytes], target: int, heads: list[Checkpoint]) -> int:
    """The chain of blocks is whole and ends at the whole logs."""
    size = max(head.size for head in heads if head.origin == city_origin(CITY))
    entries = naive.entries_in(files, "city/1", size)
    check_files(files, "city/1", entries)
    check_heads(entries, city_origin(CITY), heads)
    last: dict[str, Checkpoint] = {}
    previous = None
    for entry in entries:
        block = Block.parse(entry)
        require_successor(previous, block, last)
        last.update((head.origin, head) for head in block.heads)
        previous = block
    assert [head.size for head in last.values()] == [target + 1] * PARTITIONS
    return size


def check_heads(entries: list[bytes], origin: str, heads: list[Checkpoint]) -> None:
    """Every head is the root of a prefix of the final log: so any two of them are consistent."""
    own = {(head.size, head.root) for head in heads if head.origin == origin}
    roots = naive.tree_hashes(entries, {size for size, _ in own})
    for size, root in own:
        assert roots[size] == root, f"{origin} at {size}: fork"
