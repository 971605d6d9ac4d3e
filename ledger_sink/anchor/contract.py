"""The contract of an anchoring service. Every adapter passes `tests/ledger_sink/anchor`.

- Submission is at least once: after a crash, or without an answer, the same checkpoint is submitted again.
  A second stamp is harmless; each of them is a valid receipt.
- An adapter keeps no state that a crash could lose: `Pending` holds what it needs to poll again.
- An adapter returns a receipt only after verifying it with its own trust; nothing else is ever stored.
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
    """The answer of a service that accepted a checkpoint and issues its receipt later."""

    ticket: str
    """What the adapter needs to poll again; opaque to all other code."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt: the bytes of its file."""

    data: bytes


class Anchor(Protocol):
    """One anchoring service with a name."""

    @property
    def name(self) -> str:
        """Return the name that its receipts' files have: `[a-z0-9-]+`."""

    @property
    def suffix(self) -> str:
        """Return the kind of its receipts (`receipt.kinds`)."""

    def submit(self, checkpoint: bytes) -> Pending | Receipt:
        """Send a signed city checkpoint to the service.

        Raises:
            AnchorUnavailableError: if there is no valid answer; submit again later.
        """

    def poll(self, checkpoint: bytes, pending: Pending) -> Pending | Receipt:
        """Request the receipt of a submitted checkpoint.

        Raises:
            AnchorUnavailableError: if there is no valid answer; poll again later.
            AnchorLostError: if the service no longer knows the submission; submit again.
        """

    def verify(self, checkpoint: bytes, receipt: bytes, trust: ReceiptTrust | None = None) -> Attestation:
        """Verify a receipt offline.

        Args:
            checkpoint: the anchored checkpoint, as bytes.
            receipt: the receipt.
            trust: a reader's trust; `None` takes the adapter's own.

        Raises:
            ReceiptError: if it is wrong.
            UncheckedError: if it could not be checked.
        """
