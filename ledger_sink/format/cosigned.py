"""A checkpoint under a policy: the signature of a listed log, and the quorum of its witnesses.

A cosignature counts if its key is a witness's of the policy, its signature is valid, and its time is one that
`clock.time_problem` accepts. A wrong signature of a known key refuses the whole checkpoint. A wrong time
does not, because the witness did sign: that cosignature is not counted, and named.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ledger_sink.format.checkpoint import Checkpoint, parse_checkpoint
from ledger_sink.format.clock import time_problem
from ledger_sink.format.cosignature import cosignature_times
from ledger_sink.format.errors import CheckpointFormatError, QuorumError
from ledger_sink.format.note import Note, verify_note
from ledger_sink.format.policy import NO_QUORUM, Policy, PolicyWitness
from ledger_sink.format.scan import excerpt


class Misdated(NamedTuple):
    """A valid cosignature that does not count because of its time."""

    witness: PolicyWitness
    time_s: int
    problem: str


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint that satisfies a policy.

    Attributes:
        checkpoint: its content.
        note: the note, with every signature line.
        witnesses: the witnesses that count, each with its newest time in POSIX seconds.
        misdated: the cosignatures that do not count because of their time.
    """

    checkpoint: Checkpoint
    note: Note
    witnesses: tuple[tuple[PolicyWitness, int], ...]
    misdated: tuple[Misdated, ...] = ()


def open_cosigned(data: bytes, policy: Policy, now_s: float | None = None) -> Cosigned:
    """Parse a checkpoint and verify it by a policy: the signature of a listed log, and the quorum.

    Args:
        data: the checkpoint.
        policy: the reader's policy.
        now_s: the reader's clock in POSIX seconds; `None` if it has none, then no time is in the future.

    Raises:
        NoteFormatError: if the bytes are no note.
        CheckpointFormatError: if its text is no checkpoint, or the policy does not list its log.
        SignatureError: if the log's signature is missing, or any known key's signature is wrong.
        QuorumError: if the quorum is not satisfied.
    """
    checkpoint, note = parse_checkpoint(data)
    log_keys = policy.log_keys(checkpoint.origin)
    if not log_keys:
        raise CheckpointFormatError(
            f"checkpoint origin: {excerpt(checkpoint.origin)} is no log of the policy"
        )
    verify_note(note, log_keys)
    witnesses, misdated = _cosignatures(note, policy.witnesses, now_s)
    names = {witness.name for witness, _ in witnesses}
    if not policy.is_witnessed(names):
        got = ", ".join(sorted(excerpt(name) for name in names)) or "none"
        uncounted = "".join(
            f"; {excerpt(each.witness.name)} does not count: {each.problem}" for each in misdated
        )
        raise QuorumError(
            f"checkpoint of {checkpoint.origin} at {checkpoint.size}: expected cosignatures for quorum "
            f"{excerpt(policy.quorum or NO_QUORUM)}, got {got}{uncounted}"
        )
    return Cosigned(checkpoint, note, witnesses, misdated)


def _cosignatures(
    note: Note, witnesses: Iterable[PolicyWitness], now_s: float | None
) -> tuple[tuple[tuple[PolicyWitness, int], ...], tuple[Misdated, ...]]:
    """Return the witnesses that count, each with its newest time, and the cosignatures that do not count.

    Raises:
        SignatureError: if a known witness's cosignature is wrong.
    """
    counted: list[tuple[PolicyWitness, int]] = []
    misdated: list[Misdated] = []
    for witness in witnesses:
        problems = {each: time_problem(each, now_s) for each in cosignature_times(note, witness.key)}
        good = [each for each, problem in problems.items() if not problem]
        if good:
            counted.append((witness, max(good)))
        misdated += [Misdated(witness, each, problem) for each, problem in problems.items() if problem]
    return tuple(counted), tuple(misdated)
