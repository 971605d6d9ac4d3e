"""Blocks, the leaves of the city log: each names partition roots and the previous block (FORMAT.md §4).

A block is text, and every line ends in U+000A:

    city-block/v1
    <city log origin>
    <number, decimal>
    <base64 SHA-256 of the previous block's bytes; 32 zero bytes for number 0>
    <time, RFC 3339 UTC, milliseconds>
    <origin> <size> <base64 root>          1 to 32 lines, strictly rising by origin (bytewise), sizes from 1

Leaf k of the city log is block k. Each last line names a partition log of the block's own city.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import Final

from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.errors import BlockFormatError, CheckpointFormatError, OriginError
from ledger_sink.format.keys import Origin
from ledger_sink.format.scan import (
    HASH_BYTES,
    MAX_SIZE,
    base64_text,
    decimal,
    excerpt,
    hash_bytes,
    text_lines,
)

BLOCK_DOMAIN: Final = "city-block/v1"
MAX_BLOCK_LINES: Final = 32
MAX_BLOCK_BYTES: Final = 65_535
NO_PREVIOUS: Final = bytes(HASH_BYTES)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_TIME_MS = 253_402_300_799_999  # the year 9999 ends: RFC 3339 has four digits for it


@dataclass(frozen=True, slots=True)
class Block:
    """One block of the city log.

    Attributes:
        origin: origin of the city log.
        number: index of the block in the city log, from 0.
        previous: SHA-256 of the previous block's bytes; 32 zero bytes for block 0.
        time_ms: milliseconds since 1970 UTC, at most the end of the year 9999.
        heads: checkpoints of the partition logs that grew, 1 to 32, strictly rising by origin.
    """

    origin: str
    number: int
    previous: bytes
    time_ms: int
    heads: tuple[Checkpoint, ...]

    def __post_init__(self) -> None:
        city = _require_origin(self.origin)
        if not 0 <= self.number <= MAX_SIZE:
            raise BlockFormatError(f"block number: expected 0 to {MAX_SIZE}, got {self.number}")
        if len(self.previous) != HASH_BYTES:
            raise BlockFormatError(f"block {self.number}: expected a previous hash of 32 bytes")
        if (self.number == 0) != (self.previous == NO_PREVIOUS):
            raise BlockFormatError(f"block {self.number}: exactly block 0 has 32 zero bytes as previous hash")
        if not 0 <= self.time_ms <= _LAST_TIME_MS:
            raise BlockFormatError(f"block {self.number}: time {self.time_ms} ms is out of range")
        if not 1 <= len(self.heads) <= MAX_BLOCK_LINES:
            raise BlockFormatError(f"block {self.number}: expected 1 to 32 lines, got {len(self.heads)}")
        for head in self.heads:
            _require_head(head, city, self.number)
        names = [head.origin for head in self.heads]
        if any(a >= b for a, b in pairwise(names)):
            raise BlockFormatError(f"block {self.number}: expected origins in strictly rising order")

    @property
    def hash(self) -> bytes:
        """Return SHA-256 of the block's bytes. The next block names it; it is not the leaf hash in the city log."""
        return sha256(self.encode()).digest()

    def head(self, origin: str) -> Checkpoint | None:
        """Return the checkpoint that the block holds of a partition log, or `None`."""
        return next((head for head in self.heads if head.origin == origin), None)

    def encode(self) -> bytes:
        """Encode the block; `Block.parse(block.encode()) == block`."""
        first = (
            BLOCK_DOMAIN,
            self.origin,
            str(self.number),
            base64_text(self.previous),
            time_text(self.time_ms),
        )
        heads = (f"{head.origin} {head.size} {base64_text(head.root)}" for head in self.heads)
        return "".join(f"{line}\n" for line in (*first, *heads)).encode()

    @classmethod
    def parse(cls, data: bytes) -> "Block":
        """Parse a block.

        Raises:
            BlockFormatError: if the bytes are not the canonical encoding of a block.
        """
        if len(data) > MAX_BLOCK_BYTES:
            raise BlockFormatError(f"block: expected at most {MAX_BLOCK_BYTES} bytes, got {len(data)}")
        lines = text_lines(data, BlockFormatError, "block")
        if lines[0] != BLOCK_DOMAIN or len(lines) < 6:
            raise BlockFormatError(f"block: expected {BLOCK_DOMAIN!r} and at least 5 more lines")
        return cls(
            lines[1],
            decimal(lines[2], BlockFormatError, "block number"),
            hash_bytes(lines[3], BlockFormatError, "previous block's hash"),
            parse_time(lines[4]),
            tuple(_parse_head(line) for line in lines[5:]),
        )


