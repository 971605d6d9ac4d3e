"""Whatever bytes arrive, each parser returns a value or raises a FormatError: whole, flipped, cut, with more behind."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_sink.format import (
    AddCheckpoint,
    Block,
    Checkpoint,
    Evidence,
    Origin,
    Policy,
    TlogProof,
    VerifierKey,
)
from ledger_sink.format.control import Gap, parse_control
from ledger_sink.format.errors import FormatError
from ledger_sink.format.leaf import CanonicalRecord, Leaf
from ledger_sink.format.note import Signature, parse_note, parse_signatures
from ledger_sink.format.policy import parse_keys
from ledger_sink.format.stored_zip import read_zip
from ledger_sink.format.tiles import encode_entries, parse_entries, parse_tile_path
from ledger_sink.format.witness_request import parse_size
from tests.ledger_sink.simulated_city import WITNESS, small_city

CITY = small_city()
PARTITION = CITY.partitions[0]
EVIDENCE = CITY.evidence(PARTITION, 2)
COSIGNED = CITY.cosigned()
TEXT = parse_note(COSIGNED).text


def of_text(parse: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """Feed a parser of text with any octets, as a caller with a lenient decoder would."""
    return lambda data: parse(data.decode("utf-8", "surrogateescape"))


PARSERS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "note": (parse_note, COSIGNED),
    "signatures": (parse_signatures, WITNESS.cosign(TEXT, 5).line.encode()),
    "signature": (of_text(Signature.parse), WITNESS.cosign(TEXT, 5).line[:-1].encode()),
    "vkey": (of_text(VerifierKey.parse), WITNESS.vkey.encode()),
    "checkpoint": (of_text(Checkpoint.parse), TEXT.encode()),
    "tlog-proof": (TlogProof.parse, EVIDENCE.partition_proof),
    "block": (Block.parse, EVIDENCE.block),
    "leaf": (Leaf.parse, EVIDENCE.leaf),
    "canon": (CanonicalRecord.parse, EVIDENCE.record),
    "control": (parse_control, Gap(1, 2, "retention").encode()),
    "policy": (Policy.parse, CITY.policy()),
    "keys": (parse_keys, CITY.keys()),
    "bundle": (Evidence.parse, EVIDENCE.encode()),
    "zip": (read_zip, EVIDENCE.encode()),
    "entries": (parse_entries, encode_entries(PARTITION.entries)),
    "tile path": (of_text(parse_tile_path), b"tile/0/x001/x234/067.p/5"),
    "origin": (of_text(Origin.parse), PARTITION.origin.encode()),
    "add-checkpoint": (AddCheckpoint.parse, AddCheckpoint(1, (bytes(32),), COSIGNED).encode()),
    "size": (parse_size, b"12\n"),
}


def value_or_format_error(parse: Callable[[bytes], Any], data: bytes) -> None:
    """Hold a parser to its promise."""
    try:
        parse(data)
    except FormatError as problem:
        assert str(problem)  # noqa: PT017 - what matters is that no other error comes out


@pytest.mark.parametrize("name", PARSERS)
def test_each_sample_is_read(name: str) -> None:
    """The sample that is damaged below is itself accepted."""
    parse, sample = PARSERS[name]
    parse(sample)


@pytest.mark.parametrize("name", PARSERS)
def test_every_cut_gives_a_value_or_a_format_error(name: str) -> None:
    """Truncation at every byte, and one byte more behind."""
    parse, sample = PARSERS[name]
    for end in range(len(sample)):
        value_or_format_error(parse, sample[:end])
    for more in (b"\x00", b"\n", b"x", b"\xff", sample):
        value_or_format_error(parse, sample + more)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_samples_give_a_value_or_a_format_error(name: str, data: st.DataObject) -> None:
    """Bytes changed, removed, inserted and doubled anywhere in a good sample."""
    parse, sample = PARSERS[name]
    damaged = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(damaged)))
        end = data.draw(st.integers(start, min(len(damaged), start + 8)))
        damaged[start:end] = data.draw(st.binary(max_size=8))
    value_or_format_error(parse, bytes(damaged))


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=25, deadline=None)
@given(
    noise=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace"))
)
def test_noise_gives_a_value_or_a_format_error(name: str, noise: bytes) -> None:
    """Any bytes, and any text."""
    value_or_format_error(PARSERS[name][0], noise)
