r"""Leaves of a partition log: a commitment to one Kafka record, or a control leaf.

Layout (FORMAT.md §3.1, FORMAT.md §3.2), integers big-endian:

    leaf    01 ‖ kind u8 ‖ offset u64 ‖ timestamp_ms i64 ‖ commit[32]                        50 bytes
    kind    00 record · 01 START · 02 GAP
    canon   "city-record/v1\n" ‖ u16‖topic ‖ u32 partition ‖ u64 offset
            ‖ u8 timestamp_type ‖ i64 timestamp_ms
            ‖ i32‖key ‖ i32‖value ‖ u16 n ‖ n × (u16‖header name ‖ i32‖header value)         length -1: null
    commit  record: SHA-256(canon)
            START:  SHA-256("city-start/v1\n" ‖ topic id[16] ‖ u32‖previous epoch's last checkpoint note)
            GAP:    SHA-256("city-gap/v1\n" ‖ u64 last missing ‖ u16‖reason)

Keys, values and headers are Kafka's raw bytes, never serialised again. `timestamp_type` is the wire value:
0 CreateTime, 1 LogAppendTime. A confidential value carries its own random salt (docs/ledger.md#leaves).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from struct import Struct
from struct import error as StructError  # noqa: N812 - the struct module spells its error in lower case
from typing import Final

from ledger_sink.format.errors import LeafFormatError
from ledger_sink.format.scan import HASH_BYTES, MAX_SIZE

LEAF_BYTES: Final = 50
LEAF_VERSION: Final = 1
RECORD_DOMAIN: Final = b"city-record/v1\n"
START_DOMAIN: Final = b"city-start/v1\n"
GAP_DOMAIN: Final = b"city-gap/v1\n"

RecordHeaders = Sequence[tuple[str, bytes | None]]
RecordFields = tuple[int, int, int, bytes | None, bytes | None, RecordHeaders]
"""(offset, timestamp_type, timestamp_ms, key, value, headers): the fields that differ within a partition."""

_LEAF = Struct(">BBQq32s")
_FIXED = Struct(">QBqi")
_U16 = Struct(">H")
_U32 = Struct(">I")
_I32 = Struct(">i")
_NULL = _I32.pack(-1)
_NO_HEADERS = _U16.pack(0)


class Kind(IntEnum):
    """What a leaf commits to."""

    RECORD = 0
    START = 1
    GAP = 2


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf. START and GAP leaves have timestamp 0 and the first offset (to come, or missing)."""

    kind: Kind
    offset: int
    timestamp_ms: int
    commit: bytes

    def encode(self) -> bytes:
        """Encode the leaf in 50 bytes; `Leaf.parse(leaf.encode()) == leaf`."""
        return _leaf(self.kind, self.offset, self.timestamp_ms, self.commit)

    @classmethod
    def parse(cls, data: bytes) -> "Leaf":
        """Parse the 50 bytes of a leaf.

        Raises:
            LeafFormatError: if length, version or kind is wrong, the offset is beyond 2^63 - 1, or a control
                leaf has a timestamp.
        """
        if len(data) != LEAF_BYTES:
            raise LeafFormatError(f"leaf: expected {LEAF_BYTES} bytes, got {len(data)}")
        version, kind, offset, timestamp_ms, commit = _LEAF.unpack(data)
        if version != LEAF_VERSION or kind not in (0, 1, 2):
            raise LeafFormatError(f"leaf: expected version 1 and kind 0 to 2, got {version} and {kind}")
        if offset > MAX_SIZE:
            raise LeafFormatError(f"leaf: expected an offset of at most {MAX_SIZE}, got {offset}")
        if kind != Kind.RECORD and timestamp_ms:
            raise LeafFormatError(f"{Kind(kind).name} leaf: expected timestamp 0, got {timestamp_ms}")
        return cls(Kind(kind), offset, timestamp_ms, commit)


