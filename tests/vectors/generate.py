"""Makes `ledger_format.json`, the golden vectors of `ledger_sink/FORMAT.md`, from fixed keys and times.

Run as `python -m tests.vectors.generate` after a deliberate change of the format; a test compares. Bytes are base64,
hashes hexadecimal, texts as they are.
"""

import json
import sys
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger_sink.format import (
    AddCheckpoint,
    Block,
    Checkpoint,
    CosigningKey,
    Evidence,
    Note,
    RangeEvidence,
    RangeProof,
    TlogProof,
    city_origin,
    leaf,
    log_key,
    merkle,
    parse_note,
    partition_origin,
    sign_checkpoint,
    tiles,
)
from ledger_sink.format.control import Gap, Start
from ledger_sink.format.range_bundle import join_canons
from tests.ledger_sink.simulated_city import stored_gzip

OUTPUT = Path(__file__).with_name("ledger_format.json")
CITY = "city.example"
TOPIC = "air-quality.reading"
MASTER_SEED = bytes(range(32))
TOPIC_ID = bytes(range(16))
WITNESS = CosigningKey("witness.example/w1", bytes([7]) * 32)
TIME_MS = 1_767_323_045_678
LEAVES = 300


def main() -> int:
    """Write the file."""
    OUTPUT.write_bytes(golden())
    sys.stdout.write(f"{OUTPUT}\n")
    return 0


