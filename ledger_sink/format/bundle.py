"""The evidence bundle `.evidence`: the whole proof of one event in one file (FORMAT.md §7).

    manifest.json           RFC 8785; what the bundle is about, and the SHA-256 of every other file
    record.canon            the record in canonical encoding (leaf.py)
    leaf.bin                its leaf in its partition's log
    partition.tlog-proof    that leaf under the partition root at size n
    block.txt               the block that holds that (origin, n, root)
    city.tlog-proof         that block under the city root, whose checkpoint is signed and cosigned
    schema.avsc.gz          optional: the schema of the value; nothing seals it
    anchors/…               optional: receipts of outside services, with certificate chains
    README.txt              what this is and how to verify it

The archive's bytes are a function of its files (`stored_zip.py`), and a reader recomputes the whole manifest. So a
change of any byte is detected, and no statement of the manifest is trusted. A bundle never holds keys or a policy:
those come from the verifier.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from ledger_sink.format.block import Block
from ledger_sink.format.errors import BundleFormatError, FormatError
from ledger_sink.format.leaf import CanonicalRecord, Leaf
from ledger_sink.format.scan import excerpt
from ledger_sink.format.stored_zip import read_zip, write_zip
from ledger_sink.format.tlog_proof import TlogProof

BUNDLE_FORMAT: Final = "city-evidence/v1"
MANIFEST: Final = "manifest.json"
RECORD: Final = "record.canon"
LEAF: Final = "leaf.bin"
PARTITION_PROOF: Final = "partition.tlog-proof"
BLOCK: Final = "block.txt"
CITY_PROOF: Final = "city.tlog-proof"
SCHEMA: Final = "schema.avsc.gz"
README: Final = "README.txt"
ANCHORS: Final = "anchors/"
_REQUIRED = (MANIFEST, RECORD, LEAF, PARTITION_PROOF, BLOCK, CITY_PROOF, README)
ANCHOR_PATH: Final = re.compile(r"anchors(?:/[a-z0-9][a-z0-9._-]{0,99}){1,3}")
_MAX_JSON_INTEGER = 2**53 - 1  # RFC 8785 §3.2.2.3: what every JSON reader keeps exact


@dataclass(frozen=True, slots=True)
class Evidence:
    """The parts of an event's bundle, as bytes. `anchors` maps whole paths, `anchors/…`, to files."""

    record: bytes
    leaf: bytes
    partition_proof: bytes
    block: bytes
    city_proof: bytes
    schema: bytes | None = None
    anchors: Mapping[str, bytes] = field(default_factory=dict)
    readme: bytes | None = None
    """`None` writes the current text; a parsed bundle keeps its own."""

    def encode(self) -> bytes:
        """Encode the bundle. The same parts always give the same bytes.

        Raises:
            BundleFormatError: if an anchor's path is not allowed or a number is beyond what JSON keeps exact.
            FormatError: if a part is malformed.
        """
        files = self._files()
        return write_zip({**files, MANIFEST: self._manifest(files)})

    @classmethod
    def parse(cls, data: bytes) -> "Evidence":
        """Parse a bundle. Every byte of archive and manifest is checked; proofs are not verified.

        Raises:
            FormatError: if a byte differs from the encoding of this content, or a part is malformed.
        """
        return cls.of_files(read_zip(data))

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> "Evidence":
        """Parse a bundle from the files of its archive; see `parse`."""
        parts = files_below(files, ANCHORS)
        require_files(files, _REQUIRED, (SCHEMA, *parts))
        evidence = cls(
            files[RECORD], files[LEAF], files[PARTITION_PROOF], files[BLOCK], files[CITY_PROOF],
            files.get(SCHEMA), parts, files[README],
        )  # fmt: skip
        require_manifest(evidence._manifest(evidence._files()), files[MANIFEST])
        return evidence

    def _files(self) -> dict[str, bytes]:
        """Return every file except the manifest."""
        files = {
            RECORD: self.record,
            LEAF: self.leaf,
            PARTITION_PROOF: self.partition_proof,
            BLOCK: self.block,
            CITY_PROOF: self.city_proof,
            README: self._readme() if self.readme is None else self.readme,
        }
        if self.schema is not None:
            files[SCHEMA] = self.schema
        for name, data in self.anchors.items():
            if not ANCHOR_PATH.fullmatch(name):
                raise BundleFormatError(f"bundle: {excerpt(name)} is no path for an anchor's receipt")
            files[name] = data
        return files

    def _manifest(self, files: Mapping[str, bytes]) -> bytes:
        """Encode the manifest, which follows from the other files."""
        record = CanonicalRecord.parse(self.record)
        Leaf.parse(self.leaf)
        content = {
            "city_log": proof_summary(CITY_PROOF, self.city_proof),
            "block": Block.parse(self.block).number,
            "files": {name: sha256(data).hexdigest() for name, data in files.items()},
            "format": BUNDLE_FORMAT,
            "kind": "event",
            "partition_log": proof_summary(PARTITION_PROOF, self.partition_proof),
            "record": {"offset": record.offset, "partition": record.partition, "topic": record.topic},
        }
        return canonical_json(content)

    def _readme(self) -> bytes:
        record = CanonicalRecord.parse(self.record)
        origin = TlogProof.parse(self.city_proof).head().origin
        return _README.format(record=record, city_log=origin).encode("utf-8", "backslashreplace")


