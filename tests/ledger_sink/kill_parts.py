"""The processes that `kill_loop.py` kills: sequencers, city chain, signer, witness, each over files and sockets.

Signer and witness are the product's own; sequencers and chain are the product's classes in loops of their own, so
that a kill hits one of them alone. Records are a pure function of their offset and come in random batches with
redeliveries. Each part runs until it is killed, or, given a target, until its work is done.
"""

from __future__ import annotations

import random
import threading
import time
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger_sink.city_log.writer import CityLogWriter, Quorum
from ledger_sink.config import SignerConfig, WitnessConfig
from ledger_sink.errors import ClockSteppedBackError, SignerUnavailableError
from ledger_sink.format.keys import city_origin, log_key, own_witness_name
from ledger_sink.format.policy import Policy, PolicyLog, PolicyWitness
from ledger_sink.log.name import LogName
from ledger_sink.sealing.publisher import Publisher
from ledger_sink.sealing.sequencer import PartitionFacts, Sequencer
from ledger_sink.signer import server as signer
from ledger_sink.signer.client import SignerConnection
from ledger_sink.store import FileStore
from ledger_sink.store.secret_files import load_or_create_seed, load_or_create_token
from ledger_sink.witness import server as witness
from ledger_sink.witness.client import WitnessClient
from tests.ledger_sink.worlds import CITY, TOPIC_ID, record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection
    from pathlib import Path

TOPIC = "air.reading"
PARTITIONS = 2
ENDLESS = 10**9
PUBLISHED = "published.txt"
"""Every checkpoint that was ever published, one base64 line each."""


@dataclass(frozen=True)
class Place:
    """Where one loop keeps its files and listens."""

    root: Path
    signer_port: int
    witness_port: int

    @property
    def signer(self) -> SignerConfig:
        """Settings of the signer."""
        return SignerConfig(self.root, CITY, port=self.signer_port)

    @property
    def witness(self) -> WitnessConfig:
        """Settings of the witness."""
        return WitnessConfig(
            self.root / "witness",
            own_witness_name(CITY),
            self.root / "ledger" / "keys.txt",
            port=self.witness_port,
        )

    def prepare(self) -> None:
        """Make the keys, which a kill at a first start is no matter of this loop."""
        signer._master_seed(self.signer, FileStore(self.signer.keys))
        load_or_create_token(self.signer.token_file)
        witness.load_or_create_key(self.witness)

    @property
    def quorum(self) -> Quorum:
        """The policy: the witness must cosign."""
        city_key = log_key(load_or_create_seed(self.signer.seed_file), city_origin(CITY)).verifier
        witness_key = witness.load_or_create_key(self.witness).verifier
        url = f"http://127.0.0.1:{self.witness_port}"
        policy = Policy((PolicyLog(city_key),), (PolicyWitness("w", witness_key, url),), (), "w")
        return Quorum(policy, (("w", WitnessClient(witness_key, url)),))

    def client(self) -> SignerConnection:
        """A client of the signer."""
        return SignerConnection(f"http://127.0.0.1:{self.signer_port}", self.signer.token_file)


class TellingStore(FileStore):
    """A store that notes down every checkpoint as soon as it is published.

    A kill between the two leaves that checkpoint where it was published, and the loop finds it there.
    """

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write, then tell."""
        super().write(files)
        notes = [data for name, data in files.items() if name.endswith("/checkpoint")]
        if notes:
            with (self.root.parent / PUBLISHED).open("ab") as told:
                told.write(b"".join(b64encode(note) + b"\n" for note in notes))


def sequencers(place: Place, seed: int, target: int, ready: Connection) -> None:
    """Seal and publish every partition."""
    dice = random.Random(seed)
    store, client = TellingStore(place.root / "ledger"), place.client()
    facts = PartitionFacts(TOPIC_ID, 0, ENDLESS)
    logs = [Sequencer.open(store, LogName(CITY, TOPIC, p), facts) for p in range(PARTITIONS)]
    publisher = Publisher(store, client.sign, client.vkeys)
    ready.send(True)
    states = {log.name: log.state for log in logs}
    while any(log.state.next_offset < target for log in logs) or publisher.published.states != states:
        for log in logs:
            first = max(0, log.next_offset - dice.randrange(30))
            end = min(target, first + dice.randrange(1, 200))
            log.append([record(offset) for offset in range(first, end)])
            if dice.random() < 0.8:
                log.commit()
        states = {log.name: log.state for log in logs}
        try:
            publisher.ensure_keys([city_origin(CITY)])
            publisher.publish(states)
        except SignerUnavailableError:
            time.sleep(0.02)
        assert not publisher.published.refused, publisher.published.refused


def chain(place: Place, seed: int, target: int, ready: Connection) -> None:
    """Make blocks and have them cosigned."""
    dice = random.Random(seed)
    city = CityLogWriter(TellingStore(place.root / "ledger"), city_origin(CITY), place.client().sign)
    quorum = place.quorum
    ready.send(True)
    while True:
        try:
            city.extend(time.time_ns() // 1_000_000)
            done = city.publish(quorum)
        except (SignerUnavailableError, ClockSteppedBackError):
            done = False
        assert not city.refused, city.refused
        sizes = [mention.size for mention in city.state.last_checkpoints.values()]
        if done and sizes == [target + 1] * PARTITIONS:
            return
        time.sleep(dice.random() * 0.05)


def keep_signing(place: Place, _seed: int, _target: int, ready: Connection) -> None:
    """Be the signer."""
    ready.send(True)
    signer.run(place.signer, threading.Event())


def keep_witnessing(place: Place, _seed: int, _target: int, ready: Connection) -> None:
    """Be the witness."""
    ready.send(True)
    witness.run(place.witness, threading.Event())


PARTS = {
    "sequencers": sequencers,
    "city chain": chain,
    "signer": keep_signing,
    "witness": keep_witnessing,
}
