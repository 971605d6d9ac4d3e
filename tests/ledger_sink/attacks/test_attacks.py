"""Attacks by name: rollback, fork, split view, swapped leaves, foreign proof or witness, bad signature, stale head.

One row for each attack and each part that must refuse it: signer, city chain, witness, publisher, sequencer, or the
reader with `ledger-verify` or the format library. Attackers here hold the log's key wherever that makes the attack
stronger. Further forgeries of bundles: `verifier/test_evidence.py`; of files: `test_damage.py`.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ledger_sink.errors import (
    CheckpointRefusedError,
    OffsetPastEndError,
    SignatureRefusedError,
    TopicReplacedError,
    WitnessUnavailableError,
)
from ledger_sink.format.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from ledger_sink.format.cosignature import CosigningKey
from ledger_sink.format.cosigned import open_cosigned
from ledger_sink.format.errors import CheckpointFormatError, ProofError, QuorumError, SignatureError
from ledger_sink.format.keys import city_origin
from ledger_sink.format.merkle import leaf_hashes, root, verify_consistency
from ledger_sink.format.note import Note, Signature, SigningKey, parse_note
from ledger_sink.format.policy import Policy
from ledger_sink.format.tiles import TileBuilder, consistency_proof
from ledger_sink.format.tlog_proof import TlogProof
from ledger_sink.format.witness_request import AddCheckpoint
from ledger_sink.log.name import LogName
from ledger_sink.log.tile_log import TileSource
from ledger_sink.sealing.sequencer import PartitionFacts, Sequencer
from ledger_sink.signer.client import CommittedHead, SignerClient
from ledger_sink.store import MemoryStore
from ledger_sink.verifier.cli import main
from ledger_sink.verifier.evidence import check_evidence
from ledger_sink.verifier.trust import Trust
from ledger_sink.witness.client import WitnessClient
from ledger_sink.witness.server import Witness
from tests.ledger_sink.simulated_city import TIME_S, WITNESS, SimulatedLog, small_city
from tests.ledger_sink.small_history import Beside
from tests.ledger_sink.worlds import CITY, World, memory_of_signer, records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOLDER = "air.reading/0/1"
ORIGIN = f"{CITY}/{FOLDER}"
NOW_MS = 1_800_000_000_000
SEOUL = small_city()
TRUE = [b"leaf %d" % i for i in range(9)]
FALSE = [b"other %d" % i for i in range(9)]


def grown(world: World, end: int, first: int = 0) -> None:
    """Seal and publish records of one partition."""
    sequencer = world.open(low=first)
    sequencer.append(records(max(first, sequencer.next_offset), end))
    sequencer.commit()
    world.publish(sequencer)
    sequencer.close()


def memory_world() -> tuple[World, MemoryStore]:
    """A ledger in memory and its files."""
    store = MemoryStore()
    return World(store), store


def forked_world() -> MemoryStore:
    """The same log with another history, signed by the same key: a thief's signer has no memory."""
    world, store = memory_world()
    grown(world, 130, first=100)
    return store


def log_of(entries: list[bytes], origin: str = city_origin("seoul.example")) -> SimulatedLog:
    """A log of these entries with the city log's own key."""
    log = SimulatedLog(origin)
    log.append(entries)
    return log


def proof(entries: list[bytes], old: int) -> tuple[bytes, ...]:
    """The consistency proof that a tree of these entries can give."""
    builder = TileBuilder()
    builder.append(leaf_hashes(entries))
    tiles = {(tile.level, tile.index): tile.data for tile in builder.partials()}
    return consistency_proof(old, len(entries), lambda level, index, _: tiles[level, index])


def witness_of(log: SimulatedLog) -> Witness:
    """A witness to one log."""
    key = log.key.verifier
    return Witness(WITNESS, MemoryStore(), lambda: {key.name: key}, lambda: TIME_S)


