"""`city backup DIR`: a copy of a data directory, all stores of one instant, while the stack runs.

The stack is stopped for the moment that it takes to give the files second names (`freeze.py`, `data_files.py`); what
the names hold is copied afterwards. So the backup is what a sudden end of all processes would leave. A city that is
restored from it goes on as after `kill -9`: every store recovers, and nothing that one store knows of is missing in
another (docs/recovery.md#why-a-backup-is-consistent).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import psutil

from infra.process.data_lock import is_locked
from infra.process.disk_space import free_bytes
from infra.process.supervisor import Supervisor
from infra.recovery.counted import counted
from infra.recovery.data_files import View, take_view, warm
from infra.recovery.errors import BackupError
from infra.recovery.freeze import frozen, stack_processes
from infra.recovery.manifest import FILES, NAME, Manifest, StoredFile, copy_hashed
from ledger_sink.regular_file import read_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from infra.settings import Settings

_MARGIN = 16 << 20
VIEW = "backup-view-"
"""Beginning of the name of the folder, below `run/`, that holds the second names of the files."""


@dataclass(frozen=True)
class Made:
    """A finished backup."""

    manifest: Manifest
    paused_s: float
    """Seconds for which the stack was stopped; 0 if it did not run."""


def back_up(
    settings: Settings,
    target: Path,
    *,
    with_keys: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> Made:
    """Make a backup of a stack.

    Args:
        settings: The stack; it may run.
        target: A folder that is not there yet, or is empty.
        with_keys: Whether keys and secrets go along. Without them, nobody can go on with the ledger.
        progress: Called with what is done next.

    Raises:
        BackupError: The stack has stores of its own elsewhere, the target cannot be used, or the pause was too long.
    """
    data = settings.data
    _require_own_stores(settings)
    if not (data / "kafka" / "log").is_dir():
        raise BackupError(
            f"{data}: no stack has run here, so there is nothing to back up; name it with --data DIR"
        )
    _require_target(data, target)
    try:
        return _back_up(settings, target, with_keys=with_keys, progress=progress)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise BackupError(f"{where}{error.strerror or error}: there is no backup at {target}") from error


def _back_up(settings: Settings, target: Path, *, with_keys: bool, progress: Callable[[str], None]) -> Made:
    with _view(settings.data, with_keys=with_keys) as (view, running, paused_s):
        free = free_bytes(target.parent)
        if view.size + _MARGIN > free:
            raise BackupError(
                f"{target.parent}: {free >> 20} MB are free, the backup needs {(view.size + _MARGIN) >> 20} MB; "
                "free some, or name another place"
            )
        fresh = target.with_name(f".{target.name}.partial")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            manifest = _copy(settings, view, fresh, running=running, with_keys=with_keys, progress=progress)
            fresh.rename(target)  # onto nothing, or onto an empty folder
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    return Made(manifest, paused_s)


@contextlib.contextmanager
def _view(data: Path, *, with_keys: bool) -> Iterator[tuple[View, bool, float]]:
    """Yield the files of one instant, whether the stack ran, and for how long it was stopped."""
    (data / "run").mkdir(exist_ok=True)
    forget_views(data)
    root = data / "run" / f"{VIEW}{os.getpid()}"
    try:
        if _runs(data):
            view, paused_s = _view_of_running(data, root, with_keys=with_keys)
            yield view, True, paused_s
        else:
            holder = Supervisor(data)
            holder.take()  # no stack starts meanwhile; what a killed one left is ended
            try:
                yield take_view(data, root, with_keys=with_keys), False, 0.0
            finally:
                holder.release()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _runs(data: Path) -> bool:
    with contextlib.suppress(OSError):  # `Supervisor.take` reports why the lock cannot be opened
        return is_locked(data)
    return False


def _view_of_running(data: Path, root: Path, *, with_keys: bool) -> tuple[View, float]:
    """Return the files of one instant of a running stack, and for how many seconds it was stopped."""
    processes = stack_processes(data)
    warm(data)
    with frozen(processes):
        began = time.monotonic()
        if {each.pid for each in stack_processes(data)} != {each.pid for each in processes}:
            raise BackupError(f"{data}: the stack is starting or stopping; try again when it is ready")
        view = take_view(data, root, with_keys=with_keys)
        took_s = time.monotonic() - began
    return view, took_s


def forget_views(data: Path) -> None:
    """Remove what killed backups left below `run/`, so that the disk can free deleted files."""
    for each in (data / "run").glob(f"{VIEW}*"):
        pid = each.name.removeprefix(VIEW)
        if not (pid.isdecimal() and psutil.pid_exists(int(pid))):
            shutil.rmtree(each, ignore_errors=True)


def _copy(
    settings: Settings,
    view: View,
    fresh: Path,
    *,
    running: bool,
    with_keys: bool,
    progress: Callable[[str], None],
) -> Manifest:
    fresh.mkdir(mode=0o700, parents=True)
    files = fresh / FILES
    files.mkdir(mode=0o700)
    for name in view.folders:
        (files / name).mkdir(mode=0o700, exist_ok=True)
    stored = {
        name: StoredFile(size, copy_hashed(view.root / name, files / name, size), view.modes[name])
        for name, size in counted(view.sizes.items(), "copying file", progress)
    }
    manifest = Manifest(
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        city=settings.city,
        version=version("city-telemetry"),
        running=running,
        keys=with_keys,
        files=stored,
        folders=view.folders,
        links=view.links,
        ledger=_ledger_sizes(view),
    )
    progress("waiting for the disk")
    os.sync()  # thousands of files: one call for all of them
    with (fresh / NAME).open("xb") as file:
        file.write(manifest.encode())
        file.flush()
        os.fsync(file.fileno())
    (fresh / NAME).chmod(0o600)
    return manifest


def _ledger_sizes(view: View) -> dict[str, int]:
    """Return the leaves of each log, by folder; a state that cannot be read has none, and the audit says so."""
    sizes = {}
    for name in view.sizes:
        if name.startswith("ledger/") and name.endswith("/state.json"):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                value = json.loads(read_regular(view.root / name).partition(b"\n")[0])
                sizes[name.removeprefix("ledger/").removesuffix("/state.json")] = int(value["size"])
    return sizes


def _require_own_stores(settings: Settings) -> None:
    for what, address in (("Kafka", settings.kafka), ("ClickHouse", settings.clickhouse)):
        if address:
            shown = address.rpartition("@")[2]
            raise BackupError(
                f"{what} at {shown} is not part of this stack: back it up by its own means, at the same moment as "
                f"{settings.data}; this command copies embedded stores only"
            )


def _require_target(data: Path, target: Path) -> None:
    if target.resolve().is_relative_to(data.resolve()):
        raise BackupError(
            f"{target}: lies in the data directory itself; name a place outside, best on another disk"
        )
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise BackupError(f"{target}: is no folder; name one that is not there yet")
    if target.is_dir() and any(target.iterdir()):
        raise BackupError(
            f"{target}: is not empty; a backup is never written over: name one that is not there yet"
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise BackupError(f"{target.parent}: {error.strerror}; name another place") from error