@dataclass(frozen=True, slots=True)
class CanonicalRecord:
    """A Kafka record as its canonical encoding holds it; an auditor reads it back from `record.canon`."""

    topic: str
    partition: int
    offset: int
    timestamp_type: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    def encode(self) -> bytes:
        """Encode the record canonically; `CanonicalRecord.parse(record.encode()) == record`."""
        return canon(
            self.topic, self.partition, self.offset, self.timestamp_type, self.timestamp_ms, self.key,
            self.value, self.headers,
        )  # fmt: skip

    @classmethod
    def parse(cls, data: bytes) -> "CanonicalRecord":
        """Parse a canonical encoding to its last byte.

        Raises:
            LeafFormatError: if it is truncated, has bytes after its end, or a part is malformed.
        """
        reader = _Reader(data)
        if reader.take(len(RECORD_DOMAIN)) != RECORD_DOMAIN:
            raise LeafFormatError(f"canon: expected it to start with {RECORD_DOMAIN!r}")
        topic = reader.text()
        partition = reader.unpack(_U32)
        offset, timestamp_type, timestamp_ms = (
            reader.integer(8),
            reader.integer(1),
            reader.integer(8, signed=True),
        )
        key, value = reader.nullable(), reader.nullable()
        headers = tuple((reader.text(), reader.nullable()) for _ in range(reader.unpack(_U16)))
        reader.finish()
        if timestamp_type > 1 or offset > MAX_SIZE:
            raise LeafFormatError(
                f"canon: timestamp type {timestamp_type} or offset {offset} is out of range"
            )
        return cls(topic, partition, offset, timestamp_type, timestamp_ms, key, value, headers)


def canon(
    topic: str, partition: int, offset: int, timestamp_type: int, timestamp_ms: int,
    key: bytes | None, value: bytes | None, headers: RecordHeaders = (),
) -> bytes:  # fmt: skip
    """Encode one Kafka record canonically (FORMAT.md §3.2).

    Args:
        topic: the topic's name.
        partition: the partition, from 0.
        offset: the record's offset.
        timestamp_type: 0 CreateTime, 1 LogAppendTime (confluent-kafka reports one more).
        timestamp_ms: milliseconds since 1970 UTC.
        key: raw bytes, `None` for null.
        value: raw bytes, `None` for null.
        headers: name and raw value (`None` for null) of each header, in the record's order.

    Raises:
        LeafFormatError: if a number or length does not fit its field.
    """
    record = (offset, timestamp_type, timestamp_ms, key, value, headers)
    return canons(topic, partition, [record])[0]


def canons(topic: str, partition: int, records: Iterable[RecordFields]) -> list[bytes]:
    """Encode many records of one partition canonically; errors as of `canon`."""
    try:
        prefix = RECORD_DOMAIN + _text(topic) + _U32.pack(partition)
        return [_canon(prefix, record) for record in records]
    except (StructError, OverflowError, UnicodeEncodeError) as problem:
        raise LeafFormatError(f"canon of {topic}/{partition}: {problem}") from None


def record_leaf(
    topic: str, partition: int, offset: int, timestamp_type: int, timestamp_ms: int,
    key: bytes | None, value: bytes | None, headers: RecordHeaders = (),
) -> bytes:  # fmt: skip
    """Return the 50-byte leaf of one record; arguments and errors as of `canon`."""
    record = (offset, timestamp_type, timestamp_ms, key, value, headers)
    return record_leaves(topic, partition, [record])[0]


def record_leaves(topic: str, partition: int, records: Iterable[RecordFields]) -> list[bytes]:
    """Return the leaves of many records of one partition: the hot path of sealing.

    Raises:
        LeafFormatError: if a number or length of any record does not fit its field.
    """
    hasher, pack = sha256, _LEAF.pack
    try:
        prefix = RECORD_DOMAIN + _text(topic) + _U32.pack(partition)
        return [
            pack(LEAF_VERSION, 0, record[0], record[2], hasher(_canon(prefix, record)).digest())
            for record in records
        ]
    except (StructError, OverflowError, UnicodeEncodeError) as problem:
        raise LeafFormatError(f"leaf of {topic}/{partition}: {problem}") from None


def start_commit(topic_id: bytes, previous_checkpoint: bytes = b"") -> bytes:
    """Return the commitment of a START leaf, 32 bytes (FORMAT.md §3.1).

    Args:
        topic_id: Kafka's 16-byte topic id.
        previous_checkpoint: signed note of the previous epoch's last checkpoint; empty for the first epoch.

    Raises:
        LeafFormatError: if the topic id has another length.
    """
    if len(topic_id) != 16:
        raise LeafFormatError(f"START: expected a topic id of 16 bytes, got {len(topic_id)}")
    length = _U32.pack(len(previous_checkpoint))
    return sha256(START_DOMAIN + topic_id + length + previous_checkpoint).digest()