def cosigned(log: SimulatedLog, witness: Witness) -> Signature:
    """What the city's own client of a witness gets for the log's newest checkpoint."""
    cosigner = WitnessClient(WITNESS.verifier, "http://witness.example")
    cosigner._peer = Beside(witness)
    return cosigner.cosign(log.head(), log.checkpoint(), TileSource(files_of(log), "log"))


def files_of(log: SimulatedLog) -> MemoryStore:
    """A simulated log's files in a store."""
    store = MemoryStore()
    store.files = {f"log/{name}": data for name, data in log.files.items()}
    return store


def signed_again(world: World, store: MemoryStore, size: int, root_hash: bytes) -> None:
    """Ask the signer of a world, as its publisher would, for a head over a store's tiles."""
    head = CommittedHead(FOLDER, Checkpoint(ORIGIN, size, root_hash))
    keys = {ORIGIN: world.vkeys([ORIGIN])[0]}
    _, refusals = SignerClient(store, world.signer.sign).sign([head], keys)
    raise refusals[ORIGIN]


def rollback_at_the_signer(_: Path) -> None:
    """The log's files were put back to an older state."""
    world, store = memory_world()
    grown(world, 5)
    older = dict(store.files)
    grown(world, 9)
    store.files = older
    state = world.open().state
    with pytest.raises(SignatureRefusedError, match="signed size 10 before; this log was rolled back"):
        signed_again(world, store, state.size, state.root)


def rollback_at_the_publisher(_: Path) -> None:
    """The same, seen from the process that publishes: the log stops, and nothing is published."""
    world, store = memory_world()
    grown(world, 5)
    older = dict(store.files)
    grown(world, 9)
    store.files = older
    sequencer = world.open()
    sequencer.append(records(5, 7))
    sequencer.commit()
    published = world.publish(sequencer).published
    assert isinstance(published.refused[sequencer.name], SignatureRefusedError)
    assert store.files[f"{FOLDER}/checkpoint"] == older[f"{FOLDER}/checkpoint"]


def rollback_at_the_city_chain(_: Path) -> None:
    """A true but smaller checkpoint than the one in the last block."""
    world, store = memory_world()
    grown(world, 5)
    older = store.files[f"{FOLDER}/checkpoint"]
    grown(world, 9)
    chain = world.chain()
    chain.extend(NOW_MS)
    store.files[f"{FOLDER}/checkpoint"] = older
    assert chain.extend(NOW_MS) == 0
    assert "size 6 was rolled back, block 0 says 10" in chain.refused[ORIGIN]


def rollback_at_the_witness(_: Path) -> None:
    """The city log lost blocks that a witness has seen."""
    witness = witness_of(log_of(TRUE))
    cosigned(log_of(TRUE), witness)
    with pytest.raises(CheckpointRefusedError, match="cosigned size 9, ours is 4: the city log was rolled"):
        cosigned(log_of(TRUE[:4]), witness)


def rollback_at_the_reader(folder: Path) -> None:
    """A reader who kept the newest checkpoint is shown an older one."""
    assert compared(folder, log_of(TRUE), log_of(TRUE[:4])) == 1


def fork_at_the_signer(_: Path) -> None:
    """A larger head of another history."""
    world, _store = memory_world()
    grown(world, 9)
    fork = forked_world()
    data = fork.files[f"{FOLDER}/tile/0/000.p/31"]
    forged = root([data[i : i + 32] for i in range(0, len(data), 32)])
    with pytest.raises(SignatureRefusedError, match=r"refuses \(422\)"):
        signed_again(world, fork, 31, forged)


def fork_at_the_city_chain(_: Path) -> None:
    """A history that was rewritten and signed again after its root went into a block."""
    world, store = memory_world()
    grown(world, 5)
    chain = world.chain()
    chain.extend(NOW_MS)
    store.files |= {n: d for n, d in forked_world().files.items() if n.startswith("air.reading")}
    assert chain.extend(NOW_MS) == 0
    assert "consistency" in chain.refused[ORIGIN]


