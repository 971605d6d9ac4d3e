"""`keys.txt`: the verifier key of every log, as C2SP tlog-policy `log` lines.

A line is added once per log and never changed. If the signer returns a key that differs from the one on disk, its
master seed was replaced: the process stops and the file stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.errors import MissingFileError, SetupError
from ledger_sink.format.errors import FormatError
from ledger_sink.format.layout import KEYS
from ledger_sink.format.note import VerifierKey
from ledger_sink.format.policy import encode_keys, parse_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger_sink.store import Store


def read_keys(store: Store) -> dict[str, VerifierKey]:
    """Return the verifier keys in `keys.txt`, by origin.

    Raises:
        SetupError: a line is malformed.
    """
    try:
        data = store.read(KEYS)
    except MissingFileError:
        return {}
    try:
        return {log.key.name: log.key for log in parse_keys(data)}
    except FormatError as error:
        raise SetupError(f"{KEYS}: {error}; put the file back as it was") from error


def parse_log_keys(data: bytes) -> list[VerifierKey]:
    """Return the keys of a policy file's `log` lines; ignore all other lines.

    Args:
        data: the file's bytes.

    Raises:
        SetupError: a `log` line is malformed.
    """
    keys = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        words = line.split()
        if not words or words[0] != "log":
            continue
        if len(words) not in {2, 3}:
            raise SetupError(f"line {number}: expected log <vkey> [url], got {line[:120]!r}")
        try:
            keys.append(VerifierKey.parse(words[1]))
        except FormatError as error:
            raise SetupError(f"line {number}: {error}") from error
    return keys


def add_keys(store: Store, keys: Iterable[VerifierKey]) -> dict[str, VerifierKey]:
    """Add missing keys to `keys.txt`; return all keys by origin.

    Raises:
        SetupError: `keys.txt` has another key of the same log.
    """
    known = read_keys(store)
    fresh = {}
    for key in keys:
        before = known.get(key.name, key)
        if before != key:
            raise SetupError(
                f"{KEYS}: {key.name} has key {before.vkey}, the signer now has {key.vkey}: its master seed "
                "is another; put the old one back"
            )
        if key.name not in known:
            fresh[key.name] = key
    if fresh:
        known |= fresh
        store.write({KEYS: encode_keys(known[origin] for origin in sorted(known))})
    return known
