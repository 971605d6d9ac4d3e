"""The manifest of a backup: which files it holds, with size, SHA-256 and mode, and where it was made.

`manifest.json` is written last, so a backup without one was interrupted. Its own digest finds an accidental change; it
is no signature: anyone who may write to the backup can replace both.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from infra.recovery.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

FORMAT = "city-backup/1"
NAME = "manifest.json"
FILES = "files"
"""Folder of a backup that holds the files, under their paths in the data directory."""
_PIECE = 1 << 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a backup."""

    size: int
    """Bytes."""
    sha256: str
    """Hexadecimal."""
    mode: int
    """Permission bits of the original."""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. Paths are relative to the data directory, with `/`."""

    made: str
    """UTC, ISO 8601."""
    city: str
    version: str
    """Version of the distribution that made it."""
    running: bool
    """Whether the stack ran meanwhile."""
    keys: bool
    """Whether it holds the keys."""
    files: dict[str, StoredFile] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    """Relative symbolic links and their targets."""
    ledger: dict[str, int] = field(default_factory=dict)
    """Leaves of each log, by its folder below `ledger/`."""

    @property
    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(file.size for file in self.files.values())

    def encode(self) -> bytes:
        """Return the bytes of `manifest.json`."""
        value = {"format": FORMAT, **asdict(self)}
        return json.dumps({**value, "digest": _digest(value)}, indent=1, ensure_ascii=False).encode()


def read_manifest(backup: Path) -> Manifest:
    """Return the manifest of a backup, checked for damage and for paths that lead out of the folder.

    Raises:
        BackupError: There is none, or it is damaged or of another format.
    """
    path = backup / NAME
    try:
        value: Any = json.loads(path.read_bytes())
        form = value.pop("format")
        digest = value.pop("digest")
    except FileNotFoundError as error:
        raise BackupError(
            f"{backup}: no {NAME}: this is no backup, or it was interrupted; name another"
        ) from error
    except OSError as error:
        raise BackupError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise BackupError(f"{path}: damaged; use another backup") from error
    if form != FORMAT:
        raise BackupError(
            f"{path}: format {form!r}, expected {FORMAT!r}: restore it with the version that made it"
        )
    if digest != _digest({"format": form, **value}):
        raise BackupError(f"{path}: damaged: its digest differs; use another backup")
    try:
        files = {name: StoredFile(**each) for name, each in value.pop("files").items()}
        found = Manifest(**value, files=files)
    except TypeError as error:
        raise BackupError(f"{path}: damaged: {error}") from error
    for name in (*found.files, *found.folders, *found.links):
        _require_inside(path, name)
    for name, target in found.links.items():
        _require_inside(path, os.path.normpath(PurePosixPath(name).parent / target))
    return found


def counted(items: Collection[T], doing: str, progress: Callable[[str], None]) -> Iterator[T]:
    """Yield items. Before each, call `progress` with its number, such as `copying file 3 of 505`."""
    for number, each in enumerate(items, 1):
        progress(f"{doing} {number:,} of {len(items):,}")
        yield each


def problems(
    backup: Path, manifest: Manifest, progress: Callable[[str], None] = lambda _: None
) -> Iterator[str]:
    """Yield one line for each file of a backup that is missing or differs from the manifest."""
    for name, listed in counted(manifest.files.items(), "checking file", progress):
        path = backup / FILES / name
        try:
            size = path.stat().st_size
            if size != listed.size:
                yield f"{path}: {size} bytes, the manifest lists {listed.size}"
            elif sha256_of(path) != listed.sha256:
                yield f"{path}: its SHA-256 differs from the manifest's"
        except OSError as error:
            yield f"{path}: {error.strerror}"


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_hashed(source: Path, target: Path, size: int) -> str:
    """Copy the first `size` bytes of a file to a new private file (0600); return their SHA-256.

    Raises:
        BackupError: The source is shorter than that.
        OSError: It cannot be read, or the target not be written.
    """
    digest = hashlib.sha256()
    left = size
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with source.open("rb") as read, os.fdopen(handle, "wb") as write:
        while left:
            piece = read.read(min(left, _PIECE))
            if not piece:
                raise BackupError(f"{source}: ends {left} bytes early; make the backup again")
            digest.update(piece)
            write.write(piece)
            left -= len(piece)
    return digest.hexdigest()


def _digest(value: dict[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _require_inside(path: Path, name: str) -> None:
    """Refuse a path that leads out of the data directory.

    Raises:
        BackupError: It does.
    """
    pure = PurePosixPath(name)
    if not name or pure.is_absolute() or ".." in pure.parts or "\0" in name:
        raise BackupError(
            f"{path}: the path {name!r} leads out of the data directory: do not restore this backup"
        )