def fork_at_the_witness(_: Path) -> None:
    """The city log grew from another history than the one that was cosigned."""
    witness = witness_of(log_of(TRUE))
    cosigned(log_of(TRUE[:4]), witness)
    with pytest.raises(CheckpointRefusedError, match="refuses: consistency"):
        cosigned(log_of(FALSE), witness)


def fork_at_the_reader(folder: Path) -> None:
    """Two checkpoints of one log, of which the older is no prefix of the newer."""
    with pytest.raises(ProofError):
        verify_consistency(4, log_of(TRUE[:4]).head().root, 9, log_of(FALSE).head().root, proof(FALSE, 4))
    assert compared(folder, log_of(TRUE[:4]), log_of(FALSE)) == 1


def split_view_between_two_readers(folder: Path) -> None:
    """Each reader sees a whole, signed log; the two differ. Whoever compares their checkpoints finds out."""
    assert compared(folder, log_of(TRUE), log_of(FALSE)) == 1


def split_view_at_the_witness(_: Path) -> None:
    """Of two heads of one size a witness cosigns the first only, so that the second has no quorum."""
    one, other = log_of(TRUE), log_of(FALSE)
    witness = witness_of(one)
    policy = Policy.parse(f"log {one.key.vkey}\nwitness w {WITNESS.vkey}\nquorum w\n".encode())
    note = parse_note(one.checkpoint())
    line = cosigned(one, witness)
    assert open_cosigned(Note(note.text, (*note.signatures, line)).encode(), policy).checkpoint.size == 9
    with pytest.raises(CheckpointRefusedError, match="refuses"):
        cosigned(other, witness)
    with pytest.raises(QuorumError):
        open_cosigned(other.checkpoint(), policy)


def swapped_leaves_in_a_proof(_: Path) -> None:
    """A leaf with its neighbour's proof."""
    log = log_of(TRUE)
    with pytest.raises(ProofError):
        log.proof(3).verify_leaf(TRUE[4])


def swapped_leaves_in_a_log(folder: Path) -> None:
    """Two entries change places in the bundle of a published log."""
    city = small_city()
    log = city.partitions[0]
    entries = log.files["tile/entries/000.p/11"]
    log.files["tile/entries/000.p/11"] = entries[:52] + entries[104:156] + entries[52:104] + entries[156:]
    ledger = city.write(folder / "ledger")
    (folder / "policy").write_bytes(city.policy())
    assert main(["--city", str(ledger), "--policy", str(folder / "policy")]) == 1


def foreign_logs_proof(_: Path) -> None:
    """The proof of the same index in another partition's log, and a checkpoint of a log that nobody listed."""
    one, other = (SEOUL.evidence(partition, 3) for partition in SEOUL.partitions)
    forged = replace(one, partition_proof=other.partition_proof)
    verdict = check_evidence("x", forged.encode(), Trust(Policy.parse(SEOUL.policy())))
    assert [claim.name for claim in verdict.claims if claim.status == "failed"] == ["leaf-in-partition-log"]
    with pytest.raises(CheckpointFormatError, match="no log of the policy"):
        open_cosigned(TlogProof.parse(other.partition_proof).checkpoint, Policy.parse(SEOUL.policy()))


def foreign_witness(_: Path) -> None:
    """A cosignature by somebody whom the reader does not know, or by a namesake with another key."""
    policy = Policy.parse(SEOUL.policy())
    note = parse_note(SEOUL.log.checkpoint())
    for stranger in (CosigningKey("w.evil.example", b"e" * 32), CosigningKey(WITNESS.name, b"e" * 32)):
        with pytest.raises(QuorumError):
            open_cosigned(Note(note.text, (*note.signatures, stranger.cosign(note.text, 5))).encode(), policy)


