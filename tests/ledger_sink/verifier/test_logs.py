"""Log folders, ledger directories and pairs of checkpoints under `ledger-verify`: damage is noticed and named."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger_sink.format import (
    Block,
    Checkpoint,
    Policy,
    encode_keys,
    layout,
    merkle,
    sign_checkpoint,
    tiles,
)
from ledger_sink.format.control import Gap
from ledger_sink.format.leaf import record_leaves
from ledger_sink.verifier.city_check import check_city
from ledger_sink.verifier.cli import main
from ledger_sink.verifier.folder import LogFolder
from ledger_sink.verifier.log_check import check_log
from ledger_sink.verifier.trust import Trust
from ledger_sink.verifier.verdict import Outcome, Verdict
from tests.ledger_sink.format.test_note import TESSERA, TESSERA_KEY
from tests.ledger_sink.simulated_city import CITY as CITY_NAME
from tests.ledger_sink.simulated_city import (
    TIME_MS,
    SimulatedCity,
    SimulatedLog,
    SimulatedPartition,
    small_city,
)

SMALL = small_city()
PARTITION = SMALL.partitions[0]
KEY = Trust(None, (PARTITION.key.verifier,))


def words(verdict: Verdict) -> str:
    """Return what failed, lacked a key or could not be read, in words."""
    kinds = ("failed", "key missing", "could not read")
    return "\n".join(claim.words for claim in verdict.claims if claim.status in kinds)


def folder_of(city: SimulatedCity, path: Path, number: int = 0) -> Path:
    """Write a city and return the folder of one partition's log."""
    return city.write(path) / layout.log_path(city.partitions[number].origin)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A partition log's folder: 11 leaves, older partial tiles of 6."""
    return folder_of(SMALL, tmp_path)


def test_a_whole_log_is_recomputed(log: Path) -> None:
    """Signature, entries, tiles, root, leaves and controls of a true log pass."""
    verdict = check_log("log", LogFolder(log), KEY)
    assert verdict.passed, verdict.text()
    assert (verdict.facts["size"], verdict.facts["records"], verdict.facts["controls"]) == (11, 10, 1)


def test_another_implementations_log_is_recomputed(tmp_path: Path) -> None:
    """Tessera's test log passes, and so does consistency between its checkpoints."""
    assert main(["--log", str(TESSERA), "--key", TESSERA_KEY]) == 0
    old, new = str(TESSERA / "checkpoint.7"), str(TESSERA / "checkpoint")
    assert main(["--consistency", old, new, "--key", TESSERA_KEY]) == 0
    (tmp_path / "key").write_text(TESSERA_KEY + "\n")
    assert main(["--consistency", new, old, "--key", str(tmp_path / "key"), "--log", str(TESSERA)]) == 1


