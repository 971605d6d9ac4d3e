"""Small ledgers for tests: records from a seed, a signer in this process, a whole log recomputed naively."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ledger_sink.city_log.writer import CityLogWriter, Quorum
from ledger_sink.format.keys import city_origin
from ledger_sink.format.note import VerifierKey
from ledger_sink.format.policy import Policy, PolicyLog
from ledger_sink.log.name import LogName
from ledger_sink.record import Record
from ledger_sink.sealing.publisher import Publisher
from ledger_sink.sealing.sequencer import PartitionFacts, Sequencer
from ledger_sink.signer.server import SIGNED_HEADS_NAME, Signer, encode_signed_heads
from ledger_sink.store import FileStore, MemoryStore
from tests.ledger_sink import naive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger_sink.store import Store

CITY = "test.example"
TOPIC_ID = bytes(range(16))
SEED = bytes(32)


def record(offset: int, seed: int = 0) -> Record:
    """A record that is a pure function of its offset."""
    dice = random.Random(f"{seed}/{offset}")
    return Record(
        offset,
        dice.randrange(2),
        dice.randrange(1 << 42),
        dice.choice([None, b"", dice.randbytes(9)]),
        dice.choice([None, dice.randbytes(60)]),
        tuple((f"h{i}", dice.choice([None, b"x"])) for i in range(dice.randrange(3))),
    )


def records(first: int, end: int) -> list[Record]:
    """Records of consecutive offsets."""
    return [record(offset) for offset in range(first, end)]


def memory_of_signer() -> MemoryStore:
    """The files of a signer that has signed nothing."""
    store = MemoryStore()
    store.write({SIGNED_HEADS_NAME: encode_signed_heads({})})
    return store


@dataclass
class World:
    """A ledger over one store with its own signer."""

    store: Store
    signer_store: MemoryStore = field(default_factory=memory_of_signer)

    @property
    def signer(self) -> Signer:
        """A signer that was just started over the signer's files."""
        return Signer(CITY, SEED, self.signer_store)

    def open(
        self, partition: int = 0, high: int = 10**6, low: int = 0, topic: str = "air.reading", epoch: int = 1
    ) -> Sequencer:
        """Open a sequencer."""
        name = LogName(CITY, topic, partition, epoch)
        return Sequencer.open(self.store, name, PartitionFacts(TOPIC_ID, low, high))

    def vkeys(self, origins: Sequence[str]) -> list[VerifierKey]:
        """The verifier keys as the signer tells them."""
        return [VerifierKey.parse(self.signer.vkey(origin)) for origin in origins]

    def publish(self, *sequencers: Sequencer) -> Publisher:
        """Publish checkpoints of all of these, and the city log's key."""
        signer = self.signer
        publisher = Publisher(self.store, signer.sign, self.vkeys)
        publisher.ensure_keys([city_origin(CITY)])
        publisher.publish({s.name: s.state for s in sequencers})
        return publisher

    def chain(self) -> CityLogWriter:
        """Open the city chain."""
        return CityLogWriter(self.store, city_origin(CITY), self.signer.sign)

    def no_witness(self) -> Quorum:
        """A policy that asks for no cosignature."""
        (key,) = self.vkeys([city_origin(CITY)])
        return Quorum(Policy((PolicyLog(key),), (), (), None), ())


def files_in(store: Store) -> dict[str, bytes]:
    """Every file of a store."""
    if isinstance(store, MemoryStore):
        return dict(store.files)
    assert isinstance(store, FileStore)
    paths = (path for path in store.root.rglob("*") if path.is_file() and path.suffix != ".tmp")
    return {str(path.relative_to(store.root)): path.read_bytes() for path in paths}


def assert_log_whole(store: Store, folder: str, size: int, root: bytes) -> list[bytes]:
    """Recompute a log from its entries alone and compare every tile and the root; return the entries."""
    files = files_in(store)
    entries = naive.entries_in(files, folder, size)
    assert naive.tree_hash(entries) == root
    for name, expected in naive.files_of(entries).items():
        full = f"{folder}/{name.partition('.p/')[0]}"
        assert (files.get(f"{folder}/{name}") or files[full][: len(expected)]) == expected, name
    return entries
