"""Evidence bundles: one sequence of bytes for one content, opened by any unzip program, no byte changeable."""

import io
import json
import zipfile
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from ledger_sink.format.bundle import SCHEMA, Evidence, canonical_json
from ledger_sink.format.errors import BundleFormatError, FormatError
from ledger_sink.format.stored_zip import read_zip, write_zip
from ledger_sink.format.tlog_proof import TlogProof
from tests.ledger_sink.simulated_city import small_city

CITY = small_city()
EVIDENCE = CITY.evidence(CITY.partitions[0], 3)
BUNDLE = EVIDENCE.encode()


def test_the_same_parts_give_the_same_bytes() -> None:
    """Packing is a function; a bundle read and packed again is itself."""
    assert CITY.evidence(CITY.partitions[0], 3).encode() == BUNDLE
    assert Evidence.parse(BUNDLE).encode() == BUNDLE


def test_any_unzip_program_opens_a_bundle() -> None:
    """The standard library's zipfile reads it, finds every file, and every digest of the manifest fits."""
    archive = zipfile.ZipFile(io.BytesIO(BUNDLE))
    assert archive.testzip() is None
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["files"] == {
        name: sha256(archive.read(name)).hexdigest() for name in archive.namelist() if name != "manifest.json"
    }
    assert manifest["record"] == {"topic": "air-quality.reading", "partition": 0, "offset": 3}
    assert archive.namelist() == sorted(archive.namelist())


def test_each_flipped_byte_of_a_bundle_is_refused() -> None:
    """Every byte of the file, whatever it belongs to, is checked."""
    for position in range(len(BUNDLE)):
        flipped = bytearray(BUNDLE)
        flipped[position] ^= 1 << position % 8
        with pytest.raises(FormatError):
            Evidence.parse(bytes(flipped))


def test_each_cut_and_each_added_byte_is_refused() -> None:
    """A bundle that is cut anywhere, or has anything before, after or between, is refused."""
    for end in range(len(BUNDLE)):
        with pytest.raises(FormatError):
            Evidence.parse(BUNDLE[:end])
    for longer in (BUNDLE + b"\x00", b"\x00" + BUNDLE, BUNDLE + BUNDLE):
        with pytest.raises(FormatError):
            Evidence.parse(longer)


def test_a_repacked_bundle_with_a_file_more_is_refused() -> None:
    """Files that do not belong, and missing ones, are refused even in a well-made archive."""
    files = read_zip(BUNDLE)
    for name in files:
        if name != SCHEMA:
            with pytest.raises(FormatError):
                Evidence.parse(write_zip({k: v for k, v in files.items() if k != name}))
    with pytest.raises(BundleFormatError, match="does not belong"):
        Evidence.parse(write_zip(files | {"policy.txt": b"quorum none\n"}))


def test_a_manifest_cannot_say_anything_of_its_own() -> None:
    """A manifest that tells another offset, adds a word or is spelled otherwise is refused."""
    files = read_zip(BUNDLE)
    manifest = json.loads(files["manifest.json"])
    manifest["record"]["offset"] = 4
    for wrong in (canonical_json(manifest), files["manifest.json"] + b"\n", json.dumps(manifest).encode()):
        with pytest.raises(BundleFormatError, match="manifest"):
            Evidence.parse(write_zip(files | {"manifest.json": wrong}))


def test_schema_and_anchors_come_along() -> None:
    """A bundle without schema and with receipts reads back."""
    anchors = {"anchors/rfc3161/tsa.example.tsr": b"receipt", "anchors/rfc3161/tsa.example.pem": b"chain"}
    evidence = replace(EVIDENCE, schema=None, anchors=anchors)
    read = Evidence.parse(evidence.encode())
    assert read.schema is None
    assert read.anchors == anchors


@pytest.mark.parametrize(
    "name", ["anchors/", "anchors/../x", "anchors/A", "anchors//x", "x/anchors/y", "anchors/a/b/c/d"]
)
def test_strange_anchor_paths_are_refused(name: str) -> None:
    """An anchor's path cannot leave its folder."""
    with pytest.raises(BundleFormatError):
        replace(EVIDENCE, anchors={name: b""}).encode()


def test_malformed_parts_are_not_packed() -> None:
    """A bundle whose parts are not what they should be is not made."""
    proof = TlogProof.parse(EVIDENCE.city_proof)
    extra = TlogProof(proof.index, proof.proof, proof.checkpoint, b"x").encode()
    for change in (
        {"record": b""},
        {"leaf": b""},
        {"block": b""},
        {"partition_proof": b""},
        {"city_proof": extra},
    ):
        with pytest.raises(FormatError):
            replace(EVIDENCE, **change).encode()  # type: ignore[arg-type]


def test_zip_names_are_plain() -> None:
    """No absolute, hidden, parent or odd names; not nothing, not too many."""
    for name in ("/a", "../a", "a/../b", "", "a b", ".a", "a//b", "ä", "a\\b", "a" * 256):
        with pytest.raises(BundleFormatError):
            write_zip({name: b""})
    for files in ({}, {str(i): b"" for i in range(1001)}):
        with pytest.raises(BundleFormatError):
            write_zip(files)


def test_a_zip_from_another_program_is_refused() -> None:
    """Only the deterministic archive is a bundle, though its content be the same."""
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        for name, data in read_zip(BUNDLE).items():
            archive.writestr(name, data)
    with pytest.raises(BundleFormatError, match="deterministic"):
        Evidence.parse(other.getvalue())


def test_a_changed_file_is_named() -> None:
    """Whichever file of the bundle a byte was flipped in, the refusal says which."""
    for name, data in read_zip(BUNDLE).items():
        changed = bytearray(BUNDLE)
        changed[BUNDLE.index(name.encode() + data) + len(name) + len(data) - 1] ^= 1
        with pytest.raises(BundleFormatError, match=f"'{name}' was changed"):
            Evidence.parse(bytes(changed))


def test_manifests_are_canonical_json() -> None:
    """RFC 8785 for what manifests hold; nothing else is spelled."""
    assert (
        canonical_json({"b": 1, "a": {"z": "é\n\u2028", "y": -5}})
        == '{"a":{"y":-5,"z":"é\\n\u2028"},"b":1}'.encode()
    )
    wrong: list[Any] = [1.5, True, None, 2**53, {"é": 1}, {1: 1}, "\ud800", [1]]
    for value in wrong:
        with pytest.raises(BundleFormatError):
            canonical_json({"x": value} if not isinstance(value, dict) else value)
