"""Small state files: JSON with its own SHA-256, so that damage is noticed before the value is used.

A file is one line of canonical JSON (sorted keys, no spaces), a line feed, the hexadecimal SHA-256 of that line with
its line feed, and a line feed. A reader gets the written value or a `DamagedStateError`.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from ledger_sink.errors import DamagedStateError


def encode(value: dict[str, Any]) -> bytes:
    """Return the bytes of a state file."""
    line = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii") + b"\n"
    return line + sha256(line).hexdigest().encode("ascii") + b"\n"


def decode(data: bytes, where: str) -> dict[str, Any]:
    """Return the value that `encode` received.

    Args:
        data: the file's bytes.
        where: the file's name, for errors.

    Raises:
        DamagedStateError: a bit differs from what was written, or the value is no JSON object.
    """
    line, feed, check = data.partition(b"\n")
    expected = sha256(line + feed).hexdigest().encode("ascii") + b"\n"
    if check != expected:
        raise DamagedStateError(
            f"{where}: damaged: expected SHA-256 {expected[:-1].decode()}, got {check[:80]!r}; "
            "put the file back as it was, or declare a new epoch"
        )
    try:
        value = json.loads(line)
    except ValueError as error:
        raise DamagedStateError(f"{where}: no JSON: {error}") from error
    if not isinstance(value, dict):
        raise DamagedStateError(f"{where}: expected an object, got {type(value).__name__}")
    return value
