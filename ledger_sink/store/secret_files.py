"""Secret files: seeds and tokens, mode 0600, created once and never replaced."""

from __future__ import annotations

import os
import secrets
import stat
from typing import TYPE_CHECKING

from ledger_sink.errors import SetupError
from ledger_sink.regular_file import read_regular

if TYPE_CHECKING:
    from pathlib import Path

SEED_BYTES = 32
_TOKEN_BYTES = 32
_MOST_BYTES = 4096


def load_or_create_seed(path: Path) -> bytes:
    """Return the seed in a file, 32 bytes; create the file with a random seed if it does not exist.

    Raises:
        SetupError: the file has another length, or a mode that lets others read it.
    """
    seed = _own_secret(path, secrets.token_bytes(SEED_BYTES))
    if len(seed) != SEED_BYTES:
        raise SetupError(f"{path}: expected a seed of {SEED_BYTES} bytes, got {len(seed)}")
    return seed


def load_or_create_token(path: Path) -> str:
    """Return the bearer token in a file; create the file with a random token if it does not exist.

    Raises:
        SetupError: the file holds no token, or its mode lets others read it.
    """
    return read_token_text(path, _own_secret(path, secrets.token_urlsafe(_TOKEN_BYTES).encode() + b"\n"))


def read_token(path: Path) -> str:
    """Return the bearer token in a file that another process created.

    Raises:
        SetupError: the file does not exist or holds no token.
    """
    try:
        return read_token_text(path, read_regular(path, _MOST_BYTES))
    except OSError as error:
        raise SetupError(f"{path}: no signer's token ({error.strerror}); start the signer first") from error


def read_token_text(path: Path, data: bytes) -> str:
    """Decode the bytes of a token file.

    Args:
        path: the file, for errors.
        data: its bytes.

    Raises:
        SetupError: the bytes hold no token of at least 32 ASCII characters.
    """
    text = data.decode("ascii", "replace").strip()
    if len(text) < _TOKEN_BYTES or not text.isascii():
        raise SetupError(f"{path}: expected a token of at least {_TOKEN_BYTES} ASCII characters")
    return text


def _own_secret(path: Path, fresh: bytes) -> bytes:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _create(path, fresh)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise SetupError(f"{path}: expected mode 0600, got {stat.S_IMODE(path.stat().st_mode):04o}")
        return read_regular(path, _MOST_BYTES)
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error


def _create(path: Path, data: bytes) -> None:
    """Create a durable file, unless another process was faster.

    `streams.durable_files.create_once` takes the same steps: the two layers do not import each other.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")  # a crash may leave one behind
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # refuses an existing file, unlike a rename
        except FileExistsError:
            return
    finally:
        temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
