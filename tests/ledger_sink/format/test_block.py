"""Blocks: one spelling, a chain that only grows, and origins of one city."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_sink.format.block import Block, parse_time, require_successor, time_text
from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.errors import BlockFormatError, FormatError, KeyFormatError, OriginError
from ledger_sink.format.keys import (
    Origin,
    city_origin,
    derive_seed,
    is_own_witness,
    log_key,
    own_witness_name,
    partition_origin,
)
from ledger_sink.format.layout import control_path, log_path, origin_at
from tests.ledger_sink.simulated_city import CITY, MASTER_SEED, TIME_MS, TOPIC, small_city

HEAD = Checkpoint(partition_origin(CITY, TOPIC, 0), 7, bytes(range(32)))
BLOCK = Block(city_origin(CITY), 0, bytes(32), TIME_MS, (HEAD,))
TEXT = BLOCK.encode().decode()


def test_a_block_is_spelled_as_the_format_says() -> None:
    """The text of a block, written out."""
    assert TEXT == (
        "city-block/v1\nseoul.example/city/1\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
        "2026-01-02T03:04:05.678Z\n"
        "seoul.example/air-quality.reading/0/1 7 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    )
    assert Block.parse(BLOCK.encode()) == BLOCK
    assert BLOCK.head(HEAD.origin) == HEAD
    assert BLOCK.head("seoul.example/other/0/1") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("city-block/v1", "city-block/v2"), ("city-block/v1\n", "city-block/v1\r\n"), ("/city/1", "/city/01"),
        ("/city/1", "/town/1"), ("\n0\n", "\n00\n"), ("\n0\n", "\n1\n"), ("\n0\n", "\n-0\n"), ("AAA=", "AAB="),
        ("AAA=", "AAE="), ("AAA=", "AAA"), (".678Z", ".678+00:00"), (".678Z", ".67Z"), ("T03", " 03"),
        ("01-02", "02-30"),
        ("T03:", "T24:"), ("2026", "1969"), (" 7 ", "  7 "), (" 7 ", " 07 "), (" 7 ", " 0 "),
        ("\nseoul.example/air", "\nparis.example/air"),
        ("reading/0/1", "reading/0/0"), ("reading/0/1", "reading/00/1"), ("Hh8=\n", "Hh8=\n\n"), ("Hh8=\n", "Hh8="),
        ("Hh8=\n", "Hh8= \n"), ("Hh8=", "Hh9="), ("seoul.example/air-quality.reading/0/1", "seoul.example/city/1"),
        ("Hh8=\n", "Hh8=\nseoul.example/air-quality.reading/0/1 8 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"),
        ("Hh8=\n", "Hh8=\nseoul.example/a/0/1 8 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"),
        ("seoul.example/air-quality.reading/0/1 7 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", ""),
    ],
)  # fmt: skip
def test_other_spellings_of_a_block_are_refused(old: str, new: str) -> None:
    """Every rule of the text: header, numbers, base64, time, line ends, order, city."""
    assert old in TEXT
    with pytest.raises(BlockFormatError):
        Block.parse(TEXT.replace(old, new).encode())


def test_a_block_holds_32_lines_at_most() -> None:
    """32 lines are a block, 33 and none are not."""
    heads = tuple(Checkpoint(partition_origin(CITY, f"topic-{i:02d}", 0), 1, bytes(32)) for i in range(33))
    assert Block.parse(replace(BLOCK, heads=heads[:32]).encode()).heads == heads[:32]
    for wrong in (heads, ()):
        with pytest.raises(BlockFormatError, match="1 to 32"):
            replace(BLOCK, heads=wrong)


def test_the_largest_block_fits_an_entry() -> None:
    """32 lines with the longest origins stay below a tlog entry's 65,535 bytes."""
    heads = tuple(Checkpoint(f"{'c' * 10}/{i:0230d}/0/1", 2**63 - 1, bytes(32)) for i in range(32))
    assert len(Block(f"{'c' * 10}/city/1", 0, bytes(32), TIME_MS, heads).encode()) < 65_535


def test_blocks_of_a_city_follow_one_another() -> None:
    """A chain as it should be is accepted."""
    previous, last = None, dict[str, Checkpoint]()
    for block in small_city(ticks=4).blocks:
        require_successor(previous, block, last)
        previous, last = block, last | {head.origin: head for head in block.heads}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"number": 2}, "number"),
        ({"previous": bytes(range(32))}, "previous hash"),
        ({"origin": city_origin(CITY, 2)}, "origin"),
        ({"time_ms": TIME_MS - 1}, "time"),
        ({"heads": (HEAD,)}, "before it had"),
    ],
)
def test_a_block_that_does_not_follow_is_refused(change: dict[str, object], rule: str) -> None:
    """Skipped numbers, another previous block, another log, a clock that went back, a log that did not grow."""
    grown = replace(HEAD, size=8)
    block = replace(replace(BLOCK, number=1, previous=BLOCK.hash, heads=(grown,)), **change)  # type: ignore[arg-type]
    with pytest.raises(BlockFormatError, match=rule):
        require_successor(BLOCK, block, {HEAD.origin: HEAD})


