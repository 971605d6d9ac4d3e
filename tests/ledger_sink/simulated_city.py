"""A whole ledger in memory, made by the format library alone from fixed keys: for tests that then damage it."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger_sink.format import (
    Block,
    Checkpoint,
    CosigningKey,
    Evidence,
    Note,
    RangeEvidence,
    RangeProof,
    SigningKey,
    TlogProof,
    city_origin,
    encode_keys,
    layout,
    leaf,
    log_key,
    merkle,
    own_witness_name,
    parse_note,
    partition_origin,
    sign_checkpoint,
    tiles,
)
from ledger_sink.format.control import Start
from ledger_sink.format.range_bundle import join_canons

CITY = "seoul.example"
MASTER_SEED = bytes(range(32))
TOPIC = "air-quality.reading"
TIME_MS = 1_767_323_045_678
TIME_S = TIME_MS // 1000
WITNESS = CosigningKey("witness.university.example/w1", b"u" * 32)
OWN_WITNESS = CosigningKey(own_witness_name(CITY), b"o" * 32)
SCHEMA_TEXT = '{"fields":[],"name":"reading","type":"record"}'


def stored_gzip(text: str) -> bytes:
    """Pack a schema without compressing it: bytes that every gzip library agrees on (RFC 1951 §3.2.4)."""
    data = text.encode()
    head = bytes.fromhex("1f8b08000000000000ff01") + struct.pack("<HH", len(data), len(data) ^ 0xFFFF)
    return head + data + struct.pack("<II", zlib.crc32(data), len(data))


SCHEMA = stored_gzip(SCHEMA_TEXT)


class SimulatedLog:
    """One log: its entries, every tile it ever published, and checkpoints at any size."""

    def __init__(self, origin: str) -> None:
        self.key: SigningKey = log_key(MASTER_SEED, origin)
        self.origin = origin
        self.entries: list[bytes] = []
        self.files: dict[str, bytes] = {}
        self._builder = tiles.TileBuilder()

    @property
    def size(self) -> int:
        """Number of entries."""
        return self._builder.size

    def append(self, entries: Sequence[bytes]) -> None:
        """Append entries and publish every tile and bundle of the new size."""
        first_bundle = self.size // tiles.TILE_WIDTH
        self.entries += entries
        new = self._builder.append(merkle.leaf_hashes(entries)) + self._builder.partials()
        self.files.update((tile.path, tile.data) for tile in new)
        for _, index, width in tiles.bundles_of(self.size):
            if index >= first_bundle:
                part = self.entries[index * tiles.TILE_WIDTH : index * tiles.TILE_WIDTH + width]
                self.files[tiles.entries_path(index, width)] = tiles.encode_entries(part)
        self.files[layout.CHECKPOINT] = self.checkpoint()

    def head(self) -> Checkpoint:
        """Return size and root as they are."""
        return Checkpoint(self.origin, self.size, self._builder.root())

    def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint."""
        return sign_checkpoint(self.head(), self.key)

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """Be a ReadTile over what was published."""
        full = self.files.get(tiles.tile_path(level, index))
        return full if full is not None else self.files[tiles.tile_path(level, index, width)]

    def proof(self, index: int, checkpoint: bytes | None = None) -> TlogProof:
        """Prove an entry under the newest checkpoint (or under given bytes of it)."""
        path = tiles.inclusion_proof(index, self.size, self.read_tile)
        return TlogProof(index, path, self.checkpoint() if checkpoint is None else checkpoint)


class SimulatedPartition(SimulatedLog):
    """A partition's log over records that it remembers."""

    def __init__(self, topic: str, partition: int) -> None:
        super().__init__(partition_origin(CITY, topic, partition))
        self.topic, self.partition = topic, partition
        self.records: list[leaf.RecordFields] = []
        start = Start(0, bytes(range(16)).hex(), "")
        self.files[layout.control_path(0)] = start.encode()
        self.append([start.leaf()])

    def seal(self, count: int) -> None:
        """Seal more records, at the next offsets."""
        first = len(self.records)
        new = [record(offset) for offset in range(first, first + count)]
        self.records += new
        self.append(leaf.record_leaves(self.topic, self.partition, new))