def golden() -> bytes:
    """Return the golden file's bytes."""
    content = {
        "about": "Golden vectors of ledger_sink/FORMAT.md; bytes in base64, hashes in hexadecimal",
        "keys": _keys(),
        "records": _records(),
        "controls": _controls(),
        **_ledger(),
    }
    return (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode()


def _keys() -> dict[str, Any]:
    origins = [partition_origin(CITY, TOPIC, 0), city_origin(CITY)]
    keys = [log_key(MASTER_SEED, origin) for origin in origins]
    return {
        "master_seed": MASTER_SEED.hex(),
        "logs": [{"origin": key.name, "seed": key.seed.hex(), "vkey": key.vkey} for key in keys],
        "witness": {"name": WITNESS.name, "seed": WITNESS.seed.hex(), "vkey": WITNESS.vkey},
    }


def _records() -> list[dict[str, Any]]:
    headers: list[tuple[str, bytes | None]] = [
        ("simulated", b"true"),
        ("nothing", None),
        ("empty", b""),
        ("nothing", b"2"),
    ]
    samples: list[leaf.RecordFields] = [
        (0, 0, 0, None, None, ()),
        (1, 1, TIME_MS, b"", b"", ()),
        (2, 1, -1, b"station-111", b"\x00\x00\x00\x00\x64\xff", headers),
        (2**63 - 1, 1, 2**63 - 1, "역".encode(), bytes(300), (("역", b"\xff"),)),
    ]
    return [_record(record) for record in samples]


def _record(record: leaf.RecordFields) -> dict[str, Any]:
    offset, timestamp_type, timestamp_ms, key, value, headers = record
    return {
        "topic": TOPIC,
        "partition": 3,
        "offset": str(offset),
        "timestamp_type": timestamp_type,
        "timestamp_ms": str(timestamp_ms),
        "key": _base64(key),
        "value": _base64(value),
        "headers": [[name, _base64(content)] for name, content in headers],
        "canon": _base64(leaf.canons(TOPIC, 3, [record])[0]),
        "leaf": leaf.record_leaves(TOPIC, 3, [record])[0].hex(),
    }


def _controls() -> list[dict[str, Any]]:
    note = sign_checkpoint(
        Checkpoint(f"{CITY}/{TOPIC}/0/1", 0, merkle.EMPTY_ROOT), log_key(MASTER_SEED, f"{CITY}/{TOPIC}/0/1")
    )
    samples: list[Start | Gap] = [
        Start(0, TOPIC_ID.hex(), ""),
        Start(17, TOPIC_ID.hex(), note.decode()),
        Gap(5, 9, "retention: älter"),
    ]
    return [{"file": control.encode().decode(), "leaf": control.leaf().hex()} for control in samples]


def _ledger() -> dict[str, Any]:
    """One partition log of 300 leaves, two blocks, a cosigned city checkpoint, one bundle."""
    records: list[leaf.RecordFields] = [
        (i, 1, TIME_MS + i, b"key", b"value %d" % i, ()) for i in range(LEAVES - 1)
    ]
    entries = [leaf.start_leaf(0, TOPIC_ID), *leaf.record_leaves(TOPIC, 0, records)]
    hashes = merkle.leaf_hashes(entries)
    builder = tiles.TileBuilder()
    found = builder.append(hashes) + builder.partials()
    stored = {(tile.level, tile.index): tile.data for tile in found}

    def read(level: int, index: int, _width: int) -> bytes:
        return stored[level, index]

    origin = partition_origin(CITY, TOPIC, 0)
    key = log_key(MASTER_SEED, origin)
    heads = [Checkpoint(origin, size, merkle.root(hashes[:size])) for size in (100, LEAVES)]
    checkpoint = sign_checkpoint(heads[1], key)
    blocks = _blocks(heads)
    city_checkpoint, city_hashes = _city_checkpoint(blocks)
    proof = TlogProof(43, tiles.inclusion_proof(43, LEAVES, read), checkpoint)
    city_proof = TlogProof(1, (city_hashes[0],), city_checkpoint)
    consistency = tiles.consistency_proof(100, LEAVES, read)
    evidence = Evidence(
        leaf.canons(TOPIC, 0, [records[42]])[0], entries[43], proof.encode(), blocks[1].encode(), city_proof.encode(),
        stored_gzip('{"name":"reading"}'), {"anchors/file/note.txt": b"printed\n"}, b"Evidence.\n",
    )  # fmt: skip
    shown = [records[42], records[260]]
    range_proof = RangeProof(40, 270, tiles.range_proof(40, 270, LEAVES, read), checkpoint)
    ranged = RangeEvidence(
        b"".join(entries[40:270]), join_canons(leaf.canons(TOPIC, 0, shown)), range_proof.encode(), blocks[1].encode(),
        city_proof.encode(), {"schemas/100.avsc.gz": stored_gzip('{"name":"reading"}')}, {}, b"Evidence.\n",
    )  # fmt: skip
    return {
        "log": {
            "origin": origin,
            "leaves": "START with topic id 000102…0f at offset 0, then 299 records: offset i, LogAppendTime, "
            f"timestamp {TIME_MS} + i ms, key 'key', value 'value i', no headers",
            "roots": {
                str(size): merkle.root(hashes[:size]).hex() for size in (0, 1, 2, 3, 255, 256, 257, LEAVES)
            },
            "tiles": {tile.path: sha256(tile.data).hexdigest() for tile in found},
            "entry_bundle_0_sha256": sha256(tiles.encode_entries(entries[:256])).hexdigest(),
            "consistency_100_300": [value.hex() for value in consistency],
        },
        "checkpoint": checkpoint.decode(),
        "blocks": [{"bytes": block.encode().decode(), "sha256": block.hash.hex()} for block in blocks],
        "city_checkpoint": city_checkpoint.decode(),
        "add_checkpoint": AddCheckpoint(100, consistency, checkpoint).encode().decode(),
        "partition_proof": proof.encode().decode(),
        "city_proof": city_proof.encode().decode(),
        "policy": f"log {log_key(MASTER_SEED, city_origin(CITY)).vkey}\nwitness w1 {WITNESS.vkey}\nquorum w1\n",
        "bundle": _base64(evidence.encode()),
        "range_proof_40_270": range_proof.encode().decode(),
        "range_bundle": _base64(ranged.encode()),
    }


def _blocks(heads: list[Checkpoint]) -> list[Block]:
    first = Block(city_origin(CITY), 0, bytes(32), TIME_MS, (heads[0],))
    other = Checkpoint(partition_origin(CITY, "platform.audit", 0), 1, bytes(range(32)))
    return [first, Block(first.origin, 1, first.hash, TIME_MS + 1000, (heads[1], other))]


def _city_checkpoint(blocks: list[Block]) -> tuple[bytes, list[bytes]]:
    hashes = merkle.leaf_hashes(block.encode() for block in blocks)
    head = Checkpoint(city_origin(CITY), len(blocks), merkle.root(hashes))
    note = parse_note(sign_checkpoint(head, log_key(MASTER_SEED, head.origin)))
    cosignature = WITNESS.cosign(note.text, TIME_MS // 1000)
    return Note(note.text, (*note.signatures, cosignature)).encode(), hashes


def _base64(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()


if __name__ == "__main__":
    sys.exit(main())
