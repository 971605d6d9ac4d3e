"""SIGKILL at random moments over sequencers, city chain, signer and witness, then everything recomputed.

    python -m tests.ledger_sink.kill_loop --kills 1000

The four are processes of their own (`kill_parts.py`); each round one of them, sometimes several or all, is killed
and started again while the others go on. Whatever was published by anybody, or signed, is kept, and at the end must
be a prefix of the final logs, which must be what naive code makes of the records without any crash (`kill_check.py`).
What was run: KILLS.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import time
from base64 import b64decode
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.ports import free_port
from ledger_sink.log.name import LogName
from ledger_sink.log.state import read_state
from ledger_sink.signer.server import read_signed_heads
from ledger_sink.store import FileStore
from tests.ledger_sink.kill_check import Signed, check
from tests.ledger_sink.kill_parts import ENDLESS, PARTITIONS, PARTS, PUBLISHED, TOPIC, Place
from tests.ledger_sink.worlds import CITY

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

LONGEST_PAUSE_S = 0.4
PATIENCE_S = 120.0
VICTIMS = [
    *(["sequencers"] * 8),
    *(["city chain"] * 5),
    *(["signer"] * 4),
    *(["witness"] * 2),
    "several",
    "all",
]


@dataclass
class Report:
    """What a loop did; it only exists if everything held."""

    kills: int
    by_part: dict[str, int]
    seconds: float
    records: int
    blocks: int
    checkpoints: int
    """Distinct checkpoints that were ever published, all of them checked."""
    signed_heads: int
    """Distinct heads found in the signer's memory after kills, published or not, checked too."""


class Part:
    """One process that can be killed and started again."""

    def __init__(self, name: str, place: Place, dice: random.Random) -> None:
        self.name = name
        self._place, self._dice = place, dice
        self.start()

    def start(self, target: int = ENDLESS) -> None:
        """Start it."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.ledger_sink.kill_parts"])
        self._ready, told = context.Pipe(duplex=False)
        arguments = (self._place, self._dice.randrange(1 << 30), target, told)
        self._process: ForkServerProcess = context.Process(target=PARTS[self.name], args=arguments)
        self._process.start()
        told.close()
        self._is_ready = False

    def kill(self) -> None:
        """Kill it, once it works.

        Raises:
            AssertionError: it ended by itself.
        """
        if not self._is_ready:
            assert self._ready.poll(PATIENCE_S), f"{self.name}: not ready after {PATIENCE_S} s"
            self._is_ready = self._ready.recv()
        assert self._process.is_alive(), f"{self.name} ended by itself: {self._process.exitcode}"
        self.end()

    def end(self) -> None:
        """Kill it whatever it does."""
        self._process.kill()
        self._process.join()
        self._ready.close()

    def finish(self, target: int) -> None:
        """Start it with an end and wait for that."""
        self.start(target)
        self._process.join(PATIENCE_S)
        assert self._process.exitcode == 0, f"{self.name}: {self._process.exitcode}"


def run(kills: int, root: Path, seed: int, deadline_s: float = 3600.0) -> Report:
    """Kill that often, finish, and check everything.

    Raises:
        AssertionError: a published checkpoint was not kept, or the end is not as without crashes.
    """
    dice, began = random.Random(seed), time.monotonic()
    place = Place(root, free_port(), free_port())
    place.prepare()
    killed: Counter[str] = Counter()
    notes: set[bytes] = set()
    signed: set[Signed] = set()
    parts = {name: Part(name, place, dice) for name in PARTS}
    try:
        while killed.total() < kills and time.monotonic() - began < deadline_s:
            time.sleep(dice.random() * LONGEST_PAUSE_S)
            victims = choose(dice)
            for name in victims:
                parts[name].kill()
            killed.update(victims)
            notes |= visible(root)
            signed |= remembered(place)
            for name in victims:
                parts[name].start()
        parts["sequencers"].end()
        parts["city chain"].end()
        target = 50 + max(next_offset(root, partition) for partition in range(PARTITIONS))
        parts["sequencers"].finish(target)
        parts["city chain"].finish(target)
    finally:
        for part in parts.values():
            part.end()
    notes |= visible(root) | told(root)
    signed |= remembered(place)
    blocks = check(place, target, notes, signed)
    seconds = round(time.monotonic() - began, 1)
    return Report(killed.total(), dict(killed), seconds, target * PARTITIONS, blocks, len(notes), len(signed))


def choose(dice: random.Random) -> list[str]:
    """Return who is killed next."""
    victim = dice.choice(VICTIMS)
    if victim == "all":
        return list(PARTS)
    if victim == "several":
        return dice.sample(list(PARTS), 2)
    return [victim]


def visible(root: Path) -> set[bytes]:
    """Every checkpoint that can be seen now."""
    folders = ["city/1", *(LogName(CITY, TOPIC, partition).folder for partition in range(PARTITIONS))]
    paths = [root / "ledger" / folder / "checkpoint" for folder in folders]
    return {path.read_bytes() for path in paths if path.exists()}


def told(root: Path) -> set[bytes]:
    """Every checkpoint that was noted down when it was published."""
    return {b64decode(line, validate=True) for line in (root / PUBLISHED).read_bytes().splitlines()}


def remembered(place: Place) -> set[Signed]:
    """Every head in the signer's memory now."""
    memory = read_signed_heads(FileStore(place.signer.keys))
    return {(origin, size, found) for origin, (size, found) in memory.items()}


def next_offset(root: Path, partition: int) -> int:
    """How far a partition is."""
    state = read_state(FileStore(root / "ledger"), LogName(CITY, TOPIC, partition).folder)
    return state.next_offset if state else 0


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    options = parser.parse_args()
    sys.stderr.write(f"seed {options.seed}\n")
    with tempfile.TemporaryDirectory(prefix="ledger-kills-") as folder:
        report = run(options.kills, Path(folder), options.seed)
    sys.stdout.write(json.dumps(report.__dict__) + "\n")


if __name__ == "__main__":
    main()
