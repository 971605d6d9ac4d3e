"""The baseline of an incremental audit: what the last audit that passed had verified.

It is one small file (`store/checksummed_json.py`), replaced atomically after a verdict of "pass" only. It
has the verified size and root of each log, and for each topic-partition a summary of the archive rows before an offset.
An incremental audit trusts it: anyone who can write it can make that audit begin too late. A full audit does not read
it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ledger_sink.audit.stores import RowSummary
from ledger_sink.errors import DamagedStateError
from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.regular_file import read_regular
from ledger_sink.store import FileStore, checksummed_json
from ledger_sink.verifier.verified_prefix import VerifiedPrefix

if TYPE_CHECKING:
    from pathlib import Path

FORM = "city-audit-memory/v2"
"""Tag of the file's format."""


@dataclass
class AuditBaseline:
    """Verified logs and counted archive rows of the last audit that passed."""

    logs: dict[str, VerifiedPrefix] = field(default_factory=dict)
    """Verified prefix by origin, of partition logs and the city log."""
    rows: dict[str, tuple[int, RowSummary]] = field(default_factory=dict)
    """By `topic/partition`: an offset, and a summary of the archive rows before it."""
    tables: dict[str, Any] = field(default_factory=dict)
    """What the caller remembers of tables: rows, roll-ups, definitions."""


def read_baseline(path: Path) -> AuditBaseline | None:
    """Return the baseline in a file, or None if there is no file.

    Raises:
        DamagedStateError: the file differs from what was written, or has another format.
    """
    try:
        data = read_regular(path)
    except FileNotFoundError:
        return None
    try:
        value = checksummed_json.decode(data, str(path))
    except DamagedStateError as error:
        raise DamagedStateError(f"{path}: damaged: run a full audit, which writes it anew") from error
    if value.get("form") != FORM:
        raise DamagedStateError(f"{path}: expected {FORM}, got {value.get('form')!a}; run a full audit")
    try:
        logs = {origin: _prefix(found) for origin, found in value["logs"].items()}
        rows = {
            partition: (int(offset), RowSummary(int(count), int(digest)))
            for partition, (offset, count, digest) in value["rows"].items()
        }
        return AuditBaseline(logs, rows, dict(value["tables"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedStateError(f"{path}: expected {FORM}, got {error}; run a full audit") from error


def write_baseline(path: Path, baseline: AuditBaseline) -> None:
    """Replace the file durably; create its folder.

    Raises:
        StoreError: the file could not be made durable.
    """
    logs = {
        origin: {
            "size": prefix.size,
            "root": _text(prefix.root),
            "next_offset": prefix.next_offset,
            "records": prefix.records,
            "heads": {head.origin: [head.size, _text(head.root)] for head in prefix.heads.values()},
        }
        for origin, prefix in baseline.logs.items()
    }
    rows = {
        partition: [offset, summary.rows, summary.digest]
        for partition, (offset, summary) in baseline.rows.items()
    }
    content = {"form": FORM, "logs": logs, "rows": rows, "tables": baseline.tables}
    path.parent.mkdir(parents=True, exist_ok=True)
    store = FileStore(path.parent, threads=1)
    store.write({path.name: checksummed_json.encode(content)})


def _prefix(found: dict[str, Any]) -> VerifiedPrefix:
    heads = {
        origin: Checkpoint(origin, size, b64decode(root)) for origin, (size, root) in found["heads"].items()
    }
    return VerifiedPrefix(
        found["size"], b64decode(found["root"]), found["next_offset"], found["records"], heads
    )


def _text(root: bytes) -> str:
    return b64encode(root).decode("ascii")
