"""What the ledger asks of an anchoring service. Every adapter passes `tests/ledger_sink/anchor`.

- Submission is at least once: after a crash, or when no answer came, the same checkpoint is submitted again.
  A second stamp is harmless; any of them is a receipt.
- An adapter keeps no state that a crash could lose: what it needs to ask again is in `Pending`.
- A receipt that an adapter returns has passed the adapter's own trust; nothing else is ever stored.
- Verification needs the receipt, the checkpoint and a reader's trust: no service, no network, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ledger_sink.receipt.attestation import Attestation
    from ledger_sink.receipt.kinds import ReceiptTrust


@dataclass(frozen=True, slots=True)
class Pending:
    """The service took the checkpoint; the receipt comes later."""

    ticket: str
    """What the adapter needs to ask again; opaque to everybody else."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the service gave: the bytes of the receipt's file."""

    data: bytes


class Anchor(Protocol):
    """One anchoring service under one name."""

    @property
    def name(self) -> str:
        """Return the name that its receipts bear: `[a-z0-9-]+`."""

    @property
    def suffix(self) -> str:
        """Return the kind of its receipts (`receipt.kinds`)."""

    def submit(self, checkpoint: bytes) -> Pending | Receipt:
        """Hand a signed city checkpoint to the service.

        Raises:
            AnchorUnavailableError: no answer, or one that is no good; submit again later.
        """

    def poll(self, checkpoint: bytes, pending: Pending) -> Pending | Receipt:
        """Ask for the receipt of what was submitted.

        Raises:
            AnchorUnavailableError: no answer; ask again later.
            AnchorLostError: the service does not know it any more; submit again.
        """

    def verify(self, checkpoint: bytes, receipt: bytes, trust: ReceiptTrust | None = None) -> Attestation:
        """Check a receipt offline; None trusts what the adapter was set up with.

        Raises:
            ReceiptError: it is wrong.
            UncheckedError: it could not be checked.
        """
