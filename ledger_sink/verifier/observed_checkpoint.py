"""A signed checkpoint that a verification came across, with who signed it and when: what a memory is made of."""

from dataclasses import dataclass, field

from ledger_sink.format.checkpoint import Checkpoint, parse_checkpoint


@dataclass(frozen=True, slots=True)
class ObservedCheckpoint:
    """One signed checkpoint that was seen."""

    note: bytes
    """The whole note: with another of the same size it is evidence of a fork."""
    when: str
    """RFC 3339, by the auditor's clock."""
    head: Checkpoint = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "head", parse_checkpoint(self.note)[0])

    def words(self) -> str:
        """Say what was seen."""
        return f"size {self.head.size}, root {self.head.root.hex()} on {self.when}"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that a verification found signed: by whom, and what is to be remembered."""

    key: str
    """The verifier key."""
    observed: ObservedCheckpoint