def files_below(files: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    """Return the files below a folder of a bundle, keyed by their whole path."""
    return {name: content for name, content in files.items() if name.startswith(folder)}


def require_files(files: Mapping[str, bytes], required: Sequence[str], allowed: Sequence[str]) -> None:
    """Check that a bundle has every required file and no file beyond the allowed ones.

    Raises:
        BundleFormatError: if a required file is missing or a file is not allowed.
    """
    missing = [name for name in required if name not in files]
    if missing:
        raise BundleFormatError(f"bundle: expected {', '.join(required)}, missing {', '.join(missing)}")
    strange = [name for name in files if name not in {*required, *allowed}]
    if strange:
        raise BundleFormatError(f"bundle: {excerpt(strange[0])} does not belong in it")


def require_manifest(expected: bytes, got: bytes) -> None:
    """Check that a manifest equals the one computed from the other files.

    Raises:
        BundleFormatError: if a byte differs.
    """
    if expected != got:
        raise BundleFormatError(f"{MANIFEST}: expected {excerpt(expected, 2000)}, got {excerpt(got, 2000)}")


def canonical_json(value: Any) -> bytes:
    """Encode plain data by RFC 8785 (JSON Canonicalization Scheme).

    It accepts what a manifest needs: objects with ASCII keys, strings, and integers up to 2^53 - 1.

    Raises:
        BundleFormatError: if the value holds anything else.
    """
    _require_plain(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _require_plain(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise BundleFormatError(f"manifest: expected ASCII keys, got {key!r}")
            _require_plain(inner)
    elif isinstance(value, str):
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise BundleFormatError("manifest: expected text that UTF-8 can spell")
    elif isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_JSON_INTEGER:
        raise BundleFormatError(f"manifest: expected an integer up to 2^53 - 1, got {value!r}")


def proof_summary(name: str, data: bytes) -> dict[str, Any]:
    """Return what a manifest states of a tlog-proof: leaf index, origin and tree size.

    Raises:
        BundleFormatError: if the bytes are no tlog-proof, or the proof has an extra line.
    """
    try:
        proof = TlogProof.parse(data)
    except FormatError as problem:
        raise BundleFormatError(f"{name}: {problem}") from None
    if proof.extra is not None:
        raise BundleFormatError(f"{name}: expected no extra line")
    head = proof.head()
    return {"index": proof.index, "origin": head.origin, "size": head.size}


_README = """\
Evidence (city-evidence/v1): record at offset {record.offset} of {record.topic}/{record.partition},
and the proof that {city_log} sealed it. Check it:

    ledger-verify FILE.evidence --policy policy.txt

ledger-verify is part of city-telemetry, which is in no package index: install nothing of that name from
one. Build the wheel from its sources (uv build --wheel), or take one from somebody you trust.
policy.txt (C2SP tlog-policy) names the keys you trust; take them from their owners, not from the
bearer of this file. By hand: `sha256sum record.canon` gives the last 32 bytes of leaf.bin.
"""
