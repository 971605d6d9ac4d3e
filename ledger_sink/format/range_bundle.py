"""The range bundle `.evidence`: all leaves between two indexes of a log, and records of them (FORMAT.md §8).

    manifest.json           RFC 8785; what the bundle is about, and the SHA-256 of every other file
    leaves.bin              every leaf of the range, 50 bytes each: no leaf of the range can be left out
    records.canon           the disclosed records, each u32‖canon, offsets rising
    partition.range-proof   those leaves under the partition root at size n
    block.txt  city.tlog-proof  anchors/…  README.txt       as in the bundle of one event
    schemas/<id>.avsc.gz    optional: schemas of values that begin with 00 ‖ u32 id; nothing seals them

A leaf without its record discloses its offset, its time and a commitment, and nothing of its content.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final

from ledger_sink.format.block import Block
from ledger_sink.format.bundle import (
    ANCHOR_PATH,
    ANCHORS,
    BLOCK,
    BUNDLE_FORMAT,
    CITY_PROOF,
    MANIFEST,
    README,
    Evidence,
    canonical_json,
    files_below,
    proof_summary,
    require_files,
    require_manifest,
)
from ledger_sink.format.errors import BundleFormatError
from ledger_sink.format.leaf import LEAF_BYTES, CanonicalRecord, Leaf
from ledger_sink.format.range_proof import RangeProof
from ledger_sink.format.scan import excerpt
from ledger_sink.format.stored_zip import read_zip, write_zip
from ledger_sink.format.tlog_proof import TlogProof

LEAVES: Final = "leaves.bin"
RECORDS: Final = "records.canon"
RANGE_PROOF: Final = "partition.range-proof"
SCHEMAS: Final = "schemas/"
MAX_LEAVES: Final = 500_000
"""Most leaves of one bundle: 25 MB. A longer interval takes several bundles."""
_REQUIRED = (MANIFEST, LEAVES, RECORDS, RANGE_PROOF, BLOCK, CITY_PROOF, README)
_SCHEMA = re.compile(r"schemas/(?:0|[1-9][0-9]{0,9})\.avsc\.gz")


@dataclass(frozen=True, slots=True)
class RangeEvidence:
    """The parts of a range bundle, as bytes. `schemas` and `anchors` map whole paths to files."""

    leaves: bytes
    records: bytes
    partition_proof: bytes
    block: bytes
    city_proof: bytes
    schemas: Mapping[str, bytes] = field(default_factory=dict)
    anchors: Mapping[str, bytes] = field(default_factory=dict)
    readme: bytes | None = None
    """`None` writes the current text; a parsed bundle keeps its own."""

    def encode(self) -> bytes:
        """Encode the bundle. The same parts always give the same bytes.

        Raises:
            FormatError: if a part is malformed, a path is not allowed, or a size limit is exceeded.
        """
        files = self._files()
        return write_zip({**files, MANIFEST: self._manifest(files)})

    @classmethod
    def parse(cls, data: bytes) -> "RangeEvidence":
        """Parse a bundle. Every byte of archive and manifest is checked; proofs are not verified.

        Raises:
            FormatError: if a byte differs from the encoding of this content, or a part is malformed.
        """
        return cls.of_files(read_zip(data))

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> "RangeEvidence":
        """Parse a bundle from the files of its archive; see `parse`."""
        anchors, schemas = files_below(files, ANCHORS), files_below(files, SCHEMAS)
        require_files(files, _REQUIRED, (*anchors, *schemas))
        evidence = cls(
            files[LEAVES], files[RECORDS], files[RANGE_PROOF], files[BLOCK], files[CITY_PROOF], schemas, anchors,
            files[README],
        )  # fmt: skip
        require_manifest(evidence._manifest(evidence._files()), files[MANIFEST])
        return evidence

    def entries(self) -> list[bytes]:
        """Return the leaves, 50 bytes each.

        Raises:
            BundleFormatError: if there are none, too many, or the last one is truncated.
        """
        count, rest = divmod(len(self.leaves), LEAF_BYTES)
        if rest or not 1 <= count <= MAX_LEAVES:
            raise BundleFormatError(
                f"{LEAVES}: expected 1 to {MAX_LEAVES} leaves of {LEAF_BYTES} bytes, got {len(self.leaves)} bytes"
            )
        return [self.leaves[i : i + LEAF_BYTES] for i in range(0, len(self.leaves), LEAF_BYTES)]

    def canons(self) -> list[bytes]:
        """Return the canonical encodings of the disclosed records.

        Raises:
            BundleFormatError: if there are none, one is truncated, they are of several partitions, or their offsets
                do not rise strictly.
        """
        found = list(split_canons(self.records))
        records = [CanonicalRecord.parse(canon) for canon in found]
        if not found:
            raise BundleFormatError(f"{RECORDS}: expected at least one record")
        if len({(record.topic, record.partition) for record in records}) > 1:
            raise BundleFormatError(f"{RECORDS}: expected records of one topic and partition")
        for before, after in pairwise(records):
            if after.offset <= before.offset:
                raise BundleFormatError(
                    f"{RECORDS}: expected rising offsets, got {before.offset} and {after.offset}"
                )
        return found

    def _files(self) -> dict[str, bytes]:
        """Return every file except the manifest."""
        files = {
            LEAVES: self.leaves,
            RECORDS: self.records,
            RANGE_PROOF: self.partition_proof,
            BLOCK: self.block,
            CITY_PROOF: self.city_proof,
            README: self._readme() if self.readme is None else self.readme,
        }
        for names, pattern in ((self.schemas, _SCHEMA), (self.anchors, ANCHOR_PATH)):
            for name, data in names.items():
                if not pattern.fullmatch(name):
                    raise BundleFormatError(f"bundle: {excerpt(name)} is no path of a bundle's file")
                files[name] = data
        return files

    def _manifest(self, files: Mapping[str, bytes]) -> bytes:
        """Encode the manifest, which follows from the other files."""
        entries, canons = self.entries(), self.canons()
        leaves = [Leaf.parse(entry) for entry in entries]
        record = CanonicalRecord.parse(canons[0])
        proof = RangeProof.parse(self.partition_proof)
        head = proof.head()
        if proof.end - proof.first != len(entries):
            raise BundleFormatError(
                f"{RANGE_PROOF}: expected a range of {len(entries)}, got {proof.end - proof.first}"
            )
        content: dict[str, Any] = {
            "city_log": proof_summary(CITY_PROOF, self.city_proof),
            "block": Block.parse(self.block).number,
            "files": {name: sha256(data).hexdigest() for name, data in files.items()},
            "format": BUNDLE_FORMAT,
            "kind": "range",
            "leaves": {
                "end": proof.end,
                "first": proof.first,
                "first_offset": leaves[0].offset,
                "last_offset": leaves[-1].offset,
            },
            "partition_log": {"origin": head.origin, "size": head.size},
            "records": {"count": len(canons), "partition": record.partition, "topic": record.topic},
        }
        return canonical_json(content)

    def _readme(self) -> bytes:
        record = CanonicalRecord.parse(self.canons()[0])
        proof = RangeProof.parse(self.partition_proof)
        origin = TlogProof.parse(self.city_proof).head().origin
        text = _README.format(record=record, proof=proof, city_log=origin)
        return text.encode("utf-8", "backslashreplace")


def parse_bundle(data: bytes) -> Evidence | RangeEvidence:
    """Parse a bundle of either kind; see `Evidence.parse` and `RangeEvidence.parse`."""
    files = read_zip(data)
    return RangeEvidence.of_files(files) if LEAVES in files else Evidence.of_files(files)


def join_canons(canons: Sequence[bytes]) -> bytes:
    """Encode `records.canon`: each canon after its length as u32, big-endian."""
    return b"".join(len(canon).to_bytes(4, "big") + canon for canon in canons)


def split_canons(data: bytes) -> Iterator[bytes]:
    """Yield the canons in `records.canon`.

    Raises:
        BundleFormatError: if the last canon is truncated.
    """
    position = 0
    while position < len(data):
        start = position + 4
        position = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or position > len(data):
            raise BundleFormatError(f"{RECORDS}: cut at byte {len(data)}")
        yield data[start:position]


_README = """\
Evidence (city-evidence/v1, range): every leaf {proof.first} to {proof.end} (without the last) of the log of
{record.topic}/{record.partition}, some of its records, and the proof that {city_log} sealed them.

    ledger-verify FILE.evidence --policy policy.txt

ledger-verify is part of city-telemetry, which is in no package index: install nothing of that name from
one. Build the wheel from its sources (uv build --wheel), or take one from somebody you trust.
policy.txt (C2SP tlog-policy) names the keys you trust; take them from their owners, not from the bearer of this file.
Leaves without a record here are of records that are not shown: their content cannot be told from them.
"""
