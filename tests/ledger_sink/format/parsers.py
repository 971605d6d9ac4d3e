"""Every parser of the formats with a good sample and its way back: what all fuzzing holds to the same promise.

Whatever bytes arrive, a parser returns a value or raises a `FormatError`; and of two spellings of a value at most
one is read (FORMAT.md, "one spelling for each value"), so what was read is spelled as it came. Policies and key
files, which people write, may have spaces and comments: they read back as the same value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ledger_sink.format import (
    AddCheckpoint,
    Block,
    Checkpoint,
    Evidence,
    Origin,
    Policy,
    RangeEvidence,
    RangeProof,
    TlogProof,
    VerifierKey,
)
from ledger_sink.format.control import Gap, parse_control
from ledger_sink.format.errors import FormatError
from ledger_sink.format.leaf import CanonicalRecord, Leaf
from ledger_sink.format.note import Note, Signature, parse_note, parse_signatures
from ledger_sink.format.policy import encode_keys, parse_keys
from ledger_sink.format.stored_zip import read_zip, write_zip
from ledger_sink.format.tiles import encode_entries, parse_entries, parse_tile_path, position_path
from ledger_sink.format.witness_request import encode_size, parse_size
from tests.ledger_sink.simulated_city import SCHEMA, WITNESS, small_city

if TYPE_CHECKING:
    from collections.abc import Callable

CITY = small_city()
PARTITION = CITY.partitions[0]
EVIDENCE = CITY.evidence(PARTITION, 2)
RANGE = CITY.range_evidence(PARTITION, 1, 4, [1])
COSIGNED = CITY.cosigned()
TEXT = parse_note(COSIGNED).text


class Parser(NamedTuple):
    """One parser, a sample that it reads, and how a value is spelled again."""

    parse: Callable[[bytes], Any]
    sample: bytes
    encode: Callable[[Any], bytes]
    one_spelling: bool = True


def of_text(parse: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """Feed a parser of text with any octets, as a caller with a lenient decoder would."""
    return lambda data: parse(data.decode("utf-8", "surrogateescape"))


def lines(found: tuple[Signature, ...]) -> bytes:
    """Spell bare signature lines."""
    return "".join(line.line for line in found).encode()


def repacked(data: bytes) -> bytes:
    """Put bytes in the place of one file of a good bundle, pack it well, and have the bundle read.

    So fuzzing gets past the archive, of which no byte can be changed, to what reads the files.
    """
    return _repacked(data, EVIDENCE)


def repacked_range(data: bytes) -> bytes:
    """Put bytes in the place of one file of a good range bundle; see `repacked`."""
    return _repacked(data, RANGE)


def _repacked(data: bytes, bundle: Evidence | RangeEvidence) -> bytes:
    files = read_zip(bundle.encode())
    name = sorted(files)[data[0] % len(files)] if data else "none"
    packed = write_zip(files | {name: data[1:]})
    assert type(bundle).parse(packed).encode() == packed
    return data


PARSERS: dict[str, Parser] = {
    "note": Parser(parse_note, COSIGNED, Note.encode),
    "signatures": Parser(parse_signatures, WITNESS.cosign(TEXT, 5).line.encode(), lines),
    "signature": Parser(
        of_text(Signature.parse),
        WITNESS.cosign(TEXT, 5).line[:-1].encode(),
        lambda found: found.line[:-1].encode(),
    ),
    "vkey": Parser(of_text(VerifierKey.parse), WITNESS.vkey.encode(), lambda key: key.vkey.encode()),
    "checkpoint": Parser(of_text(Checkpoint.parse), TEXT.encode(), lambda head: head.text.encode()),
    "tlog-proof": Parser(TlogProof.parse, EVIDENCE.partition_proof, TlogProof.encode),
    "block": Parser(Block.parse, EVIDENCE.block, Block.encode),
    "leaf": Parser(Leaf.parse, EVIDENCE.leaf, Leaf.encode),
    "canon": Parser(CanonicalRecord.parse, EVIDENCE.record, CanonicalRecord.encode),
    "control": Parser(parse_control, Gap(1, 2, "retention").encode(), lambda control: control.encode()),
    "policy": Parser(Policy.parse, CITY.policy(), Policy.encode, one_spelling=False),
    "keys": Parser(
        parse_keys, CITY.keys(), lambda logs: encode_keys(log.key for log in logs), one_spelling=False
    ),
    "bundle": Parser(Evidence.parse, EVIDENCE.encode(), Evidence.encode),
    "bundle file": Parser(repacked, b"\x07" + SCHEMA, bytes),
    "range bundle": Parser(RangeEvidence.parse, RANGE.encode(), RangeEvidence.encode),
    "range bundle file": Parser(repacked_range, b"\x07" + SCHEMA, bytes),
    "range proof": Parser(RangeProof.parse, RANGE.partition_proof, RangeProof.encode),
    "zip": Parser(read_zip, EVIDENCE.encode(), write_zip),
    "entries": Parser(parse_entries, encode_entries(PARTITION.entries), encode_entries),
    "tile path": Parser(
        of_text(parse_tile_path), b"tile/0/x001/x234/067.p/5", lambda place: position_path(place).encode()
    ),
    "origin": Parser(of_text(Origin.parse), PARTITION.origin.encode(), lambda origin: str(origin).encode()),
    "add-checkpoint": Parser(
        AddCheckpoint.parse, AddCheckpoint(1, (bytes(32),), COSIGNED).encode(), AddCheckpoint.encode
    ),
    "size": Parser(parse_size, b"12\n", encode_size),
}


def hold(name: str, data: bytes) -> bool:
    """Hold a parser to its promise over any bytes; tell whether it read a value."""
    parser = PARSERS[name]
    try:
        value = parser.parse(data)
    except FormatError as problem:
        assert str(problem)  # noqa: PT017 - what matters is that no other error comes out
        return False
    again = parser.encode(value)
    if parser.one_spelling:
        assert again == data, f"{name}: reads {data!r}, spells {again!r}"
    else:
        assert parser.encode(parser.parse(again)) == again, f"{name}: {again!r} reads back as another value"
    return True
