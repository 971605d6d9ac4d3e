"""Range bundles: one sequence of bytes for one content, no byte changeable, parts that fit each other."""

from dataclasses import replace

import pytest

from ledger_sink.format.bundle import Evidence
from ledger_sink.format.errors import BundleFormatError, FormatError
from ledger_sink.format.range_bundle import RangeEvidence, join_canons, parse_bundle
from ledger_sink.format.stored_zip import read_zip, write_zip
from tests.ledger_sink.simulated_city import small_city

CITY = small_city()
PARTITION = CITY.partitions[0]
EVIDENCE = CITY.range_evidence(PARTITION, 2, 9, [2, 4, 6])
BUNDLE = EVIDENCE.encode()


def test_a_bundle_reads_back_and_its_kind_is_seen() -> None:
    """Packing is a function; either kind is read by what it holds."""
    assert RangeEvidence.parse(BUNDLE).encode() == BUNDLE
    assert isinstance(parse_bundle(BUNDLE), RangeEvidence)
    assert isinstance(parse_bundle(CITY.evidence(PARTITION, 3).encode()), Evidence)
    for parse, data in (
        (Evidence.parse, BUNDLE),
        (RangeEvidence.parse, CITY.evidence(PARTITION, 3).encode()),
    ):
        with pytest.raises(BundleFormatError):
            parse(data)


def test_each_flipped_byte_is_refused() -> None:
    """Every byte of the file, whatever it belongs to, is checked."""
    for position in range(len(BUNDLE)):
        flipped = bytearray(BUNDLE)
        flipped[position] ^= 1 << position % 8
        with pytest.raises(FormatError):
            parse_bundle(bytes(flipped))


def test_files_that_do_not_belong_or_are_missing_are_refused() -> None:
    """Every required file must be there, and no other but schemas and anchors."""
    files = read_zip(BUNDLE)
    for name in files:
        if not name.startswith("schemas/"):
            with pytest.raises(FormatError):
                RangeEvidence.of_files({k: v for k, v in files.items() if k != name})
    for name in (
        "policy.txt",
        "schemas/x.avsc.gz",
        "schemas/01.avsc.gz",
        "schemas/1.avsc",
        "anchors/A",
        "leaf.bin",
    ):
        with pytest.raises(BundleFormatError):
            parse_bundle(write_zip(files | {name: b"x"}))


def test_parts_that_contradict_each_other_are_not_packed() -> None:
    """Cut leaves, none, more than the range says; records none, cut, out of order, doubled, of another partition."""
    canons = EVIDENCE.canons()
    foreign = CITY.range_evidence(CITY.partitions[1], 2, 9, [2]).canons()
    changes: list[dict[str, bytes]] = [
        {"leaves": b""}, {"leaves": EVIDENCE.leaves[:-1]}, {"leaves": EVIDENCE.leaves[50:]}, {"records": b""},
        {"records": EVIDENCE.records[:-1]}, {"records": EVIDENCE.records + b"\x00"},
        {"records": join_canons(canons[::-1])}, {"records": join_canons([canons[0], canons[0]])},
        {"records": join_canons([*foreign, canons[1]])}, {"partition_proof": b""}, {"block": b""}, {"city_proof": b""},
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(FormatError):
            replace(EVIDENCE, **change).encode()  # type: ignore[arg-type]
