"""RFC 6962 and tlog-tiles once more, by the book and slowly: what the fast code is compared with.

It imports nothing of the ledger, so an error there cannot hide here.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

TILE = 256


def tree_hash(entries: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, by its recursion."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return hashlib.sha256(b"\x01" + tree_hash(entries[:split]) + tree_hash(entries[split:])).digest()


def tree_hashes(entries: Sequence[bytes], sizes: Collection[int]) -> dict[int, bytes]:
    """MTH of many prefixes at once: the same recursion, remembering the subtrees that are full tiles and above."""
    known: dict[tuple[int, int], bytes] = {}

    def subtree(start: int, end: int) -> bytes:
        width = end - start
        if width < TILE or width & (width - 1):
            return combined(start, end)
        if (start, end) not in known:
            known[start, end] = combined(start, end)
        return known[start, end]

    def combined(start: int, end: int) -> bytes:
        if end - start <= TILE:
            return tree_hash(entries[start:end])
        split = TILE
        while split * 2 < end - start:
            split *= 2
        return hashlib.sha256(b"\x01" + subtree(start, start + split) + subtree(start + split, end)).digest()

    return {size: subtree(0, size) for size in sizes}


def grouped(number: int) -> str:
    """Spell a tile index: groups of three digits, all but the last after an x."""
    digits = f"{number:03d}"
    digits = digits.zfill((len(digits) + 2) // 3 * 3)
    parts = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join([f"x{part}" for part in parts[:-1]] + parts[-1:])


def files_of(entries: Sequence[bytes]) -> dict[str, bytes]:
    """Every tile and entry bundle of a log of exactly these entries."""
    files = {}
    for start in range(0, len(entries), 256):
        part = entries[start : start + 256]
        suffix = "" if len(part) == 256 else f".p/{len(part)}"
        files[f"tile/entries/{grouped(start // 256)}{suffix}"] = b"".join(
            len(entry).to_bytes(2, "big") + entry for entry in part
        )
    level, span = 0, 1
    while len(entries) // span:
        hashes = [tree_hash(entries[i * span : (i + 1) * span]) for i in range(len(entries) // span)]
        for start in range(0, len(hashes), 256):
            tile = hashes[start : start + 256]
            suffix = "" if len(tile) == 256 else f".p/{len(tile)}"
            files[f"tile/{level}/{grouped(start // 256)}{suffix}"] = b"".join(tile)
        level, span = level + 1, span * 256
    return files


def entries_in(files: Mapping[str, bytes], folder: str, size: int) -> list[bytes]:
    """Read the first `size` entries of a log out of a store's files."""
    entries: list[bytes] = []
    for number in range((size + 255) // 256):
        width = min(256, size - number * 256)
        full = f"{folder}/tile/entries/{grouped(number)}"
        data = files.get(full if width == 256 else f"{full}.p/{width}") or files[full]
        part = []
        position = 0
        while position < len(data):
            length = int.from_bytes(data[position : position + 2], "big")
            part.append(data[position + 2 : position + 2 + length])
            position += 2 + length
        entries += part[:width]
    return entries


def leaf_of(
    topic: str,
    partition: int,
    record: tuple[int, int, int, bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]],
) -> bytes:
    """Spell a record's leaf (FORMAT.md §3.2) field by field."""
    offset, timestamp_type, timestamp_ms, key, value, headers = record

    def sized(data: bytes | None) -> bytes:
        return (-1).to_bytes(4, "big", signed=True) if data is None else len(data).to_bytes(4, "big") + data

    canon = b"city-record/v1\n" + len(topic.encode()).to_bytes(2, "big") + topic.encode()
    canon += partition.to_bytes(4, "big") + offset.to_bytes(8, "big") + bytes([timestamp_type])
    canon += timestamp_ms.to_bytes(8, "big", signed=True) + sized(key) + sized(value)
    canon += len(headers).to_bytes(2, "big")
    for name, content in headers:
        canon += len(name.encode()).to_bytes(2, "big") + name.encode() + sized(content)
    head = b"\x01\x00" + offset.to_bytes(8, "big") + timestamp_ms.to_bytes(8, "big", signed=True)
    return head + hashlib.sha256(canon).digest()