@dataclass
class SimulatedCity:
    """Partition logs, the city log over their heads, and its witnesses."""

    partitions: list[SimulatedPartition] = field(default_factory=list)
    log: SimulatedLog = field(default_factory=lambda: SimulatedLog(city_origin(CITY)))
    blocks: list[Block] = field(default_factory=list)
    witnesses: tuple[CosigningKey, ...] = (WITNESS,)

    def tick(self) -> None:
        """Put the heads of all logs that grew into a block, and have it cosigned."""
        last = {line.origin: line.size for block in self.blocks for line in block.heads}
        heads = [log.head() for log in self.partitions if log.size > last.get(log.origin, 0)]
        previous = self.blocks[-1].hash if self.blocks else bytes(32)
        number = len(self.blocks)
        ordered = tuple(sorted(heads, key=lambda head: head.origin))
        block = Block(self.log.origin, number, previous, TIME_MS + 1000 * number, ordered)
        self.blocks.append(block)
        self.log.append([block.encode()])
        self.log.files[layout.CHECKPOINT] = self.cosigned()

    def cosigned(self) -> bytes:
        """Return the city log's checkpoint with a cosignature of every witness."""
        note = parse_note(self.log.checkpoint())
        lines = (key.cosign(note.text, TIME_S + 60) for key in self.witnesses)
        return Note(note.text, (*note.signatures, *lines)).encode()

    def evidence(self, partition: SimulatedPartition, offset: int) -> Evidence:
        """Bundle a record that the newest block covers."""
        number = next(b.number for b in reversed(self.blocks) if b.head(partition.origin) is not None)
        return Evidence(
            leaf.canons(partition.topic, partition.partition, [partition.records[offset]])[0],
            partition.entries[offset + 1],
            partition.proof(offset + 1).encode(),
            self.blocks[number].encode(),
            self.log.proof(number, self.cosigned()).encode(),
            SCHEMA,
        )

    def range_evidence(
        self, partition: SimulatedPartition, first: int, end: int, shown: Sequence[int]
    ) -> RangeEvidence:
        """Bundle leaves [first, end) that the newest block covers, and the records at these offsets."""
        number = next(b.number for b in reversed(self.blocks) if b.head(partition.origin) is not None)
        proof = tiles.range_proof(first, end, partition.size, partition.read_tile)
        records = [partition.records[offset] for offset in shown]
        return RangeEvidence(
            b"".join(partition.entries[first:end]),
            join_canons(leaf.canons(partition.topic, partition.partition, records)),
            RangeProof(first, end, proof, partition.checkpoint()).encode(),
            self.blocks[number].encode(),
            self.log.proof(number, self.cosigned()).encode(),
            {"schemas/100.avsc.gz": SCHEMA},
        )

    def policy(self) -> bytes:
        """Trust the city log and demand all of its witnesses."""
        names = [f"w{i}" for i in range(len(self.witnesses))]
        lines = [f"log {self.log.key.vkey}"]
        lines += [f"witness {n} {key.vkey}" for n, key in zip(names, self.witnesses, strict=True)]
        lines += (
            [f"group all-of-them all {' '.join(names)}", "quorum all-of-them"] if names else ["quorum none"]
        )
        return "".join(f"{line}\n" for line in lines).encode()

    def keys(self) -> bytes:
        """Spell keys.txt."""
        return encode_keys([self.log.key.verifier, *(log.key.verifier for log in self.partitions)])

    def write(self, folder: Path) -> Path:
        """Write the ledger directory."""
        for log in (self.log, *self.partitions):
            for name, data in log.files.items():
                path = folder / layout.log_path(log.origin) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        (folder / layout.KEYS).write_bytes(self.keys())
        return folder


def record(offset: int, headers: leaf.RecordHeaders = ()) -> leaf.RecordFields:
    """A record like any other: (offset, LogAppendTime, ms, key, value, headers)."""
    return offset, 1, TIME_MS + offset, b"station-111", b"value %d" % offset, headers


def small_city(records: int = 5, ticks: int = 2) -> SimulatedCity:
    """Two partitions; records sealed and put in a block at each tick."""
    city = SimulatedCity([SimulatedPartition(TOPIC, 0), SimulatedPartition(TOPIC, 1)])
    for _ in range(ticks):
        for partition in city.partitions:
            partition.seal(records)
        city.tick()
    return city
