"""Leaves, canonical records and control files: bytes as FORMAT.md has them, and nothing else accepted."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_sink.format.control import Gap, Start, parse_control
from ledger_sink.format.errors import LeafFormatError
from ledger_sink.format.leaf import (
    LEAF_BYTES,
    CanonicalRecord,
    Kind,
    Leaf,
    RecordHeaders,
    canon,
    gap_leaf,
    record_leaf,
    record_leaves,
    start_commit,
    start_leaf,
)

OFFSETS = st.integers(0, 2**63 - 1)
TIMES = st.integers(-(2**63), 2**63 - 1)
BYTES = st.none() | st.binary(max_size=40)
NAMES = st.text(max_size=10).filter(
    lambda text: text.isascii() or text.encode("utf-8", "ignore").decode() == text
)
HEADERS = st.lists(st.tuples(NAMES, BYTES), max_size=4)
TOPIC_ID = bytes(range(16))


def test_canon_is_the_formats_bytes() -> None:
    """A canon written out by hand is the one that is made."""
    expected = (
        b"city-record/v1\n" + b"\x00\x01t" + b"\x00\x00\x00\x02" + b"\x00" * 7 + b"\x05" + b"\x01"
        + b"\x00" * 6 + b"\x01\x00" + b"\xff\xff\xff\xff" + b"\x00\x00\x00\x01v" + b"\x00\x02"
        + b"\x00\x01a\xff\xff\xff\xff" + b"\x00\x01b\x00\x00\x00\x00"
    )  # fmt: skip
    made = canon("t", 2, 5, 1, 256, None, b"v", [("a", None), ("b", b"")])
    assert made == expected
    leaf = record_leaf("t", 2, 5, 1, 256, None, b"v", [("a", None), ("b", b"")])
    assert leaf == b"\x01\x00" + b"\x00" * 7 + b"\x05" + b"\x00" * 6 + b"\x01\x00" + sha256(expected).digest()
    assert len(leaf) == LEAF_BYTES


@given(
    st.text("abc.-", min_size=1),
    st.integers(0, 2**32 - 1),
    OFFSETS,
    st.integers(0, 1),
    TIMES,
    BYTES,
    BYTES,
    HEADERS,
)
def test_canon_reads_back(
    topic: str, partition: int, offset: int, kind: int, time_ms: int, key: bytes | None, value: bytes | None,
    headers: RecordHeaders,
) -> None:  # fmt: skip
    """Every record's canon gives the record back, and its leaf commits to it."""
    record = CanonicalRecord(topic, partition, offset, kind, time_ms, key, value, tuple(headers))
    data = record.encode()
    assert CanonicalRecord.parse(data) == record
    leaf = Leaf.parse(record_leaves(topic, partition, [(offset, kind, time_ms, key, value, headers)])[0])
    assert leaf == Leaf(Kind.RECORD, offset, time_ms, sha256(data).digest())
    assert Leaf.parse(leaf.encode()) == leaf


def test_null_and_empty_differ() -> None:
    """A tombstone is not an empty value, and key and value do not run into one another."""
    variants = [(None, b""), (b"", None), (b"", b""), (None, None), (b"a", b"b"), (b"ab", b""), (b"", b"ab")]
    assert len({record_leaf("t", 0, 0, 1, 0, key, value) for key, value in variants}) == len(variants)


def test_every_cut_and_every_added_byte_of_a_canon_is_refused() -> None:
    """A canon is read to its last byte."""
    data = canon("t", 2, 5, 1, 256, b"key", b"v", [("a", None), ("b", b"x")])
    for end in range(len(data)):
        with pytest.raises(LeafFormatError):
            CanonicalRecord.parse(data[:end])
    with pytest.raises(LeafFormatError, match="expected"):
        CanonicalRecord.parse(data + b"\x00")