def require_successor(previous: Block | None, block: Block, last_heads: Mapping[str, Checkpoint]) -> None:
    """Verify that a block follows the previous one and that every log in it grew (FORMAT.md §4).

    Args:
        previous: the previous block, or `None` if this must be block 0.
        block: the block to verify.
        last_heads: each log's newest line in all earlier blocks, by origin.

    Raises:
        BlockFormatError: if a rule is violated; the message names the block and the rule.
    """
    number = 0 if previous is None else previous.number + 1
    if block.number != number:
        raise BlockFormatError(f"block {block.number}: expected number {number}")
    if previous is not None and block.origin != previous.origin:
        raise BlockFormatError(f"block {number}: expected origin {previous.origin}, got {block.origin}")
    if previous is not None and block.previous != previous.hash:
        raise BlockFormatError(
            f"block {number}: expected previous hash {previous.hash.hex()}, got {block.previous.hex()}"
        )
    if previous is not None and block.time_ms < previous.time_ms:
        raise BlockFormatError(f"block {number}: its time is before that of block {previous.number}")
    for head in block.heads:
        last = last_heads.get(head.origin)
        if last is not None and head.size <= last.size:
            raise BlockFormatError(
                f"block {number}: {head.origin} has size {head.size}, before it had {last.size}"
            )


def time_text(time_ms: int) -> str:
    """Format a time, in milliseconds since 1970 UTC, as RFC 3339: `2026-01-02T03:04:05.678Z`."""
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}.{time_ms % 1000:03d}Z"


def parse_time(text: str) -> int:
    """Parse the format of `time_text`; return milliseconds since 1970 UTC.

    Raises:
        BlockFormatError: if the format differs, or it is no time from 1970 to 9999.
    """
    if not _TIME.fullmatch(text):
        raise BlockFormatError(f"block time: expected YYYY-MM-DDThh:mm:ss.sssZ, got {excerpt(text)}")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BlockFormatError(f"block time: {excerpt(text)} is no moment") from None
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _parse_head(line: str) -> Checkpoint:
    parts = line.split(" ")
    if len(parts) != 3:
        raise BlockFormatError(f"block line: expected <origin> <size> <root>, got {excerpt(line)}")
    size = decimal(parts[1], BlockFormatError, "block line size")
    try:
        return Checkpoint(parts[0], size, hash_bytes(parts[2], BlockFormatError, "block line root"))
    except CheckpointFormatError as problem:
        raise BlockFormatError(f"block line: {problem}") from None


def _require_origin(text: str) -> str:
    try:
        origin = Origin.parse(text)
    except OriginError as problem:
        raise BlockFormatError(f"block origin: {problem}") from None
    if not origin.is_city:
        raise BlockFormatError(f"block origin: expected a city log, got {excerpt(text)}")
    return origin.city


def _require_head(head: Checkpoint, city: str, number: int) -> None:
    try:
        origin = Origin.parse(head.origin)
    except OriginError as problem:
        raise BlockFormatError(f"block {number} line: {problem}") from None
    if origin.is_city or origin.city != city:
        raise BlockFormatError(f"block {number} line: expected a partition log of {city}, got {head.origin}")
    if head.size == 0 or head.extensions:
        raise BlockFormatError(f"block {number} line: {head.origin} must have leaves and no extension lines")
