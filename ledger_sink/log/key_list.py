"""`keys.txt`: the verifier key of every log, as C2SP tlog-policy `log` lines.

A line is added once per log and never changed. If the signer returns a key that differs from the one on disk, its
master seed was replaced: the process stops and the file stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.errors import MissingFileError, SetupError
from ledger_sink.format.errors import FormatError
from ledger_sink.format.layout import KEYS
from ledger_sink.format.policy import PolicyLog, encode_keys, parse_keys, parse_log_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger_sink.format.note import VerifierKey
    from ledger_sink.store import Store


def read_keys(store: Store) -> dict[str, VerifierKey]:
    """Return the verifier keys in `keys.txt`, by origin.

    Raises:
        SetupError: a line is malformed, or two lines are of one log.
    """
    try:
        data = store.read(KEYS)
    except MissingFileError:
        return {}
    try:
        return _by_origin(parse_keys(data))
    except (FormatError, SetupError) as error:
        raise SetupError(f"{KEYS}: {error}; put the file back as it was") from error


def log_keys_of_policy(data: bytes) -> dict[str, VerifierKey]:
    """Return the keys of a policy file's `log` lines, by origin; ignore its other lines.

    Args:
        data: the file's bytes.

    Raises:
        SetupError: a `log` line is malformed, its key is refused, or two lines are of one log.
    """
    try:
        return _by_origin(parse_log_lines(data))
    except FormatError as error:
        raise SetupError(str(error)) from error


def _by_origin(logs: Iterable[PolicyLog]) -> dict[str, VerifierKey]:
    keys: dict[str, VerifierKey] = {}
    for log in logs:
        if keys.setdefault(log.key.name, log.key) != log.key:
            raise SetupError(f"two keys of the log {log.key.name}: keep the line of the one that signs now")
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