def test_the_first_block_is_number_zero() -> None:
    """Without a block before, only number 0 follows."""
    require_successor(None, BLOCK, {})
    with pytest.raises(BlockFormatError, match="number 0"):
        require_successor(None, replace(BLOCK, number=1, previous=BLOCK.hash), {})


@given(st.integers(0, 253_402_300_799_999))
def test_times_have_one_spelling(time_ms: int) -> None:
    """Every millisecond from 1970 to 9999 is spelled and read back."""
    assert parse_time(time_text(time_ms)) == time_ms


def test_out_of_range_fields_are_refused_when_made() -> None:
    """A block that could not be written is not made."""
    changes: list[dict[str, Any]] = [
        {"number": -1},
        {"previous": b""},
        {"time_ms": -1},
        {"origin": HEAD.origin},
        {"origin": "x"},
    ]
    for change in changes:
        with pytest.raises(BlockFormatError):
            replace(BLOCK, **change)
    with pytest.raises(BlockFormatError, match="at most"):
        Block.parse(bytes(65_536))
    with pytest.raises(BlockFormatError, match="extension"):
        replace(BLOCK, heads=(replace(HEAD, extensions=("x",)),))


def test_origins_are_those_of_the_contract() -> None:
    """Partition and city origins, their folders, and back."""
    assert str(Origin.parse(HEAD.origin)) == HEAD.origin == "seoul.example/air-quality.reading/0/1"
    assert city_origin(CITY, 2) == "seoul.example/city/2"
    assert log_path(HEAD.origin) == "air-quality.reading/0/1"
    assert log_path(city_origin(CITY)) == "city/1"
    for path in ("air-quality.reading/0/1", "city/1"):
        assert log_path(origin_at(CITY, path)) == path
    assert control_path(12) == "control/12.json"


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a/b", "a/b/c", "a/b/0/1/2", "a/city/0", "a/city/01", "a/city/0/1", "a/b/-1/1", "a/b/0/x", "/b/0/1",
        "a//0/1", "../b/0/1", "a/../0/1", "a/b c/0/1", "a+/b/0/1", "ä/b/0/1", "a/b/2147483648/1", "a/b/0/1\n",
        f"{'a' * 250}/b/0/1", f"{'a' * 249}/bb/0/1",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_refused(text: str) -> None:
    """Other shapes, loose numbers, names that are paths, and too long ones are refused."""
    with pytest.raises(OriginError):
        Origin.parse(text)


def test_half_an_origin_and_negative_controls_are_refused() -> None:
    """Topic and partition come together; leaves count from 0; foreign folders are no logs."""
    with pytest.raises(OriginError):
        Origin(CITY, "topic", None, 1)
    with pytest.raises(OriginError):
        control_path(-1)
    with pytest.raises(OriginError):
        origin_at(CITY, "x")


def test_each_log_has_its_own_key() -> None:
    """Keys are derived by origin; another origin or master seed gives another key; the name is the origin."""
    key = log_key(MASTER_SEED, HEAD.origin)
    assert key.name == HEAD.origin
    assert derive_seed(MASTER_SEED, HEAD.origin) == key.seed
    others = [log_key(MASTER_SEED, city_origin(CITY)), log_key(bytes(32), HEAD.origin)]
    assert len({key.seed, *(other.seed for other in others)}) == 3
    for seed, origin, error in ((b"", HEAD.origin, KeyFormatError), (MASTER_SEED, "x", FormatError)):
        with pytest.raises(error):
            derive_seed(seed, origin)


def test_the_citys_own_witness_is_known_by_its_name() -> None:
    """A witness under the city's name is not independent."""
    assert is_own_witness(CITY, own_witness_name(CITY))
    assert own_witness_name(CITY) == "witness.seoul.example"
    for own in (
        "seoul.example",
        "seoul.example/w1",
        "a.witness.seoul.example/w1",
        "W.Seoul.EXAMPLE",
        "seoul.example.:8/w",
    ):
        assert is_own_witness(CITY, own)
    for other in ("witness.example/seoul.example", "seoul.example.org/witness", "notseoul.example/w"):
        assert not is_own_witness(CITY, other)
