"""A signed checkpoint that a verification observed, its signer and its time: the items of the auditor's memory."""

from dataclasses import dataclass, field

from ledger_sink.format.checkpoint import Checkpoint, parse_checkpoint


@dataclass(frozen=True, slots=True)
class ObservedCheckpoint:
    """A signed checkpoint and the time at which the auditor observed it."""

    note: bytes
    """The whole signed note. Together with another root at the same size it proves a fork."""
    when: str
    """Time in RFC 3339, by the auditor's clock."""
    head: Checkpoint = field(init=False)
    """The checkpoint in the note."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "head", parse_checkpoint(self.note)[0])

    def words(self) -> str:
        """Return the checkpoint and its time in words."""
        return f"size {self.head.size}, root {self.head.root.hex()} on {self.when}"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """An observed checkpoint and the key that signed it."""

    key: str
    """The verifier key, in text form."""
    observed: ObservedCheckpoint
