"""What the last audit that passed had come to: from where an incremental one goes on.

One small file of the auditor's (`checksummed_json`), replaced atomically after a verdict of "pass" only. Of each log
the size and root that were verified, of each topic-partition the number of archive rows before the next offset. It is
believed: whoever can write it can have an incremental audit begin too late. A full audit does not read it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ledger_sink.errors import DamagedStateError
from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.store import FileStore, checksummed_json
from ledger_sink.verifier.verified_prefix import VerifiedPrefix

if TYPE_CHECKING:
    from pathlib import Path

FORM = "city-audit-memory/v1"


@dataclass
class AuditBaseline:
    """Where the last audit ended."""

    logs: dict[str, VerifiedPrefix] = field(default_factory=dict)
    """By origin, partition logs and the city log."""
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By `topic/partition`: an offset, and how many archive rows lie before it."""


def read_baseline(path: Path) -> AuditBaseline | None:
    """Return what was remembered, or None if there is nothing yet.

    Raises:
        DamagedStateError: The file is not as it was written.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    value = checksummed_json.decode(data, str(path))
    if value.get("form") != FORM:
        raise DamagedStateError(f"{path}: expected {FORM}, got {value.get('form')!a}; run a full audit")
    try:
        logs = {origin: _since(found) for origin, found in value["logs"].items()}
        return AuditBaseline(logs, {place: (int(a), int(b)) for place, (a, b) in value["rows"].items()})
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedStateError(f"{path}: expected {FORM}, got {error}; run a full audit") from error


def write_baseline(path: Path, memory: AuditBaseline) -> None:
    """Replace the file, durably."""
    logs = {
        origin: {
            "size": since.size,
            "root": _text(since.root),
            "next_offset": since.next_offset,
            "records": since.records,
            "heads": {head.origin: [head.size, _text(head.root)] for head in since.heads.values()},
        }
        for origin, since in memory.logs.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    store = FileStore(path.parent, threads=1)
    store.write({path.name: checksummed_json.encode({"form": FORM, "logs": logs, "rows": memory.rows})})


def _since(found: dict[str, Any]) -> VerifiedPrefix:
    heads = {
        origin: Checkpoint(origin, size, b64decode(root)) for origin, (size, root) in found["heads"].items()
    }
    return VerifiedPrefix(
        found["size"], b64decode(found["root"]), found["next_offset"], found["records"], heads
    )


def _text(root: bytes) -> str:
    return b64encode(root).decode("ascii")
