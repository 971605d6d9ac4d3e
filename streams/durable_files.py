"""Writes small private files (0600) durably and atomically, and destroys them."""

import os
import secrets
from pathlib import Path


def private_folder(path: Path) -> Path:
    """Create a folder with mode 0700, and its parents, if it does not exist. Return its path."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def sync_folder(path: Path) -> None:
    """Write a folder's entries to disk (fsync)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def create_once(path: Path, content: bytes) -> bytes:
    """Create a 0600 file durably, unless it exists. The second of two concurrent callers reads what the first wrote.

    The file appears under its name only once its bytes are on disk. So a crash leaves no file or a complete one.
    `ledger_sink.store.secret_files` repeats these steps, because the two layers do not import each other.

    Args:
        path: The file. Its folder is created if needed.
        content: Bytes of a new file.

    Returns:
        The file's content.
    """
    folder = private_folder(path.parent)
    temporary = folder / f".{path.name}.{secrets.token_hex(6)}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(temporary, path)
    except FileExistsError:
        content = path.read_bytes()
    finally:
        temporary.unlink()
    sync_folder(folder)
    return content


def destroy(path: Path) -> bool:
    """Overwrite a file with zeros and remove it durably. Return False if there was none."""
    try:
        handle = os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        return False
    try:
        os.write(handle, bytes(os.fstat(handle).st_size))
        os.fsync(handle)
    finally:
        os.close(handle)
    path.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True