def start_leaf(first_offset: int, topic_id: bytes, previous_checkpoint: bytes = b"") -> bytes:
    """Return leaf 0 of an epoch: the first offset to come, and the commitment of `start_commit`."""
    return _leaf(Kind.START, first_offset, 0, start_commit(topic_id, previous_checkpoint))


def gap_commit(last_missing: int, reason: str) -> bytes:
    """Return the commitment of a GAP leaf to its last missing offset and its reason (FORMAT.md §3.1).

    Raises:
        LeafFormatError: if the offset or the reason does not fit.
    """
    try:
        return sha256(GAP_DOMAIN + last_missing.to_bytes(8, "big") + _text(reason)).digest()
    except (StructError, OverflowError, UnicodeEncodeError) as problem:
        raise LeafFormatError(f"GAP: {problem}") from None


def gap_leaf(first_missing: int, last_missing: int, reason: str) -> bytes:
    """Return a GAP leaf: Kafka no longer had the offsets `first_missing` to `last_missing`, both included.

    Raises:
        LeafFormatError: if the range is empty or a part does not fit.
    """
    if last_missing < first_missing:
        raise LeafFormatError(
            f"GAP: expected first ≤ last missing offset, got {first_missing} and {last_missing}"
        )
    return _leaf(Kind.GAP, first_missing, 0, gap_commit(last_missing, reason))


def _leaf(kind: int, offset: int, timestamp_ms: int, commit: bytes) -> bytes:
    if len(commit) != HASH_BYTES:
        raise LeafFormatError(f"leaf: expected a commitment of 32 bytes, got {len(commit)}")
    if not 0 <= offset <= MAX_SIZE:
        raise LeafFormatError(f"leaf: expected an offset of 0 to {MAX_SIZE}, got {offset}")
    try:
        return _LEAF.pack(LEAF_VERSION, kind, offset, timestamp_ms, commit)
    except StructError as problem:
        raise LeafFormatError(f"leaf: {problem}") from None


def _canon(prefix: bytes, record: RecordFields) -> bytes:
    offset, timestamp_type, timestamp_ms, key, value, headers = record
    if offset >> 63 or timestamp_type >> 1:  # negative ones too: any shift of a negative number is not 0
        raise LeafFormatError(f"canon: timestamp type {timestamp_type} or offset {offset} is out of range")
    if key is None:
        start = _FIXED.pack(offset, timestamp_type, timestamp_ms, -1)
    else:
        start = _FIXED.pack(offset, timestamp_type, timestamp_ms, len(key)) + key
    middle = _NULL if value is None else _I32.pack(len(value)) + value
    return prefix + start + middle + (_headers(headers) if headers else _NO_HEADERS)


def _headers(headers: RecordHeaders) -> bytes:
    parts = [_U16.pack(len(headers))]
    for name, content in headers:
        encoded = name.encode()
        if content is None:
            parts += (_U16.pack(len(encoded)), encoded, _NULL)
        else:
            parts += (_U16.pack(len(encoded)), encoded, _I32.pack(len(content)), content)
    return b"".join(parts)


def _text(text: str) -> bytes:
    data = text.encode()
    return _U16.pack(len(data)) + data


class _Reader:
    """Reads fields from the start of bytes on and checks that none are left."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, count: int) -> bytes:
        end = self._position + count
        if end > len(self._data):
            raise LeafFormatError(f"canon: cut at byte {len(self._data)}, expected at least {end}")
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def unpack(self, field: Struct) -> int:
        value: int = field.unpack(self.take(field.size))[0]
        return value

    def integer(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "big", signed=signed)

    def text(self) -> str:
        try:
            return self.take(self.unpack(_U16)).decode()
        except UnicodeDecodeError:
            raise LeafFormatError(f"canon: expected UTF-8 before byte {self._position}") from None

    def nullable(self) -> bytes | None:
        length = self.unpack(_I32)
        if length < -1:
            raise LeafFormatError(f"canon: expected a length of -1 or more before byte {self._position}")
        return None if length == -1 else self.take(length)

    def finish(self) -> None:
        if self._position != len(self._data):
            raise LeafFormatError(f"canon: expected {self._position} bytes, got {len(self._data)}")
