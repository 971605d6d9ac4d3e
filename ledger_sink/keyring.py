"""`keys.txt`: the verifier key of every log, as tlog-policy `log` lines; made once a log, never changed.

A key that differs from the one on file means that the signer's master seed is another: a stop, not an update.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.errors import MissingFileError, SetupError
from ledger_sink.format.errors import FormatError
from ledger_sink.format.layout import KEYS
from ledger_sink.format.note import VerifierKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger_sink.store import Store

HEADER = "# Verifier keys of this city's logs (C2SP tlog-policy `log` lines), written by the ledger.\n"


def read_keys(store: Store) -> dict[str, VerifierKey]:
    """Return the verifier keys on file, by origin.

    Raises:
        SetupError: a line cannot be read.
    """
    try:
        data = store.read(KEYS)
    except MissingFileError:
        return {}
    try:
        return {key.name: key for key in parse_log_keys(data)}
    except SetupError as error:
        raise SetupError(f"{KEYS}: {error}") from error


def parse_log_keys(data: bytes) -> list[VerifierKey]:
    """Return the keys of a policy file's `log` lines; other lines are another reader's.

    Raises:
        SetupError: a `log` line cannot be read.
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
    """Put keys on file that are not there yet; return all.

    Raises:
        SetupError: another key of the same log is on file.
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
        lines = [f"log {known[origin].vkey}\n" for origin in sorted(known)]
        store.write({KEYS: (HEADER + "".join(lines)).encode()})
    return known
