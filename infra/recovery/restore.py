"""`city restore BACKUP`: a data directory from a backup, whole or not at all.

Every file is compared with the manifest before anything is written, and the directory gets its name last. Nothing is
ever written over.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from infra.process.disk_space import free_bytes
from infra.recovery.counted import counted
from infra.recovery.errors import BackupError, RestoreError
from infra.recovery.manifest import FILES, Manifest, copy_hashed, problems, read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MARGIN = 256 << 20
"""Bytes that Kafka wants free at its start."""


def check(backup: Path, progress: Callable[[str], None] = lambda _: None) -> Manifest:
    """Return the manifest of a backup whose every file is as listed.

    Args:
        backup: The backup.
        progress: Called with what is done next.

    Raises:
        BackupError: It is damaged.
    """
    manifest = read_manifest(backup)
    found = list(problems(backup, manifest, progress))
    if found:
        more = f" (and {len(found) - 1} more files)" if len(found) > 1 else ""
        raise BackupError(f"{found[0]}{more}: the backup is damaged; use another")
    return manifest


def restore(backup: Path, data: Path, progress: Callable[[str], None] = lambda _: None) -> Manifest:
    """Make a data directory from a backup.

    Args:
        backup: The backup.
        data: Where to; it is not there yet, or is empty.
        progress: Called with what is done next.

    Raises:
        BackupError: The backup is damaged.
        RestoreError: There is something at `data`, or no room for it.
    """
    if data.is_symlink() or (data.exists() and (not data.is_dir() or any(data.iterdir()))):
        raise RestoreError(
            f"{data}: is not empty, and nothing is ever written over; move it away, "
            "or name another place with --data DIR"
        )
    manifest = check(backup, progress)
    fresh = data.with_name(f".{data.name}.restoring")
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        _require_room(data.parent, manifest.size + _MARGIN)
        shutil.rmtree(fresh, ignore_errors=True)
        _lay(backup, manifest, fresh, progress)
        fresh.rename(data)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        where = error.filename or str(data)
        raise RestoreError(f"{where}: {error.strerror or error}; nothing was restored") from error
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return manifest


def _require_room(place: Path, needed: int) -> None:
    free = free_bytes(place)
    if needed > free:
        raise RestoreError(f"{place}: {free >> 20} MB are free, the city needs {needed >> 20} MB")


def _lay(backup: Path, manifest: Manifest, fresh: Path, progress: Callable[[str], None]) -> None:
    fresh.mkdir(mode=0o700)
    for name in manifest.folders:
        (fresh / name).mkdir(mode=0o700 if name.startswith("keys") else 0o755, parents=True, exist_ok=True)
    for name, listed in counted(manifest.files.items(), "copying file", progress):
        target = fresh / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if copy_hashed(backup / FILES / name, target, listed.size) != listed.sha256:
            raise BackupError(f"{backup / FILES / name}: changed while it was read; nothing was restored")
        target.chmod(listed.mode)
    for name, to in manifest.links.items():
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        (fresh / name).symlink_to(to)
    progress("waiting for the disk")
    os.sync()
