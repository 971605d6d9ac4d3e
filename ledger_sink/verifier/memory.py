"""What an auditor saw before: the signed checkpoints of each log, so that a rollback or a fork is refused.

A log is known by its verifier key. A log that is read whole must contain every size that was seen, with the same root;
a bundle, which holds one checkpoint and no tree, is compared where the sizes are the same. Only what passed is
remembered. The file is replaced atomically under a lock, and needs no network.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.verifier.errors import StateError, UnreadableError
from ledger_sink.verifier.observed_checkpoint import ObservedCheckpoint, SignedCheckpoint
from ledger_sink.verifier.trust import Trust, read_capped
from ledger_sink.verifier.verdict import Claim, failed, not_checked, shown

FORMAT = "ledger-verify-seen/v1"
MAX_STATE_BYTES = 64 * 1024 * 1024
MOST_OF_A_LOG = 200
"""Checkpoints remembered of one log: the newest ones."""


@dataclass(frozen=True, slots=True)
class CheckpointMemory:
    """What was seen of each log, by verifier key, sizes rising."""

    logs: Mapping[str, tuple[ObservedCheckpoint, ...]] = field(default_factory=dict)

    def sizes(self, origin: str, trust: Trust) -> Collection[int]:
        """List the sizes at which a log was seen: their roots must be those of the log as it is now."""
        return {
            observed.head.size for key in trust.keys_of(origin) for observed in self.logs.get(key.vkey, ())
        }

    def compare(
        self, note: bytes, trust: Trust, roots: Mapping[int, bytes] | None = None, *, live: bool = False
    ) -> tuple[list[Claim], tuple[SignedCheckpoint, ...]]:
        """Compare a signed checkpoint with what was seen of its log.

        Args:
            note: the signed checkpoint.
            trust: whose key signed it.
            roots: roots of the same log at other sizes, where they are proved.
            live: this is the log as it is now, not some older proof: it may not be smaller than what was seen.

        Returns:
            What is to be said, and what is to be remembered if all else holds too.
        """
        try:
            key = trust.signer(note).vkey
        except FormatError:
            return [], ()  # another claim says that it is not signed
        observed = ObservedCheckpoint(note, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        known = self.logs.get(key, ())
        return [_claim(observed.head, known, roots or {}, live=live)], (SignedCheckpoint(key, observed),)


EMPTY_MEMORY = CheckpointMemory()


def _claim(
    head: Checkpoint, known: tuple[ObservedCheckpoint, ...], roots: Mapping[int, bytes], *, live: bool
) -> Claim:
    name = "continues-what-was-seen"
    if not known:
        return not_checked(name, f"No checkpoint of {head.origin} is remembered: this is the first one seen.")
    at_size = {**roots, head.size: head.root}
    for observed in known:
        size = observed.head.size
        if size in at_size and at_size[size] != observed.head.root:
            return failed(
                name,
                f"Forked: of {head.origin} you saw {observed.words()}; "
                f"this shows root {at_size[size].hex()} at that size.",
            )
    newest = known[-1]
    if live and newest.head.size > head.size:
        return failed(
            name, f"Rolled back: of {head.origin} you saw {newest.words()}; this shows size {head.size}."
        )
    if all(observed.head.size in at_size for observed in known):
        return shown(
            name, f"It continues every checkpoint of {head.origin} that you saw, the newest {newest.words()}."
        )
    return not_checked(
        name,
        f"Of {head.origin} you saw {newest.words()}, this is of size {head.size}: whether one continues the other "
        "is not told by what was read; check the whole ledger (--city) once.",
    )


def default_file() -> Path:
    """Return where the auditor's memory is kept unless they say otherwise.

    Raises:
        StateError: the user has no home directory.
    """
    try:
        return Path.home() / ".local" / "state" / "ledger-verify" / "seen.json"
    except RuntimeError:
        raise StateError(
            "no home directory to remember checkpoints in: give --state FILE or --no-remember"
        ) from None


def load(path: Path) -> CheckpointMemory:
    """Read what was seen; nothing if the file is not there yet.

    Raises:
        StateError: it is not one of ours, or cannot be read.
    """
    try:
        data = read_capped(path, MAX_STATE_BYTES) if path.exists() else None
    except (UnreadableError, OSError) as problem:
        raise StateError(f"{path}: {problem}; give --state FILE or --no-remember") from None
    if data is None:
        return CheckpointMemory()
    try:
        return _parse(json.loads(data))
    except (FormatError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
        raise StateError(
            f"{path}: expected what ledger-verify remembers, got something else ({problem}); move it away, "
            "or give --state FILE or --no-remember"
        ) from None


def remember(path: Path, observed: Iterable[SignedCheckpoint]) -> list[str]:
    """Add checkpoints to the file, which others may have added to meanwhile.

    Returns:
        What contradicts it; then nothing is added.

    Raises:
        StateError: it is not one of ours.
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(path.with_name(f"{path.name}.lock")):
        logs = {key: {each.head.size: each for each in known} for key, known in load(path).logs.items()}
        problems = []
        for each in observed:
            sizes = logs.setdefault(each.key, {})
            before = sizes.setdefault(each.observed.head.size, each.observed)
            if before.head.root != each.observed.head.root:
                problems.append(f"forked: {each.key} was seen meanwhile with {before.words()}")
        if not problems:
            _replace(path, _encode(logs))
    return problems


def _parse(content: Any) -> CheckpointMemory:
    if content["format"] != FORMAT:
        raise ValueError(f"format {content['format']!a}")
    logs = {}
    for key, checkpoints in content["logs"].items():
        found = [
            ObservedCheckpoint(observed["note"].encode(), str(observed["when"])) for observed in checkpoints
        ]
        logs[str(key)] = tuple(sorted(found, key=lambda observed: observed.head.size))
    return CheckpointMemory(logs)


def _encode(logs: Mapping[str, Mapping[int, ObservedCheckpoint]]) -> bytes:
    content = {
        "format": FORMAT,
        "logs": {
            key: [
                {"note": sizes[size].note.decode(), "when": sizes[size].when}
                for size in sorted(sizes)[-MOST_OF_A_LOG:]
            ]
            for key, sizes in logs.items()
        },
    }
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _replace(path: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
