"""Counts of the ledger, read from its published files with a parser of its own (docs/counts.md#what-is-counted).

The layout is the public one: C2SP tlog-tiles entry bundles, checkpoints and blocks. Signatures are left to the audit;
the counts take the number of signature lines as given.
"""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from infra.errors import StackError
from ledger_sink.regular_file import read_regular, read_regular_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from infra.reconcile.count import TopicCount
    from schemas.catalog import Catalog


@dataclass
class LogCount:
    """One log as its published files show it."""

    origin: str
    size: int
    root: str
    sealed: int = 0
    seal_ms: list[int] = field(default_factory=list)
    """Milliseconds from the Kafka timestamp of each sealed record to the block that covers it."""


def _tile_number(index: int) -> str:
    """Return a tile's number in the path form of tlog-tiles: 1234067 → x001/x234/067."""
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return "/".join(groups)


def entries(log: Path, size: int, first: int = 0) -> Iterator[bytes]:
    """Yield the entries `first` to `size` - 1 of a tlog-tiles directory.

    Raises:
        StackError: A file is missing or ends early.
    """
    for bundle in range(first // 256, (size + 255) // 256):
        width = min(256, size - bundle * 256)
        base = log / "tile" / "entries" / _tile_number(bundle)
        path = base if base.exists() else base.with_name(f"{base.name}.p") / str(width)
        try:
            data = read_regular(path)
        except OSError as error:
            raise StackError(f"{path}: {error.strerror}") from error
        at = 0
        for number in range(bundle * 256, bundle * 256 + width):
            length = int.from_bytes(data[at : at + 2], "big")
            if at + 2 + length > len(data):
                raise StackError(f"{path}: ends early")
            if number >= first:
                yield data[at + 2 : at + 2 + length]
            at += 2 + length


def checkpoint(log: Path) -> tuple[str, int, str, int] | None:
    """Return origin, size, root (base64) and number of signature lines, or None if nothing is published."""
    try:
        text = read_regular_text(log / "checkpoint")
    except OSError:
        return None
    body, _, signatures = text.rpartition("\n\n")
    origin, size, root = body.split("\n")[:3]
    base64.b64decode(root, validate=True)
    return origin, int(size), root, len(signatures.splitlines())


def newest_epoch(log: Path) -> Path | None:
    """Return the folder of a log's newest epoch."""
    epochs = [p for p in log.iterdir() if p.name.isdecimal()] if log.is_dir() else []
    return max(epochs, key=lambda p: int(p.name), default=None)


def city_blocks(ledger: Path) -> tuple[dict[str, object], dict[str, list[tuple[int, int]]]]:
    """Read the blocks that the cosigned city checkpoint covers.

    Returns:
        The city log (size, root, blocks), and for each origin the (log size, block time in ms) of each block that
        names it, in order.
    """
    folder = newest_epoch(ledger / "city")
    head = checkpoint(folder) if folder else None
    if folder is None or head is None or head[3] < 2:
        return {"size": 0, "root": "", "blocks": 0}, {}
    sealed_sizes: dict[str, list[tuple[int, int]]] = {}
    for block in entries(folder, head[1]):
        lines = block.decode().splitlines()
        moment = _milliseconds(lines[4])
        for line in lines[5:]:
            origin, size, _root = line.split(" ")
            sealed_sizes.setdefault(origin, []).append((int(size), moment))
    return {"size": head[1], "root": head[2], "blocks": head[1]}, sealed_sizes


def _milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def count_log(folders: Sequence[Path], sealed_sizes: Mapping[str, list[tuple[int, int]]]) -> list[LogCount]:
    """Count the sealed records of one topic-partition's logs, epoch by epoch.

    Args:
        folders: The folders of its epochs.
        sealed_sizes: The second result of `city_blocks`.
    """
    counts = []
    for folder in folders:
        head = checkpoint(folder)
        if head is None:
            continue
        origin, size, root, _ = head
        count = LogCount(origin, size, root)
        blocks = sealed_sizes.get(origin, [])
        covered = min(size, blocks[-1][0] if blocks else 0)
        at = 0
        for index, leaf in enumerate(entries(folder, covered)):
            while blocks[at][0] <= index:
                at += 1
            if leaf[0] == 1 and leaf[1] == 0:
                count.sealed += 1
                count.seal_ms.append(max(0, blocks[at][1] - struct.unpack(">q", leaf[10:18])[0]))
        counts.append(count)
    return counts


def ledger_counts(
    ledger: Path, catalog: Catalog, counts: Mapping[str, TopicCount]
) -> tuple[dict[str, object], list[LogCount]]:
    """Set `sealed` of the counts; return the city log and every log.

    Args:
        ledger: Folder of the ledger.
        catalog: The topics that are sealed.
        counts: The counts by topic.
    """
    city, sealed_sizes = city_blocks(ledger)
    logs: list[LogCount] = []
    for name, count in counts.items():
        if not catalog.topics[name].sealed:
            continue
        count.sealed = 0
        partitions = sorted((ledger / name).glob("[0-9]*"), key=lambda p: int(p.name))
        for partition in partitions:
            epochs = sorted(partition.glob("[0-9]*"), key=lambda p: int(p.name))
            for log in count_log(epochs, sealed_sizes):
                count.sealed += log.sealed
                logs.append(log)
    return city, logs
