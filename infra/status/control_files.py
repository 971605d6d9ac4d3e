"""The small files of a ledger that say whose signatures count, and the signatures of its checkpoints.

They are read for each snapshot. A signature is verified once for each content.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.layout import KEYS, POLICY
from ledger_sink.format.note import VerifierKey, verify_note
from ledger_sink.format.policy import Policy, parse_keys
from ledger_sink.regular_file import read_regular

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 1_000_000
_KEPT = 8192
"""Checkpoints whose verification is remembered."""

Keys = tuple[VerifierKey, ...]


def control_files(ledger: Path) -> tuple[Keys, list[str]]:
    """Return the keys of logs and witnesses, and what is wrong with the files that hold them.

    A ledger without a city checkpoint may have neither file yet.
    """
    keys: Keys = ()
    problems = []
    begun = any((ledger / "city").glob("[0-9]*/checkpoint"))
    for name, parse in ((KEYS, _log_keys), (POLICY, _policy_keys)):
        try:
            keys += parse(read_regular(ledger / name, MOST_BYTES))
        except FileNotFoundError:
            if begun:
                problems.append(f"{ledger / name}: is gone")
        except OSError as error:
            problems.append(f"{ledger / name}: cannot be read: {error.strerror}")
        except FormatError as error:
            problems.append(f"{ledger / name}: damaged: {error}")
    return keys, problems


def checkpoint_problem(path: Path, keys: Keys) -> str:
    """Return what is wrong with the signatures of a checkpoint; empty if nothing is, or it is not there.

    Signatures of keys that `keys` does not hold are not looked at.
    """
    try:
        why = _verified(read_regular(path, MOST_BYTES), keys)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror}"
    return f"{path}: damaged: {why}" if why else ""


@lru_cache(maxsize=8)
def _log_keys(data: bytes) -> Keys:
    found = tuple(log.key for log in parse_keys(data))
    if not found:
        raise FormatError("expected the keys of the logs, got none")
    return found


@lru_cache(maxsize=8)
def _policy_keys(data: bytes) -> Keys:
    return tuple(witness.key for witness in Policy.parse(data).witnesses)


@lru_cache(maxsize=_KEPT)
def _verified(data: bytes, keys: Keys) -> str:
    try:
        checkpoint, note = parse_checkpoint(data)
        known = {(signature.name, signature.key_id) for signature in note.signatures}
        trusted = [key for key in dict.fromkeys(keys) if (key.name, key.key_id) in known]
        if trusted or any(key.name == checkpoint.origin for key in keys):
            verify_note(note, trusted)
    except FormatError as error:
        return str(error)
    return ""
