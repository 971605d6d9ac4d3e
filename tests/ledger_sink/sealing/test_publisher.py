"""What is published: signed, consistent, with keys that never change; and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ledger_sink.errors import (
    DamagedLogError,
    LockHeldError,
    SetupError,
    SignatureRefusedError,
    SignerUnavailableError,
)
from ledger_sink.format.checkpoint import open_checkpoint
from ledger_sink.format.keys import city_origin, log_key
from ledger_sink.format.policy import Policy
from ledger_sink.http.server import Response, Server
from ledger_sink.log.key_list import add_keys, read_keys
from ledger_sink.sealing.commit_interval import CommitInterval
from ledger_sink.sealing.publisher import Publisher
from ledger_sink.signer.server import Signer
from ledger_sink.store import MemoryStore
from ledger_sink.witness.city_policy import city_policy
from ledger_sink.witness.server import Witness
from tests.ledger_sink.witness.test_server import OWN
from tests.ledger_sink.worlds import CITY, SEED, World, memory_of_signer, records

if TYPE_CHECKING:
    from ledger_sink.sealing.sequencer import Sequencer

FOLDER = "air.reading/0/1"
ORIGIN = f"{CITY}/air.reading/0/1"


def grown(world: World, end: int) -> Sequencer:
    """A committed sequencer."""
    sequencer = world.open()
    sequencer.append(records(sequencer.next_offset, end))
    sequencer.commit()
    return sequencer


def test_a_published_checkpoint_is_signed_by_its_logs_own_key() -> None:
    """Size and root are the committed ones, the key is in keys.txt."""
    world = World(MemoryStore())
    sequencer = grown(world, 9)
    world.publish(sequencer)
    key = read_keys(world.store)[ORIGIN]
    checkpoint, _ = open_checkpoint(world.store.read(f"{FOLDER}/checkpoint"), key)
    assert (checkpoint.size, checkpoint.root) == (10, sequencer.state.root)


def test_a_rolled_back_state_is_refused_by_the_signer_and_stops_that_log() -> None:
    """An older state put back over a newer one: no signature, and the words say what happened."""
    store = MemoryStore()
    world = World(store)
    sequencer = grown(world, 9)
    older = dict(store.files)
    sequencer.append(records(9, 20))
    sequencer.commit()
    world.publish(sequencer)
    sequencer.close()
    store.files = older
    again = World(store, world.signer_store).open()
    publisher = World(store, world.signer_store).publish(again)
    (error,) = publisher.published.refused.values()
    assert isinstance(error, SignatureRefusedError)
    assert "rolled back" in str(error)
    assert f"{FOLDER}/checkpoint" not in store.files


def test_a_rewritten_log_is_refused_by_the_signer() -> None:
    """Other records at a size that was signed before: the proof does not hold."""
    world = World(MemoryStore())
    world.publish(grown(world, 9))
    fork = World(MemoryStore(), world.signer_store)
    sequencer = fork.open()
    sequencer.append(records(50, 70))
    sequencer.commit()
    (error,) = fork.publish(sequencer).published.refused.values()
    assert isinstance(error, SignatureRefusedError)
    assert "refuses (422)" in str(error)


def test_a_damaged_checkpoint_on_file_stops_that_log() -> None:
    """It is named, with what to do."""
    store = MemoryStore()
    world = World(store)
    sequencer = grown(world, 9)
    world.publish(sequencer)
    store.files[f"{FOLDER}/checkpoint"] = store.files[f"{FOLDER}/checkpoint"].replace(b"\n10\n", b"\n11\n")
    sequencer.append(records(9, 12))
    sequencer.commit()
    (error,) = world.publish(sequencer).published.refused.values()
    assert isinstance(error, DamagedLogError)
    assert "remove the file" in str(error)


def test_a_signer_that_is_away_publishes_nothing_and_loses_nothing() -> None:
    """The same heads are published when it is back."""
    world = World(MemoryStore())
    sequencer = grown(world, 9)

    def away(_: object) -> list[object]:
        raise SignerUnavailableError("away")

    publisher = Publisher(world.store, away, world.vkeys)  # type: ignore[arg-type]
    with pytest.raises(SignerUnavailableError):
        publisher.publish({sequencer.name: sequencer.state})
    assert not publisher.published.states
    assert world.publish(sequencer).published.states[sequencer.name] == sequencer.state


def test_a_signer_that_signs_with_another_key_is_not_believed() -> None:
    """keys.txt is the word; a signature of another seed is refused."""
    world = World(MemoryStore())
    sequencer = grown(world, 9)
    other = Signer(CITY, bytes([9]) * 32, memory_of_signer())
    publisher = Publisher(world.store, other.sign, world.vkeys)
    publisher.publish({sequencer.name: sequencer.state})
    (error,) = publisher.published.refused.values()
    assert "signature is no good" in str(error)


def test_keys_on_file_are_never_replaced() -> None:
    """Another key of the same log means another master seed: a stop."""
    store = MemoryStore()
    add_keys(store, [log_key(SEED, ORIGIN).verifier])
    add_keys(store, [log_key(SEED, city_origin(CITY)).verifier])
    assert set(read_keys(store)) == {ORIGIN, city_origin(CITY)}
    with pytest.raises(SetupError, match="master seed"):
        add_keys(store, [log_key(bytes([1]) * 32, ORIGIN).verifier])


def test_a_first_policy_asks_the_witnesses_for_their_keys_and_is_then_the_operators() -> None:
    """It is written once; what the operator writes into it counts from then on."""
    store = MemoryStore()
    (key,) = World(store).vkeys([city_origin(CITY)])
    server = Server(Witness(OWN, MemoryStore(), dict).answer, "127.0.0.1", 0)
    server.start()
    try:
        policy = city_policy(store, key, [server.url], None)
    finally:
        server.stop()
    assert [(w.key, w.url) for w in policy.witnesses] == [(OWN.verifier, server.url)]
    assert policy.is_witnessed({"w1"})
    assert not policy.is_witnessed(())
    store.write({"policy.txt": f"log {key.vkey}\nquorum none\n".encode()})
    assert city_policy(store, key, ["http://127.0.0.1:9"], None) == Policy.parse(store.read("policy.txt"))
    store.write({"policy.txt": b"quorum none\n"})
    with pytest.raises(SetupError, match="expected the line: log"):
        city_policy(store, key, [], None)


def test_a_witness_that_tells_no_key_makes_no_policy() -> None:
    """No guess: the first policy waits, or the operator writes it."""
    store = MemoryStore()
    (key,) = World(store).vkeys([city_origin(CITY)])
    server = Server(lambda _: Response(404, b"nothing here"), "127.0.0.1", 0)
    server.start()
    try:
        with pytest.raises(Exception, match=r"write policy\.txt by hand"):
            city_policy(store, key, [server.url], None)
    finally:
        server.stop()
    assert "policy.txt" not in store.files


def test_a_lock_that_failed_to_open_is_let_go() -> None:
    """A log that could not be opened can be opened after the damage is repaired."""
    store = MemoryStore()
    world = World(store)
    grown(world, 9).close()
    whole = store.files[f"{FOLDER}/state.json"]
    store.files[f"{FOLDER}/state.json"] = b"nonsense"
    with pytest.raises(Exception, match=r"state\.json"):
        world.open()
    store.files[f"{FOLDER}/state.json"] = whole
    world.open()
    with pytest.raises(LockHeldError):
        world.open()


def test_the_interval_follows_what_commits_take() -> None:
    """Slow fsyncs make it longer up to the limit, fast ones bring it back."""
    pace = CommitInterval(1.0, 5.0)
    assert pace.is_due(0.0)
    for _ in range(9):
        pace.committed(0.0, 2.0)
    assert pace.interval_s == 5.0
    assert not pace.is_due(4.9)
    assert pace.wait_s(4.0) == pytest.approx(1.0)
    for _ in range(9):
        pace.committed(10.0, 0.001)
    assert pace.interval_s == 1.0
