"""The ledger's logs as their files show them: sealed records, reasons for a stop, and since when a record waits.

A file that is not there is not a file that cannot be read: the second is reported with its path.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from infra.errors import StackError
from infra.reconcile.count_ledger import checkpoint, entries, newest_epoch
from infra.status.control_files import checkpoint_problem, control_files
from infra.status.model import CityLogFact, LogFact
from ledger_sink.city_log.state import read_city_state
from ledger_sink.errors import LedgerError
from ledger_sink.format.layout import CHECKPOINT
from ledger_sink.log.reasons import REFUSED, STOPPED, WAITING, Waiting
from ledger_sink.log.state import read_state
from ledger_sink.regular_file import read_regular, read_regular_text
from ledger_sink.store import FileStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from infra.status.control_files import Keys
    from ledger_sink.city_log.state import LastCheckpoint
    from ledger_sink.log.state import LogState

MOST_CONTROLS = 64
"""Leaves to pass at most until one has a time: START and GAP leaves have none."""


@dataclass
class LedgerFacts:
    """All logs of a ledger."""

    logs: list[LogFact] = field(default_factory=list)
    city_log: CityLogFact | None = None
    unreadable: str = ""
    damaged: list[str] = field(default_factory=list)
    """Files that say whose signatures count and are not as they must be, one line each."""


class _UnreadableError(Exception):
    """A file that is there cannot be read; the message names it."""


def ledger_facts(ledger: Path, topics: Sequence[str], now: float) -> LedgerFacts:
    """Read the city log and every partition log of the topics.

    Args:
        ledger: Folder of the ledger.
        topics: The topics that are sealed.
        now: POSIX seconds.
    """
    facts = LedgerFacts()
    last: Mapping[str, LastCheckpoint] = {}
    covered_blocks = 0
    try:
        _folders(ledger)
        folder = newest_epoch(ledger / "city")
    except _UnreadableError as error:
        facts.unreadable = str(error)
        return facts
    except OSError as error:
        facts.unreadable = f"{error.filename}: cannot be read: {error.strerror}"
        return facts
    keys, facts.damaged = control_files(ledger)
    if folder is not None:
        facts.city_log = _city_log(ledger, folder, now)
        if not facts.city_log.unreadable:
            wrong = checkpoint_problem(folder / CHECKPOINT, keys)
            facts.city_log = replace(facts.city_log, unreadable=wrong)
        covered_blocks = facts.city_log.blocks or 0
        try:
            last = _last_checkpoints(ledger, folder)
        except _UnreadableError as error:
            facts.city_log = replace(facts.city_log, unreadable=facts.city_log.unreadable or str(error))
    for topic in topics:
        try:
            partitions = _folders(ledger / topic)
        except _UnreadableError as error:
            facts.unreadable = facts.unreadable or str(error)
            continue
        facts.logs += [_log(ledger, partition, last, covered_blocks, keys) for partition in partitions]
    return facts


def _folders(path: Path) -> list[Path]:
    try:
        return sorted((p for p in path.iterdir() if p.name.isdecimal()), key=lambda p: int(p.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _UnreadableError(f"{path}: cannot be read: {error.strerror}") from error


def _city_log(ledger: Path, folder: Path, now: float) -> CityLogFact:
    stopped, stopped_at = _reason(folder / STOPPED)
    waiting, waiting_at = _reason(folder / WAITING)
    wait = str(Waiting.parse(waiting)) if waiting else ""
    since = stopped_at or waiting_at
    try:
        head = _checkpoint(folder)
        if head is None:
            return CityLogFact(0, "", None, stopped, wait, "", since)
        path = folder / "checkpoint"
        text = read_regular_text(path)
        age = max(0.0, now - path.stat().st_mtime)
    except _UnreadableError as error:
        return CityLogFact(None, "", None, stopped, wait, str(error), since)
    except OSError as error:
        name = (folder / "checkpoint").relative_to(ledger)
        return CityLogFact(None, "", None, stopped, wait, f"{name}: cannot be read: {error.strerror}", since)
    return CityLogFact(head, text, age, stopped, wait, "", since)


def _log(
    ledger: Path, partition: Path, last: Mapping[str, LastCheckpoint], covered_blocks: int, keys: Keys
) -> LogFact:
    """Read the newest epoch of a partition; earlier epochs add to what is sealed."""
    topic, number = partition.parent.name, int(partition.name)
    folder = newest_epoch(partition) or partition
    stopped, stopped_at = _reason(folder / STOPPED)
    refused, refused_at = _reason(folder / REFUSED)
    name = folder.relative_to(ledger).as_posix()
    sealed: int | None = None
    appended: int | None = None
    next_offset: int | None = None
    uncovered: float | None = None
    unreadable = ""
    try:
        sealed = sum(_leaves(epoch) for epoch in _folders(partition))
        state = _state(ledger, folder)  # after what is published: it is never less
        appended = sealed + (0 if state is None else _leaves(folder, state.size) - _leaves(folder))
        if state is not None:
            next_offset = state.next_offset
            uncovered = _uncovered_since(folder, state, last, covered_blocks)
    except _UnreadableError as error:
        unreadable = str(error)
    unreadable = unreadable or checkpoint_problem(folder / CHECKPOINT, keys)
    return LogFact(
        topic, number, name, sealed, next_offset, stopped, refused, unreadable, stopped_at or refused_at, uncovered,
        appended,
    )  # fmt: skip


def _uncovered_since(
    folder: Path, state: LogState, last: Mapping[str, LastCheckpoint], covered_blocks: int
) -> float | None:
    """Return when Kafka received the oldest record that no cosigned block covers; None if all are covered.

    Where the newest block about the log is not cosigned yet, the block before is not kept: then the log's last record
    is taken, so the answer may be a block too young.
    """
    size = state.size
    line = last.get(state.origin)
    covered, cosigned = (line.size, line.block < covered_blocks) if line else (0, False)
    if covered >= size and cosigned:
        return None
    first = covered if covered < size else size - 1
    try:
        for number, leaf in enumerate(entries(folder, size, first)):
            if leaf[1] == 0 or number >= MOST_CONTROLS:
                milliseconds = int(struct.unpack(">q", leaf[10:18])[0])
                return milliseconds / 1000 if leaf[1] == 0 else None
    except (StackError, struct.error, IndexError):
        return None  # a bundle that was replaced meanwhile; the audit reads them all
    return None


def _leaves(folder: Path, size: int | None = None) -> int:
    """Return how many record leaves a log has up to a size, or has published; without START and GAP leaves."""
    size = _checkpoint(folder) if size is None else size
    control = folder / "control"
    try:
        return max(0, (size or 0) - (len(list(control.glob("*.json"))) if control.is_dir() else 0))
    except OSError as error:
        raise _UnreadableError(f"{control}: cannot be read: {error.strerror}") from error


def _checkpoint(folder: Path) -> int | None:
    """Return the size in a published checkpoint; None if there is none."""
    path = folder / "checkpoint"
    try:
        head = checkpoint(folder)
        if head is None and path.exists():
            read_regular(path)
    except OSError as error:
        raise _UnreadableError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise _UnreadableError(f"{path}: damaged: {error}") from error
    return None if head is None else head[1]


def _state(ledger: Path, folder: Path) -> LogState | None:
    """Return a partition log's state; None if there is none."""
    try:
        return read_state(FileStore(ledger, threads=1), folder.relative_to(ledger).as_posix())
    except LedgerError as error:
        raise _UnreadableError(str(error)) from error


def _last_checkpoints(ledger: Path, folder: Path) -> Mapping[str, LastCheckpoint]:
    """Return the newest line of each partition log in the blocks, by origin."""
    try:
        state = read_city_state(FileStore(ledger, threads=1), folder.relative_to(ledger).as_posix())
    except LedgerError as error:
        raise _UnreadableError(str(error)) from error
    return {} if state is None else state.last_checkpoints


def _reason(path: Path) -> tuple[str, float | None]:
    """Return a reason and when it was written; empty if there is none."""
    try:
        text = read_regular_text(path, errors="replace")
        return text.removesuffix("\n"), path.stat().st_mtime
    except FileNotFoundError:
        return "", None
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror}", None