def damages(data: bytes) -> Iterator[tuple[str, bytes | None]]:
    """Ways to damage a file: bits flipped over its length, cut, longer, empty, gone."""
    for position in sorted({0, 1, len(data) // 3, len(data) // 2, len(data) - 2, len(data) - 1}):
        yield f"flip {position}", data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :]
    yield from (("cut", data[:-1]), ("longer", data + b"\x00"), ("empty", b""), ("gone", None))


def test_every_damaged_file_of_a_ledger_is_named(tmp_path: Path) -> None:
    """Each file of the directory, damaged in ten ways each, fails the audit, which names that file or its leaf."""
    city = small_city()
    trust = Trust(Policy.parse(city.policy()), tuple(log.key.verifier for log in city.partitions))
    ledger = city.write(tmp_path / "ledger")
    assert check_city("ledger", ledger, trust).passed
    files = [path for path in sorted(ledger.rglob("*")) if path.is_file() and path.name != layout.KEYS]
    tried = 0
    for path in files:
        original = path.read_bytes()
        for how, damaged in damages(original):
            if damaged is None:
                path.unlink()
            else:
                path.write_bytes(damaged)
            verdict = check_city("ledger", ledger, trust)
            name = path.relative_to(ledger).as_posix()
            if damaged is not None or not is_leftover(name):
                assert not verdict.passed, (name, how)
                assert name in words(verdict), (name, how, words(verdict))
            tried += 1
        path.write_bytes(original)
    assert tried > 150


def is_leftover(name: str) -> bool:
    """Tell whether a file is an older partial tile, which may be gone (tlog-tiles)."""
    return ".p/" in name and not name.endswith(
        (".p/11", "city/1/tile/0/000.p/2", "city/1/tile/entries/000.p/2")
    )


@pytest.fixture(scope="module")
def tall() -> SimulatedCity:
    """One partition of 70,000 leaves: three levels of tiles."""
    city = SimulatedCity([SimulatedPartition("air-quality.reading", 0)])
    city.partitions[0].seal(69_999)
    city.tick()
    return city


@pytest.mark.parametrize(
    ("name", "position", "named"),
    [
        ("tile/0/005", 100, "tile/0/005: damaged"),
        ("tile/1/000", 32 * 5, "tile/1/000: damaged"),
        ("tile/2/000.p/1", 3, "tile/2/000.p/1: damaged"),
        ("tile/entries/005", 52 * 7 + 30, "tile/entries/005: damaged: entry 1287 "),
        ("tile/entries/273.p/112", 52 * 111 + 30, "tile/entries/273.p/112: damaged: entry 69999 "),
    ],
)
def test_one_flipped_bit_among_70_000_leaves_is_named(
    tall: SimulatedCity, tmp_path: Path, name: str, position: int, named: str
) -> None:
    """The damaged tile or bundle is told from the ones that are right, down to the entry."""
    log = folder_of(tall, tmp_path)
    flip(log / name, position)
    verdict = check_log("log", LogFolder(log), Trust(None, (tall.partitions[0].key.verifier,)))
    assert not verdict.passed
    assert named in words(verdict)


def test_an_entry_rewritten_with_its_tile_is_named_by_the_tile_above(
    tall: SimulatedCity, tmp_path: Path
) -> None:
    """Who changes an entry and its level-0 tile is found out by level 1."""
    log = folder_of(tall, tmp_path)
    entries = tall.partitions[0].entries[1280:1536]
    entries[7] = entries[7][:-1] + b"\x00"
    (log / "tile/entries/005").write_bytes(tiles.encode_entries(entries))
    (log / "tile/0/005").write_bytes(b"".join(merkle.leaf_hashes(entries)))
    verdict = check_log("log", LogFolder(log), Trust(None, (tall.partitions[0].key.verifier,)))
    assert "tile/entries/005: does not fit tile/1/000" in words(verdict)


def flip(path: Path, position: int) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def test_files_past_the_checkpoint_are_no_part_of_the_log(log: Path) -> None:
    """What a crash left behind passes, and is mentioned."""
    (log / "tile/0/000.p/12").write_bytes(bytes(32 * 12))
    (log / "tile/0/000.tmp").write_bytes(b"x")
    (log / layout.STATE).write_bytes(b"{}")
    verdict = check_log("log", LogFolder(log), KEY)
    assert verdict.passed
    assert "1 files lie past" in verdict.text()


def test_a_full_tile_stands_in_for_partial_ones(tmp_path: Path) -> None:
    """A checkpoint of 200 leaves verifies beside the full tile and bundle of 256."""
    partition = SimulatedPartition("air-quality.reading", 0)
    partition.seal(199)
    checkpoint = partition.checkpoint()
    partition.seal(100)
    log = folder_of(SimulatedCity([partition, *small_city().partitions[1:]]), tmp_path)
    (log / layout.CHECKPOINT).write_bytes(checkpoint)
    shutil.rmtree(log / "tile/0/000.p")
    shutil.rmtree(log / "tile/entries/000.p")
    assert check_log("log", LogFolder(log), Trust(None, (partition.key.verifier,))).passed


def leaves_at_fault(log: SimulatedPartition) -> list[tuple[str, Callable[[], None], str]]:
    """Leaves that no honest sequencer writes, each sealed under a true signature."""
    old_record = log.entries[1]
    gap = Gap(50, 60, "retention")
    return [
        ("repeated offset", lambda: log.append([old_record]), "expected an offset of 2 or more, got 0"),
        ("second START", lambda: log.append([log.entries[0]]), "START as leaf 0 and nowhere else"),
        ("garbage", lambda: log.append([b"garbage"]), "expected 50 bytes"),
        ("gap without its file", lambda: log.append([gap.leaf()]), "control/3.json"),
    ]


@pytest.mark.parametrize(
    "number", range(4), ids=["repeated offset", "second START", "garbage", "gap without file"]
)
def test_leaves_that_break_the_rules_are_named(tmp_path: Path, number: int) -> None:
    """A signed log whose leaves repeat an offset, start twice, are garbage or lack their control is refused."""
    partition = SimulatedPartition("air-quality.reading", 0)
    partition.seal(2)
    _, damage, rule = leaves_at_fault(partition)[number]
    damage()
    log = folder_of(SimulatedCity([partition]), tmp_path)
    verdict = check_log("log", LogFolder(log), Trust(None, (partition.key.verifier,)))
    assert not verdict.passed
    assert rule in words(verdict)
    assert "leaf 3" in words(verdict)


def test_a_gap_with_its_file_is_accepted(tmp_path: Path) -> None:
    """A GAP leaf that its control file explains is part of a true log."""
    partition = SimulatedPartition("air-quality.reading", 0)
    gap = Gap(0, 9, "retention")
    partition.files[layout.control_path(1)] = gap.encode()
    partition.append([gap.leaf()])
    log = folder_of(SimulatedCity([partition]), tmp_path)
    verdict = check_log("log", LogFolder(log), Trust(None, (partition.key.verifier,)))
    assert verdict.passed, verdict.text()
    assert verdict.facts["controls"] == 2


def test_log_of_another_key_is_refused(log: Path) -> None:
    """Without the log's key nothing is shown."""
    verdict = check_log("log", LogFolder(log), Trust(None, (SMALL.log.key.verifier,)))
    assert "no key that you gave" in words(verdict)


def city_verdict(city: SimulatedCity, path: Path) -> Verdict:
    """Write a city and audit it with its own policy."""
    return check_city("ledger", city.write(path), Trust(Policy.parse(city.policy())))


def test_a_whole_ledger_is_recomputed(tmp_path: Path) -> None:
    """City log, chain, witnesses, and each partition's roots in blocks pass; keys.txt is said to be the city's."""
    verdict = city_verdict(small_city(), tmp_path)
    assert verdict.passed, verdict.text()
    assert "the ledger's own keys.txt" in verdict.text()
    assert verdict.text().count("roots in blocks are its own") == 2


def test_an_empty_city_log_seals_nothing(tmp_path: Path) -> None:
    """A signed city log without a block beside logs full of records: nothing was checked, so nothing passes."""
    city = small_city()
    city.log = SimulatedLog(city.log.origin)
    verdict = city_verdict_of(city.log.checkpoint(), city, tmp_path)
    assert verdict.outcome is Outcome.NOTHING
    assert "is empty: no block seals anything of this ledger" in verdict.text()


def city_verdict_of(checkpoint: bytes, city: SimulatedCity, path: Path) -> Verdict:
    """Audit a city whose city log has this checkpoint, under its key alone."""
    city.log.files[layout.CHECKPOINT] = checkpoint
    return check_city(
        "ledger", city.write(path), Trust(Policy.parse(f"log {city.log.key.vkey}\nquorum none\n".encode()))
    )


def test_leaves_in_no_block_yet_are_said_to_be(tmp_path: Path) -> None:
    """A log that grew past its last block passes, and the verdict says which leaves no block covers."""
    city = small_city()
    city.partitions[0].seal(2)
    verdict = city_verdict(city, tmp_path)
    assert verdict.passed
    assert "leaves 11 to 12 are in no block yet" in verdict.text()


def test_rolled_back_partition_log_is_named(tmp_path: Path) -> None:
    """A partition log shorter than a block says is a rollback."""
    city, older = small_city(), small_city(ticks=1)
    city.partitions[0] = older.partitions[0]
    assert "air-quality.reading/0/1/checkpoint: its size is 6, block 1 holds 11: rolled back" in words(
        city_verdict(city, tmp_path)
    )


def test_forked_partition_log_is_named(tmp_path: Path) -> None:
    """A partition log rewritten and signed again, after its root went into a block, is a fork."""
    city = small_city()
    forked = SimulatedPartition(city.partitions[0].topic, 0)
    for count in (5, 5):
        forked.records += [(len(forked.records) + i, 1, TIME_MS, b"other", b"", ()) for i in range(count)]
        new = forked.records[-count:]
        forked.append(record_leaves(forked.topic, forked.partition, new))
    city.partitions[0] = forked
    found = words(city_verdict(city, tmp_path))
    assert "air-quality.reading/0/1/checkpoint: the root at size 6" in found
    assert "block 0 holds" in found
    assert "forked" in found


def test_missing_partition_log_is_named(tmp_path: Path) -> None:
    """A log that blocks mention but that is gone from the directory is named."""
    city = small_city()
    ledger = city.write(tmp_path)
    shutil.rmtree(ledger / "air-quality.reading" / "1")
    verdict = check_city("ledger", ledger, Trust(Policy.parse(city.policy())))
    assert "air-quality.reading/1/1/checkpoint" in words(verdict)


def test_broken_chain_of_blocks_is_named(tmp_path: Path) -> None:
    """A block that names another block as its previous one is refused, though the city log is signed."""
    city = small_city()
    head = Checkpoint(city.partitions[0].origin, 12, bytes(32))
    city.log.append([Block(city.log.origin, 2, bytes(range(32)), TIME_MS + 5000, (head,)).encode()])
    city.log.files[layout.CHECKPOINT] = city.cosigned()
    found = words(city_verdict(city, tmp_path))
    assert "city/1: leaf 2: block 2: expected previous hash" in found


def test_blocks_that_are_garbage_are_named(tmp_path: Path) -> None:
    """An entry of the city log that is no block is named, and the blocks after it are not believed."""
    city = small_city()
    city.log.append([b"garbage"])
    city.partitions[0].seal(1)
    city.tick()
    found = words(city_verdict(city, tmp_path))
    assert "leaf 2: block: expected" in found


def test_without_witnesses_a_city_that_the_policy_wants_witnessed_fails(tmp_path: Path) -> None:
    """A city checkpoint without its cosignatures does not satisfy the auditor's policy."""
    city = small_city()
    city.log.files[layout.CHECKPOINT] = city.log.checkpoint()
    assert "quorum" in words(city_verdict(city, tmp_path))


def test_a_policy_without_the_city_log_is_unusable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The city log's key must come from the auditor: exit code 2 and how to go on."""
    city = small_city()
    city.write(tmp_path / "ledger")
    (tmp_path / "policy.txt").write_bytes(b"quorum none\n")
    assert main(["--city", str(tmp_path / "ledger"), "--policy", str(tmp_path / "policy.txt")]) == 2
    assert "<city>/city/<epoch>" in capsys.readouterr().err
    (tmp_path / "policy.txt").write_bytes(city.policy())
    (tmp_path / "keys.txt").write_bytes(encode_keys(log.key.verifier for log in city.partitions))
    arguments = ["--policy", str(tmp_path / "policy.txt"), "--keys", str(tmp_path / "keys.txt")]
    assert main(["--city", str(tmp_path / "ledger"), *arguments]) == 0
    assert main(["--city", str(tmp_path / "none"), *arguments]) == 3
    assert main(["--log", str(tmp_path / "none"), *arguments]) == 3


def test_rolled_back_and_forked_checkpoints_are_refused(tmp_path: Path) -> None:
    """Old and new checkpoints of one log: continued passes; smaller, other roots and other logs fail, by name."""
    city = small_city()
    log = city.partitions[0]
    folder = folder_of(city, tmp_path / "ledger")
    small = small_city(ticks=1).partitions[0].checkpoint()
    fork = sign_checkpoint(Checkpoint(log.origin, 6, bytes(32)), log.key)
    for name, data in (("old", small), ("fork", fork), ("other", city.partitions[1].checkpoint())):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "keys.txt").write_bytes(city.keys())
    new, keys = str(folder / "checkpoint"), ["--key", str(tmp_path / "keys.txt")]

    def run(old: str, newer: str) -> int:
        return main(["--consistency", old, newer, "--log", str(folder), *keys])

    assert run(str(tmp_path / "old"), new) == 0
    assert run(new, new) == 0
    assert run(new, str(tmp_path / "old")) == 1
    assert run(str(tmp_path / "fork"), new) == 1
    assert run(str(tmp_path / "fork"), str(tmp_path / "old")) == 1
    assert run(str(tmp_path / "other"), new) == 1
    shutil.rmtree(folder / "tile")
    assert run(str(tmp_path / "old"), new) == 3


def test_the_simulated_city_is_seoul() -> None:
    """The helper's own names hold together."""
    assert SMALL.log.origin.startswith(f"{CITY_NAME}/city/")
