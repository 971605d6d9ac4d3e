"""What a receipt shows once it holds (docs/ledger.md#anchors)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AttestationKind(StrEnum):
    """What somebody says of a checkpoint."""

    COSIGNED = "cosigned"
    """At that time it was the largest consistent checkpoint of its log that the witness saw."""
    EXISTED_BY = "existed by"
    """It existed at that time or before."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """One statement of an outside party about one checkpoint, and what it rests on."""

    kind: AttestationKind
    time_s: int
    """POSIX seconds, by that party's clock."""
    by: str
    assumptions: tuple[str, ...]
    """What must be true besides the mathematics; half sentences."""
