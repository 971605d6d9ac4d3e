"""SIGKILL at random moments over sequencers, signer and city chain in one real process, then everything recomputed.

    python -m tests.ledger_sink.kill_loop --kills 1000

The child seals records that are a pure function of their offset, in random batches with redeliveries,
publishes them through a signer over files, and extends the city log. After every kill the checkpoints that are
visible are kept; at the end every one of them must be a prefix of the final logs, and the final logs must be
what naive code makes of the records without any crash.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from ledger_sink.format.block import Block, require_successor
from ledger_sink.format.checkpoint import Checkpoint, parse_checkpoint
from ledger_sink.format.control import parse_control
from ledger_sink.format.keys import city_origin
from ledger_sink.sequencer import LogName, PartitionFacts, Sequencer
from ledger_sink.signer import MEMORY_NAME, Signer, _encode_memory
from ledger_sink.state import read_state
from ledger_sink.store import FileStore
from tests.ledger_sink import naive
from tests.ledger_sink.worlds import CITY, SEED, TOPIC_ID, World, files_in, record

TOPIC = "air.reading"
PARTITIONS = 2
ENDLESS = 10**9


@dataclass
class FileWorld(World):
    """A world whose signer keeps its memory in files too, so that a kill can hit it."""

    signer_files: FileStore = field(default_factory=lambda: FileStore(Path("unset")))

    @property
    def signer(self) -> Signer:
        """A signer that was just started over its files."""
        return Signer(CITY, SEED, self.signer_files)


def child(root: Path, seed: int, target: int) -> None:
    """Seal until killed, or until every partition has `target` records."""
    dice = random.Random(seed)
    world = FileWorld(FileStore(root / "ledger"), signer_files=FileStore(root / "keys"))
    facts = PartitionFacts(TOPIC_ID, 0, ENDLESS)
    logs = [Sequencer.open(world.store, LogName(CITY, TOPIC, p), facts) for p in range(PARTITIONS)]
    publisher = world.publish(*logs)
    chain = world.chain()
    quorum = world.no_witness()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for log in logs:
            first = max(0, log.next_offset - dice.randrange(30))
            end = min(target, first + dice.randrange(1, 200))
            log.append([record(offset) for offset in range(first, end)])
            if dice.random() < 0.8:
                log.commit()
        publisher.publish({log.name: log.state for log in logs})
        if dice.random() < 0.5:
            chain.extend(time.time_ns() // 1_000_000)
            chain.publish(quorum)
        if all(log.state.next_offset >= target for log in logs):
            chain.extend(time.time_ns() // 1_000_000)
            chain.publish(quorum)
            return


@dataclass
class Report:
    """What a loop did; it only exists if everything held."""

    kills: int
    seconds: float
    records: int
    blocks: int
    checkpoints: int
    """Distinct checkpoints seen after kills, all of them checked."""


def run(kills: int, root: Path, seed: int, deadline_s: float = 3600.0) -> Report:
    """Kill that often, finish, and check everything.

    Raises:
        AssertionError: a published checkpoint was not kept, or the end is not as without crashes.
    """
    dice, began = random.Random(seed), time.monotonic()
    FileStore(root / "keys").write({MEMORY_NAME: _encode_memory({})})
    seen: set[bytes] = set()
    done = 0
    while done < kills and time.monotonic() - began < deadline_s:
        with start(root, dice.randrange(1 << 30), ENDLESS) as process:
            assert process.stdout is not None
            ready = process.stdout.readline()
            time.sleep(dice.random() * 0.25 if ready else 0)
            assert process.poll() is None, f"the child ended by itself after {done} kills"
            process.kill()
        done += 1
        seen |= published(root)
    target = 50 + max(next_offset(root, partition) for partition in range(PARTITIONS))
    with start(root, dice.randrange(1 << 30), target) as process:
        assert process.wait(120) == 0
    seen |= published(root)
    blocks = check(root, target, seen)
    return Report(done, time.monotonic() - began, target * PARTITIONS, blocks, len(seen))


def start(root: Path, seed: int, target: int) -> subprocess.Popen[bytes]:
    """Start a child."""
    program = [
        sys.executable,
        "-m",
        "tests.ledger_sink.kill_loop",
        "--child",
        str(root),
        str(seed),
        str(target),
    ]
    return subprocess.Popen(program, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])


def published(root: Path) -> set[bytes]:
    """Every checkpoint that can be seen now."""
    return {path.read_bytes() for path in (root / "ledger").rglob("checkpoint")}


def next_offset(root: Path, partition: int) -> int:
    """How far a partition is."""
    state = read_state(FileStore(root / "ledger"), LogName(CITY, TOPIC, partition).folder)
    return state.next_offset if state else 0


def check(root: Path, target: int, seen: set[bytes]) -> int:
    """Compare the final logs with naive code, and every checkpoint with the final logs; return the blocks."""
    files = files_in(FileStore(root / "ledger"))
    heads = [parse_checkpoint(note)[0] for note in seen]
    for partition in range(PARTITIONS):
        name = LogName(CITY, TOPIC, partition)
        start_leaf = parse_control(files[f"{name.folder}/control/0.json"]).leaf()
        expected = [naive.leaf_of(TOPIC, partition, record(offset)) for offset in range(target)]
        entries = naive.entries_in(files, name.folder, target + 1)
        assert entries == [start_leaf, *expected]
        for path, data in naive.files_of(entries).items():
            full = f"{name.folder}/{path.partition('.p/')[0]}"
            assert (files.get(f"{name.folder}/{path}") or files[full][: len(data)]) == data, path
        check_heads(entries, name.origin, heads)
    city = max(head.size for head in heads if head.origin == city_origin(CITY))
    entries = naive.entries_in(files, "city/1", city)
    check_heads(entries, city_origin(CITY), heads)
    last: dict[str, Checkpoint] = {}
    previous = None
    for entry in entries:
        block = Block.parse(entry)
        require_successor(previous, block, last)
        last.update((head.origin, head) for head in block.heads)
        previous = block
    assert {head.size for head in last.values()} == {target + 1}
    return city


def check_heads(entries: list[bytes], origin: str, heads: list[Checkpoint]) -> None:
    """Every checkpoint that was ever published is a prefix of the final log; one root a size."""
    roots: dict[int, bytes] = {}
    for head in heads:
        if head.origin == origin:
            if head.size not in roots:
                roots[head.size] = naive.tree_hash(entries[: head.size])
            assert roots[head.size] == head.root, f"{origin} at {head.size}: fork"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--child", nargs=3, metavar=("ROOT", "SEED", "TARGET"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        root, seed, target = options.child
        child(Path(root), int(seed), int(target))
        return
    sys.stderr.write(f"seed {options.seed}\n")
    with tempfile.TemporaryDirectory(prefix="ledger-kills-") as folder:
        report = run(options.kills, Path(folder), options.seed)
    sys.stdout.write(json.dumps(report.__dict__) + "\n")


if __name__ == "__main__":
    main()
