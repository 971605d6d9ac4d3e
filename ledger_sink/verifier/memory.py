"""The auditor's memory: signed checkpoints observed before, so that a rollback or a fork of a log fails.

A log is identified by its origin and the keys of it that the auditor trusts. A log that is read whole must have the
remembered root at each remembered size. A bundle holds one checkpoint and no tree, so it is compared at equal sizes
only. Only checkpoints of passed verdicts are remembered. The file is replaced atomically under a lock.
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
from ledger_sink.verifier.errors import AbsentError, StateError, UnreadableError
from ledger_sink.verifier.observed_checkpoint import ObservedCheckpoint, SignedCheckpoint
from ledger_sink.verifier.trust import Trust, read_capped
from ledger_sink.verifier.verdict import Claim, failed, not_checked, shown

FORMAT = "ledger-verify-seen/v1"
MAX_STATE_BYTES = 64 * 1024 * 1024
MOST_OF_A_LOG = 200
"""Most checkpoints remembered per log: the largest ones."""


@dataclass(frozen=True, slots=True)
class CheckpointMemory:
    """The observed checkpoints of each log, by verifier key, sizes rising."""

    logs: Mapping[str, tuple[ObservedCheckpoint, ...]] = field(default_factory=dict)

    def sizes(self, origin: str, trust: Trust) -> Collection[int]:
        """Return the sizes of a log's observed checkpoints: the log must still have their roots there."""
        return {each.head.size for each in self._known(origin, trust)}

    def _known(self, origin: str, trust: Trust) -> tuple[ObservedCheckpoint, ...]:
        """Return what was observed of a log under any of its trusted keys, sizes rising.

        A log may have several. Else it could be rolled back under the one that its observed checkpoints do not bear.
        """
        keys = dict.fromkeys(key.vkey for key in trust.keys_of(origin))
        found = (each for vkey in keys for each in self.logs.get(vkey, ()))
        return tuple(sorted(found, key=lambda each: each.head.size))

    def compare(
        self, note: bytes, trust: Trust, roots: Mapping[int, bytes] | None = None, *, live: bool = False
    ) -> tuple[list[Claim], tuple[SignedCheckpoint, ...]]:
        """Compare a signed checkpoint with the observed checkpoints of its log.

        Args:
            note: the signed checkpoint, as bytes.
            trust: the auditor's trust; a key in it must have signed.
            roots: verified roots of the same log at other sizes.
            live: the checkpoint is the log's current one, so it may not be smaller than an observed one.

        Returns:
            The claims, and the checkpoints to remember if the verdict passes. Both are empty if no trusted key signed.
        """
        try:
            key = trust.signer(note).vkey
        except FormatError:
            return [], ()  # another claim reports that it is not signed
        observed = ObservedCheckpoint(note, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        known = self._known(observed.head.origin, trust)
        return [_claim(observed.head, known, roots or {}, live=live)], (SignedCheckpoint(key, observed),)


EMPTY_MEMORY = CheckpointMemory()


def _claim(
    head: Checkpoint, known: tuple[ObservedCheckpoint, ...], roots: Mapping[int, bytes], *, live: bool
) -> Claim:
    name = "continues-what-was-seen"
    if not known:
        return not_checked(name, f"No checkpoint of {head.origin} is remembered: this is the first one seen.")
    at_size = {**roots, head.size: head.root}
    for each in known:
        size = each.head.size
        if size in at_size and at_size[size] != each.head.root:
            return failed(
                name,
                f"Forked: of {head.origin} you saw {each.words()}; "
                f"this shows root {at_size[size].hex()} at that size.",
            )
    newest = known[-1]
    if live and newest.head.size > head.size:
        return failed(
            name, f"Rolled back: of {head.origin} you saw {newest.words()}; this shows size {head.size}."
        )
    if all(each.head.size in at_size for each in known):
        return shown(
            name, f"It continues every checkpoint of {head.origin} that you saw, the newest {newest.words()}."
        )
    return not_checked(
        name,
        f"Of {head.origin} you saw {newest.words()}, this is of size {head.size}: whether one continues the other "
        "is not told by what was read; check the whole ledger (--city) once.",
    )


def default_file() -> Path:
    """Return the default path of the auditor's memory.

    Raises:
        StateError: if the user has no home directory.
    """
    try:
        return Path.home() / ".local" / "state" / "ledger-verify" / "seen.json"
    except RuntimeError:
        raise StateError(
            "no home directory to remember checkpoints in: give --state FILE or --no-remember"
        ) from None


def load(path: Path) -> CheckpointMemory:
    """Read the auditor's memory; empty if the file does not exist.

    Raises:
        StateError: if it is malformed or cannot be read.
    """
    try:
        data = read_capped(path, MAX_STATE_BYTES)
    except AbsentError:
        return CheckpointMemory()
    except (UnreadableError, OSError) as problem:
        raise StateError(f"{path}: {problem}; give --state FILE or --no-remember") from None
    try:
        return _parse(json.loads(data))
    except (FormatError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
        raise StateError(
            f"{path}: expected what ledger-verify remembers, got something else ({problem}); move it away, "
            "or give --state FILE or --no-remember"
        ) from None


def remember(path: Path, observed: Iterable[SignedCheckpoint]) -> list[str]:
    """Add checkpoints to the file. Other processes may have added some since it was read.

    Args:
        path: the file; it and its folder are created if needed.
        observed: the checkpoints to add.

    Returns:
        The contradictions to the file's content. If there are any, nothing is added.

    Raises:
        StateError: if the file is malformed or cannot be read.
        OSError: if it cannot be written.
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
        found = [ObservedCheckpoint(each["note"].encode(), str(each["when"])) for each in checkpoints]
        logs[str(key)] = tuple(sorted(found, key=lambda each: each.head.size))
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
