"""The result of a verified receipt: what an outside party attests (docs/ledger.md#anchors)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AttestationKind(StrEnum):
    """What an outside party states of a checkpoint."""

    COSIGNED = "cosigned"
    """At that time it was the largest consistent checkpoint of its log that the witness had observed."""
    EXISTED_BY = "existed by"
    """It existed at that time or earlier."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """A statement of an outside party about one checkpoint, and its assumptions."""

    kind: AttestationKind
    time_s: int
    """Time of the statement in POSIX seconds, by that party's clock."""
    by: str
    """Name of that party."""
    assumptions: tuple[str, ...]
    """What must hold besides the cryptography; subordinate clauses such as "that …"."""
