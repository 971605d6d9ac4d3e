"""The files of a data directory that a backup holds, and a private view of them as they are at one instant.

Three kinds of files: those that are made again at each start, or mean something on this machine only, are left out;
those that only grow, or are never changed once they have their name, get a second name (a hard link) and their size is
noted; all others are small and are copied at once. So the instant lasts no longer than listing the files takes.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.recovery.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = ("keys/", "witness/witness.seed")
"""What `--without-keys` leaves out."""
LEFT_OUT = (
    r"run/.*",  # this run, on this machine
    r"logs/.*",
    r"kafka/(?!log(/|$)).+",  # made again at each start
    r"kafka/log/\.lock",
    r"kafka/log/\.kafka_cleanshutdown",  # without the mark, Kafka recovers what it finds
    r"kafka/log/.*\.index",  # changed in place; Kafka makes them again from the log
    r"kafka/log/.*\.timeindex",
    r"kafka/log/.*\.txnindex",
    r"kafka/log/.*\.deleted",  # Kafka removes them at its start
    r"kafka/log/.*\.cleaned",
    r"clickhouse\.config/.*",  # made again at each start, with the passwords' hashes
    r"clickhouse/tmp/.*",
    r"clickhouse/temporary/.*",
    r"clickhouse/user_files/.*",
    r"clickhouse/status",
    r"clickhouse/store/.*/tmp_[^/]*(/.*)?",  # parts that are not there yet
    r"clickhouse/store/.*/delete_tmp_[^/]*(/.*)?",  # parts that are no more
    r"(.*/)?lock",  # locks of processes
    r"(.*/)?[^/]*\.lock",
    r"(.*/)?[^/]*\.tmp",  # writes under way
)
"""Names below the data directory that no backup holds. Each is one that something writes: see its test."""
_LEFT_OUT = re.compile("|".join(f"(?:{each})" for each in LEFT_OUT))
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}
_KEPT_FOLDERS = ("clickhouse/tmp", "clickhouse/temporary", "clickhouse/user_files")
_LINKED = re.compile(r"kafka/log/.*\.(log|snapshot|checkpoint)|clickhouse/store/.*|ledger/.*")


@dataclass
class View:
    """The files of one instant below `root`: links and copies that nobody else changes, but for growth."""

    root: Path
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes of each file at the instant; a linked file may have grown since."""
    modes: dict[str, int] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(self.sizes.values())


def take_view(data: Path, root: Path, *, with_keys: bool) -> View:
    """Link or copy each file of a data directory into `root`, which lies on the same file system.

    Keys come last: what was encrypted before can be read with them.

    Args:
        data: The data directory, while nothing writes in it.
        root: A new folder.
        with_keys: Whether the keys are among them.

    Raises:
        BackupError: A symbolic link leads out of the data directory.
        OSError: A file cannot be read, linked or copied.
    """
    view = View(root)
    root.mkdir(mode=0o700, parents=True)
    for top in sorted(data.iterdir(), key=lambda path: path.name == "keys"):
        for name, entry in _walk(top, top.name):
            if not with_keys and name.startswith(KEYS):
                continue
            _take(view, data, name, entry)
    return view


def warm(data: Path) -> int:
    """Walk through the files once, so that the kernel has their names at hand; return their number."""
    return sum(1 for top in data.iterdir() for _ in _walk(top, top.name))


def _take(view: View, data: Path, name: str, entry: os.stat_result) -> None:
    target = view.root / name
    if stat.S_ISDIR(entry.st_mode):
        target.mkdir(mode=0o700, exist_ok=True)
        view.folders.append(name)
    elif stat.S_ISLNK(entry.st_mode):
        view.links[name] = _link_inside(data, name)
    elif stat.S_ISREG(entry.st_mode):
        linked = _LINKED.fullmatch(name) is not None and _linked(data / name, target)
        if not linked:
            shutil.copyfile(data / name, target)
        view.sizes[name] = entry.st_size if linked else target.stat().st_size
        view.modes[name] = stat.S_IMODE(entry.st_mode)


def _linked(source: Path, target: Path) -> bool:
    """Give a file a second name; return False where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    return True


def _link_inside(data: Path, name: str) -> str:
    path = data / name
    to = path.readlink()
    if to.is_absolute() or not (path.parent / to).resolve().is_relative_to(data.resolve()):
        raise BackupError(
            f"{path}: a link to {to}, outside of the data directory: back that place up by other means, "
            "or put its files here"
        )
    return str(to)


def _walk(path: Path, name: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield name and status of everything that a backup holds, folders before what is in them."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return  # a command beside the stack has just removed it
    folder = stat.S_ISDIR(status.st_mode)
    if _LEFT_OUT.fullmatch(name) or (folder and _LEFT_OUT.fullmatch(f"{name}/")):
        if folder and name in _KEPT_FOLDERS:
            yield name, status
        return
    yield name, status
    if folder:
        for each in path.iterdir():
            yield from _walk(each, f"{name}/{each.name}")
