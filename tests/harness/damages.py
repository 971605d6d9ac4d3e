"""The damages that an operator may find, each done to the data directory of a stack that does not run.

`docs/recovery.md#table-of-damages` says of each what a start says and what heals; `tests/end_to_end/test_damages.py`
does each of them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TOPIC = "air-quality.reading"


@dataclass(frozen=True)
class Damage:
    """One damage, and what `city up --once` makes of it."""

    name: str
    do: Callable[[Path, Path], None]
    """Gets the data directory, and an older copy of it."""
    code: int
    """Exit code of `city up --once`; 0: it heals, and the totals are as if nothing had been."""
    line: str
    """Part of a line that the start prints or logs; empty: nothing is worth a line."""


def older(*names: str) -> Callable[[Path, Path], None]:
    """Replace folders or files by their older copies."""

    def do(data: Path, old: Path) -> None:
        for name in names:
            removed(name)(data, old)
            if (old / name).is_dir():
                shutil.copytree(old / name, data / name, symlinks=True)
            else:
                shutil.copy2(old / name, data / name)

    return do


def removed(*patterns: str) -> Callable[[Path, Path], None]:
    """Remove folders or files."""

    def do(data: Path, _old: Path) -> None:
        for pattern in patterns:
            found = list(data.glob(pattern))
            assert found, pattern
            for path in found:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    return do


def flipped(pattern: str, at: float = 0.5) -> Callable[[Path, Path], None]:
    """Flip a bit of the largest file of a pattern."""

    def do(data: Path, _old: Path) -> None:
        path = largest(data, pattern)
        content = bytearray(path.read_bytes())
        content[int(len(content) * at)] ^= 1
        path.write_bytes(bytes(content))

    return do


def cut(pattern: str) -> Callable[[Path, Path], None]:
    """Cut the largest file of a pattern in half."""
    return lambda data, _old: cut_file(largest(data, pattern))


def parts_removed(table: str) -> Callable[[Path, Path], None]:
    """Remove all parts of a table of ClickHouse; of one alone, the parts that it was merged from would come back."""

    def do(data: Path, _old: Path) -> None:
        folder = (data / "clickhouse" / "data" / "city" / table).resolve()
        for part in folder.glob("all_*"):
            shutil.rmtree(part)

    return do


def emptied(pattern: str) -> Callable[[Path, Path], None]:
    """Empty the first file of a pattern."""

    def do(data: Path, _old: Path) -> None:
        min(data.glob(pattern)).write_bytes(b"")

    return do


def table_files(name: str, damage: Callable[[Path], object]) -> Callable[[Path, Path], None]:
    """Damage a file of the largest part of the archive, named by a pattern; an empty name is the part's folder."""

    def do(data: Path, _old: Path) -> None:
        table = (data / "clickhouse" / "data" / "city" / "records").resolve()
        part = max(table.glob("all_*"), key=lambda each: sum(file.stat().st_size for file in each.iterdir()))
        damage(largest(part, name) if name else part)

    return do


def cut_file(path: Path) -> None:
    """Cut a file in half."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def flip_file(path: Path) -> None:
    """Flip a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def empty_folder(folder: Path) -> None:
    """Remove what is in a folder."""
    shutil.rmtree(folder)
    folder.mkdir()


def largest(data: Path, pattern: str) -> Path:
    """Return the largest file of a pattern."""
    return max((path for path in data.glob(pattern) if path.is_file()), key=lambda path: path.stat().st_size)