@pytest.mark.parametrize(
    "field",
    [
        {"partition": -1}, {"partition": 2**32}, {"offset": -1}, {"offset": 2**63}, {"timestamp_type": 2},
        {"timestamp_type": -1}, {"timestamp_ms": 2**63}, {"topic": "\ud800"}, {"topic": "x" * 65_536},
        {"headers": (("\ud800", None),)}, {"headers": (("x" * 65_536, None),)},
    ],
)  # fmt: skip
def test_what_does_not_fit_its_field_is_refused(field: dict[str, object]) -> None:
    """Numbers, names and lengths out of range raise, and give no leaf."""
    record = {
        "topic": "t", "partition": 0, "offset": 0, "timestamp_type": 1, "timestamp_ms": 0, "key": None, "value": None,
        "headers": (),
    } | field  # fmt: skip
    with pytest.raises(LeafFormatError):
        CanonicalRecord(**record).encode()  # type: ignore[arg-type]
    with pytest.raises(LeafFormatError):
        record_leaf(**record)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        b"", bytes(50), b"\x01" + bytes(48), b"\x01" + bytes(50), b"\x02" + bytes(49), b"\x01\x03" + bytes(48),
        b"\x01\x00\x80" + bytes(47), b"\x01\x01" + bytes(15) + b"\x01" + bytes(32),
    ],
)  # fmt: skip
def test_what_is_no_leaf_is_refused(data: bytes) -> None:
    """Another length, version or kind, an offset past 2^63 - 1, or a control leaf with a time is refused."""
    with pytest.raises(LeafFormatError):
        Leaf.parse(data)


def test_start_leaf_commits_to_topic_id_and_previous_checkpoint() -> None:
    """START holds the first offset to come; its commitment is the contract's."""
    leaf = Leaf.parse(start_leaf(17, TOPIC_ID, b"note\n"))
    assert (leaf.kind, leaf.offset, leaf.timestamp_ms) == (Kind.START, 17, 0)
    assert leaf.commit == sha256(b"city-start/v1\n" + TOPIC_ID + b"\x00\x00\x00\x05note\n").digest()
    assert start_commit(TOPIC_ID) == sha256(b"city-start/v1\n" + TOPIC_ID + bytes(4)).digest()
    with pytest.raises(LeafFormatError, match="16 bytes"):
        start_leaf(0, b"short")


def test_gap_leaf_commits_to_last_missing_and_reason() -> None:
    """GAP holds the first missing offset; its commitment is the contract's."""
    leaf = Leaf.parse(gap_leaf(5, 9, "retention"))
    assert (leaf.kind, leaf.offset) == (Kind.GAP, 5)
    assert leaf.commit == sha256(b"city-gap/v1\n" + (9).to_bytes(8, "big") + b"\x00\x09retention").digest()
    for first, last, reason in (
        (5, 4, ""),
        (0, 2**64, ""),
        (0, 1, "x" * 65_536),
        (-2, -1, ""),
        (0, 1, "\ud800"),
    ):
        with pytest.raises(LeafFormatError):
            gap_leaf(first, last, reason)


@pytest.mark.parametrize("control", [Start(3, TOPIC_ID.hex(), "— note\n"), Gap(5, 9, "retention: älter")])
def test_control_files_read_back(control: Start | Gap) -> None:
    """A control file gives back what its leaf commits to, and has one spelling."""
    data = control.encode()
    assert data.isascii()
    assert parse_control(data) == control
    for bad in (
        data[:-1],
        data + b"\n",
        data.replace(b":", b": ", 1),
        b" " + data,
        data.replace(b"{", b'{"a":1,'),
    ):
        with pytest.raises(LeafFormatError):
            parse_control(bad)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"null\n", b"[]\n", b"{}\n", b'{"kind":"ERASURE"}\n', b"[" * 100_000, b"\xff",
        b'{"first_missing":9,"kind":"GAP","last_missing":5,"reason":""}\n',
        b'{"first_missing":1.5,"kind":"GAP","last_missing":5,"reason":""}\n',
        b'{"first_missing":true,"kind":"GAP","last_missing":5,"reason":""}\n',
        b'{"first_offset":0,"kind":"START","previous_checkpoint":"","topic_id":"00"}\n',
        b'{"first_offset":0,"kind":"START","previous_checkpoint":"","topic_id":"0A0B0C0D0E0F00010203040506070809"}\n',
        b'{"first_offset":"0","kind":"START","previous_checkpoint":"","topic_id":"00000000000000000000000000000000"}\n',
    ],
)  # fmt: skip
def test_what_is_no_control_file_is_refused(data: bytes) -> None:
    """Other kinds, types, spellings and impossible ranges are refused."""
    with pytest.raises(LeafFormatError):
        parse_control(data)
