"""Small files that must be whole, private and on disk before anyone relies on them."""

import os
import secrets
from pathlib import Path


def private_folder(path: Path) -> Path:
    """Make a folder only its owner can enter, parents too, and return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def create_once(path: Path, content: bytes) -> bytes:
    """Create a 0600 file durably, unless it exists; whoever comes second reads what the first wrote.

    The file appears under its name only when its bytes are on disk, so a crash leaves either none or a whole
    one. `ledger_sink.store.secret_files` has the same steps for itself: the two layers do not know each other.

    Returns:
        What the file holds.
    """
    folder = private_folder(path.parent)
    draft = folder / f".{path.name}.{secrets.token_hex(6)}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(draft, path)
    except FileExistsError:
        content = path.read_bytes()
    finally:
        draft.unlink()
    sync_folder(folder)
    return content


def destroy(path: Path) -> bool:
    """Overwrite a file, remove it, and wait until it is gone from disk; False if there was none."""
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
