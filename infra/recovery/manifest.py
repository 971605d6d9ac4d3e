"""The manifest of a backup: which files it holds, with size, SHA-256 and mode, and where it was made.

`manifest.json` is written last, so a backup without one was interrupted. Its own digest finds an accidental change; it
is no signature: anyone who may write to the backup can replace both.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from infra.recovery.counted import counted
from infra.recovery.errors import BackupError
from ledger_sink.regular_file import open_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMAT = "city-backup/1"
NAME = "manifest.json"
FILES = "files"
"""Folder of a backup that holds the files, under their paths in the data directory."""
MOST_BYTES = 256 << 20
"""Size of the largest manifest that is read; a file takes some 200 bytes of it."""
_PIECE = 1 << 20
_PERMISSIONS = 0o777
_SHA256 = re.compile(r"[0-9a-f]{64}")


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
        with open_regular(path, links=False) as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise BackupError(
                f"{path}: larger than {MOST_BYTES >> 20} MB: this is no manifest; name another backup"
            )
        value: Any = json.loads(content)
        form = value.pop("format")
        digest = value.pop("digest")
    except FileNotFoundError as error:
        raise BackupError(
            f"{backup}: no {NAME}: this is no backup, or it was interrupted; name another"
        ) from error
    except OSError as error:
        raise BackupError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise BackupError(f"{path}: damaged; use another backup") from error
    if form != FORMAT:
        raise BackupError(
            f"{path}: format {form!r}, expected {FORMAT!r}: restore it with the version that made it"
        )
    if digest != _digest({"format": form, **value}):
        raise BackupError(f"{path}: damaged: its digest differs; use another backup")
    try:
        found = _checked(value)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise BackupError(
            f"{path}: not a manifest that this program wrote: {error}; use another backup"
        ) from error
    for name in (*found.files, *found.folders, *found.links):
        _require_inside(path, name)
    for name, target in found.links.items():
        _require_inside(path, os.path.normpath(PurePosixPath(name).parent / target))
    return found


def _checked(value: dict[str, Any]) -> Manifest:
    """Return a manifest whose every member has the type and the range that this program writes.

    Raises:
        TypeError: A member is missing, unknown or of another type.
        ValueError: A value is out of its range.
    """
    files = {name: StoredFile(**each) for name, each in value.pop("files").items()}
    found = Manifest(**value, files=files)
    for name, each in files.items():
        if type(each.size) is not int or each.size < 0:
            raise ValueError(f"size {each.size!r} of {name!r}")
        if type(each.mode) is not int or not 0 <= each.mode <= _PERMISSIONS:
            raise ValueError(f"mode {each.mode!r} of {name!r}: only permission bits are kept")
        if not isinstance(each.sha256, str) or not _SHA256.fullmatch(each.sha256):
            raise ValueError(f"SHA-256 {each.sha256!r} of {name!r}")
    if not all(isinstance(text, str) for text in (found.made, found.city, found.version)):
        raise TypeError("made, city and version must be text")
    if not all(isinstance(flag, bool) for flag in (found.running, found.keys)):
        raise TypeError("running and keys must be true or false")
    if not isinstance(found.folders, list) or not all(isinstance(name, str) for name in found.folders):
        raise TypeError("folders must be a list of paths")
    if not all(isinstance(target, str) for target in found.links.values()):
        raise TypeError("links must have paths as targets")
    if not all(type(leaves) is int and leaves >= 0 for leaves in found.ledger.values()):
        raise TypeError("ledger must have numbers of leaves")
    return found


def problems(
    backup: Path, manifest: Manifest, progress: Callable[[str], None] = lambda _: None
) -> Iterator[str]:
    """Yield one line for each file of a backup that is missing or differs from the manifest."""
    for name, listed in counted(manifest.files.items(), "checking file", progress):
        path = backup / FILES / name
        try:
            size = path.lstat().st_size
            if size != listed.size:
                yield f"{path}: {size} bytes, the manifest lists {listed.size}"
            elif sha256_of(path) != listed.sha256:
                yield f"{path}: its SHA-256 differs from the manifest's"
        except OSError as error:
            yield f"{path}: {error.strerror}"


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal.

    Raises:
        OSError: It cannot be read, or is no regular file.
    """
    with open_regular(path, links=False) as file:
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
    with open_regular(source, links=False) as read, os.fdopen(handle, "wb") as write:
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