def foreign_witness_at_the_city_chain(_: Path) -> None:
    """A witness whose key is not the policy's: its answer is no answer."""
    log = log_of(TRUE)
    stranger = Witness(
        CosigningKey("w.evil.example", b"e" * 32), MemoryStore(), lambda: {log.origin: log.key.verifier}
    )
    with pytest.raises(WitnessUnavailableError, match="no cosignature of its key"):
        cosigned(log, stranger)


def known_key_with_a_bad_signature(_: Path) -> None:
    """One wrong signature of a known key refuses the whole note, whoever else signed it well."""
    log = log_of(TRUE)
    note = parse_note(log.checkpoint())
    bad = replace(note.signatures[0], signature=bytes(64))
    for lines in ((bad,), (note.signatures[0], bad), (bad, note.signatures[0])):
        with pytest.raises(SignatureError, match="is wrong"):
            open_checkpoint(Note(note.text, lines).encode(), log.key.verifier)
        answer = witness_of(log).add_checkpoint(
            AddCheckpoint(0, (), Note(note.text, lines).encode()).encode()
        )
        assert answer.status == 403


def known_witness_with_a_bad_signature(_: Path) -> None:
    """A cosignature of another checkpoint, pasted in, is refused even where no quorum is demanded."""
    policy = Policy.parse(f"log {SEOUL.log.key.vkey}\nwitness w {WITNESS.vkey}\nquorum none\n".encode())
    note = parse_note(SEOUL.log.checkpoint())
    pasted = WITNESS.cosign(log_of(TRUE).head().text, 5)
    with pytest.raises(SignatureError, match="is wrong"):
        open_cosigned(Note(note.text, (*note.signatures, pasted)).encode(), policy)


def stale_checkpoint_at_the_witness(_: Path) -> None:
    """A second writer that lags behind is told the size and gets no signature."""
    log = log_of(TRUE)
    witness = witness_of(log)
    cosigned(log, witness)
    older = log_of(TRUE[:4])
    answer = witness.add_checkpoint(AddCheckpoint(0, (), older.checkpoint()).encode())
    assert (answer.status, answer.body) == (409, b"9\n")


def stale_checkpoint_in_a_ledger(folder: Path) -> None:
    """A partition log whose checkpoint is older than what the newest block says."""
    city = small_city()
    city.partitions[0].files["checkpoint"] = small_city(ticks=1).partitions[0].checkpoint()
    ledger = city.write(folder / "ledger")
    (folder / "policy").write_bytes(city.policy())
    assert main(["--city", str(ledger), "--policy", str(folder / "policy")]) == 1


def recreated_topic(_: Path) -> None:
    """Another topic under the old name, shorter or longer, goes into no old log."""
    world, _store = memory_world()
    grown(world, 5)
    name = LogName(CITY, "air.reading", 0)
    for high in (0, 3, 5, 99):
        with pytest.raises(TopicReplacedError, match=r"was re-created; .* city keys new-epoch air\.reading"):
            Sequencer.open(world.store, name, PartitionFacts(bytes(16), 0, high))
    with pytest.raises(OffsetPastEndError, match="5 records are sealed, but Kafka ends at offset 3"):
        world.open(high=3)