REFILLED = "is filled again from Kafka"
KAFKA_OLDER = "Kafka is older than what was stored from it"
LEDGER_OLDER = "the ledger is older than what was signed of it"
DAMAGES = (
    Damage("clickhouse-older", older("clickhouse"), 0, REFILLED),
    Damage("clickhouse-removed", removed("clickhouse"), 0, REFILLED),
    Damage("clickhouse-archive-parts-removed", parts_removed("records"), 0, REFILLED),
    Damage("clickhouse-typed-parts-removed", parts_removed("air_quality_reading"), 0, REFILLED),
    Damage(
        "clickhouse-definition-emptied",
        emptied("clickhouse/metadata/city/*.sql"),
        1,
        "a file is damaged: move",
    ),
    Damage("clickhouse-part-file-cut", table_files("*.bin", cut_file), 0, "ClickHouse has set this part of"),
    Damage(
        "clickhouse-part-file-removed", table_files("columns.txt", Path.unlink), 0, "has set this part of"
    ),
    Damage("clickhouse-part-folder-emptied", table_files("", empty_folder), 0, "has set this part of"),
    Damage(
        "clickhouse-part-bit-flipped", table_files("*.bin", flip_file), 1, "a part of city.records is damaged"
    ),
    Damage("kafka-older", older("kafka/log"), 2, KAFKA_OLDER),
    Damage("kafka-removed", removed("kafka/log"), 2, KAFKA_OLDER),
    Damage("kafka-segment-cut", cut(f"kafka/log/{TOPIC}-*/*.log"), 2, KAFKA_OLDER),
    Damage("kafka-segment-flipped", flipped(f"kafka/log/{TOPIC}-*/*.log"), 1, "expected commitment"),
    Damage("kafka-meta-removed", removed("kafka/log/meta.properties"), 2, "meta.properties: gone"),
    Damage(
        "kafka-topic-id-removed", removed(f"kafka/log/{TOPIC}-0/partition.metadata"), 2, "set the partition's"
    ),
    Damage(
        "kafka-topic-id-emptied", emptied(f"kafka/log/{TOPIC}-0/partition.metadata"), 2, "set the partition's"
    ),
    Damage("kafka-checkpoint-emptied", emptied("kafka/log/recovery-point-offset-checkpoint"), 0, ""),
    Damage("kafka-quorum-emptied", emptied("kafka/log/__cluster_metadata-0/quorum-state"), 2, "move it away"),
    Damage("kafka-checkpoint-cut", cut("kafka/log/replication-offset-checkpoint"), 2, "move it away"),
    Damage("ledger-older", older("ledger"), 2, LEDGER_OLDER),
    Damage("ledger-removed", removed("ledger"), 2, LEDGER_OLDER),
    Damage("ledger-state-removed", removed(f"ledger/{TOPIC}/*/1/state.json"), 1, "put it back or run"),
    Damage("ledger-state-cut", cut(f"ledger/{TOPIC}/*/1/state.json"), 1, "damaged"),
    Damage("ledger-tile-flipped", flipped(f"ledger/{TOPIC}/*/1/tile/entries/**/*"), 1, "tile/entries"),
    Damage("ledger-city-older", older("ledger/city"), 2, LEDGER_OLDER),
    Damage("ledger-checkpoint-flipped", flipped(f"ledger/{TOPIC}/*/1/checkpoint"), 1, "checkpoint"),
    Damage("ledger-tile-removed", removed(f"ledger/{TOPIC}/*/1/tile/entries"), 1, "tile/entries"),
    Damage("ledger-state-flipped", flipped(f"ledger/{TOPIC}/*/1/state.json"), 1, "damaged"),
    Damage("witness-older", older("witness"), 0, ""),
    Damage("witness-removed", removed("witness"), 1, "no cosigned city checkpoint covers"),
    Damage("anchors-removed", removed("anchors"), 0, ""),
    Damage("keys-passwords-removed", removed("keys/clickhouse-*"), 0, ""),
    Damage("replay-older", older("replay"), 0, ""),
    Damage("keys-seed-removed", removed("keys/ledger-master.seed"), 2, "keys/ledger-master.seed"),
    Damage("keys-signer-older", older("keys/ledger-signer.json"), 0, ""),
    Damage("keys-signer-removed", removed("keys/ledger-signer.json"), 1, "gone, and with it what was signed"),
    Damage("replay-removed", removed("replay"), 0, ""),
    Damage("run-removed", removed("run"), 0, ""),
)
"""Every damage of `docs/recovery.md#table-of-damages` to files."""