def racing_witness_clients(_: Path) -> None:
    """Two clients submit size N and N + K at once, many times: what is cosigned never shrinks."""
    store = MemoryStore()
    key = log_of(TRUE).key.verifier
    signed: list[int] = []

    def fault(operation: str, name: str) -> None:
        if operation == "after write":
            signed.append(int(store.files[name].split(b"\n")[1]))

    store.fault_for_tests = fault
    witness = Witness(WITNESS, store, lambda: {key.name: key}, lambda: TIME_S)
    entries = [b"%d" % i for i in range(60)]
    bodies = {
        (old, new): AddCheckpoint(old, proof(entries[:new], old), log_of(entries[:new]).checkpoint()).encode()
        for old in range(0, 50, 5)
        for new in (old + 5, old + 10)
    }
    barrier = threading.Barrier(2)

    def client(step: int) -> None:
        for old in range(0, 50, 5):
            barrier.wait(20)
            assert witness.add_checkpoint(bodies[old, old + step]).status in {200, 409}

    threads = [threading.Thread(target=client, args=(step,)) for step in (5, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert signed == sorted(signed)
    assert len(signed) >= 5


def stolen_key_without_the_signers_memory(_: Path) -> None:
    """Who has the seed but not the signer's memory signs a fork; the city chain and every block before refuse it."""
    world, store = memory_world()
    grown(world, 9)
    chain = world.chain()
    chain.extend(NOW_MS)
    thief = World(MemoryStore(), memory_of_signer())
    grown(thief, 130, first=100)
    assert isinstance(thief.store, MemoryStore)
    store.files |= {n: d for n, d in thief.store.files.items() if n.startswith("air.reading")}
    assert chain.extend(NOW_MS) == 0
    assert ORIGIN in chain.refused


def witness_stands_in_for_the_log(_: Path) -> None:
    """A checkpoint with nothing but cosignatures is not the log's."""
    note = parse_note(SEOUL.log.checkpoint())
    only = Note(note.text, (WITNESS.cosign(note.text, TIME_S),)).encode()
    with pytest.raises(SignatureError, match="expected a signature of one of"):
        open_cosigned(only, Policy.parse(SEOUL.policy()))


def another_logs_key_signs(_: Path) -> None:
    """A partition's key signs a city checkpoint: refused when signing, and when reading."""
    head = SEOUL.log.head()
    with pytest.raises(CheckpointFormatError, match="own key"):
        sign_checkpoint(head, SEOUL.partitions[0].key)
    forged = Note(head.text, (SEOUL.partitions[0].key.sign(head.text),)).encode()
    with pytest.raises(SignatureError):
        open_checkpoint(forged, SigningKey(SEOUL.log.origin, SEOUL.log.key.seed).verifier)


def compared(folder: Path, old: SimulatedLog, new: SimulatedLog) -> int:
    """Exit code of `ledger-verify --consistency` over two checkpoints and the newer one's tiles."""
    for name, data in new.files.items():
        (folder / "log" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "log" / name).write_bytes(data)
    (folder / "old").write_bytes(old.checkpoint())
    (folder / "keys").write_text(f"log {new.key.vkey}\n")
    pair = [str(folder / "old"), str(folder / "log" / "checkpoint")]
    return main(["--consistency", *pair, "--log", str(folder / "log"), "--key", str(folder / "keys")])


ATTACKS: tuple[Callable[[Path], None], ...] = (
    rollback_at_the_signer,
    rollback_at_the_publisher,
    rollback_at_the_city_chain,
    rollback_at_the_witness,
    rollback_at_the_reader,
    fork_at_the_signer,
    fork_at_the_city_chain,
    fork_at_the_witness,
    fork_at_the_reader,
    split_view_between_two_readers,
    split_view_at_the_witness,
    swapped_leaves_in_a_proof,
    swapped_leaves_in_a_log,
    foreign_logs_proof,
    foreign_witness,
    foreign_witness_at_the_city_chain,
    known_key_with_a_bad_signature,
    known_witness_with_a_bad_signature,
    stale_checkpoint_at_the_witness,
    stale_checkpoint_in_a_ledger,
    recreated_topic,
    racing_witness_clients,
    stolen_key_without_the_signers_memory,
    witness_stands_in_for_the_log,
    another_logs_key_signs,
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__.replace("_", " "))
def test_attack_is_refused(attack: Callable[[Path], None], tmp_path: Path) -> None:
    """The part that the row names refuses the attack with its own error."""
    attack(tmp_path)


def test_the_consistency_command_passes_what_is_consistent(tmp_path: Path) -> None:
    """What the rows above take for a refusal is none where there is nothing to refuse."""
    assert compared(tmp_path, log_of(TRUE[:4]), log_of(TRUE)) == 0
