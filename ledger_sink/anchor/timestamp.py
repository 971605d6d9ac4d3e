"""An RFC 3161 time stamping authority over HTTP: SHA-256, a nonce, certificates in the answer, pinned roots.

Its answer is the receipt, or is refused: there is nothing pending. Several authorities are several adapters.
(RFC 3161 §3.4)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.anchor.contract import Receipt
from ledger_sink.errors import AnchorUnavailableError
from ledger_sink.http.client import HttpClient
from ledger_sink.receipt import timestamp
from ledger_sink.receipt.errors import ReceiptError, UncheckedError
from ledger_sink.receipt.kinds import TIMESTAMP, ReceiptTrust, verify_receipt

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from ledger_sink.anchor.contract import Pending
    from ledger_sink.receipt.attestation import Attestation

TIMEOUT_S = 5.0
QUERY_TYPE = "application/timestamp-query"


class TimestampAnchor:
    """One authority at a URL."""

    suffix = TIMESTAMP

    def __init__(self, name: str, url: str, roots: tuple[Certificate, ...]) -> None:
        """Take an authority.

        Raises:
            MissingLibraryError: `rfc3161-client` is not installed.
            SetupError: the URL is none.
        """
        self.name = name
        self._library = timestamp.library()
        self._roots = roots
        self._peer = HttpClient(url, timeout_s=TIMEOUT_S, unavailable=AnchorUnavailableError)

    def submit(self, checkpoint: bytes) -> Pending | Receipt:
        """Have a checkpoint stamped."""
        request = (
            self._library.TimestampRequestBuilder(nonce=True, cert_req=True)
            .data(checkpoint)
            .hash_algorithm(self._library.HashAlgorithm.SHA256)
            .build()
        )
        headers = {"Content-Type": QUERY_TYPE}
        status, body = self._peer.call("POST", "", request.as_bytes(), headers)
        if status != 200:
            reason = body[:200].decode("utf-8", "replace").strip()
            raise AnchorUnavailableError(f"{self.name} at {self._peer.url}: status {status}: {reason}")
        try:
            timestamp.verify(checkpoint, body, self._roots, request.nonce)
        except (ReceiptError, UncheckedError) as error:
            raise AnchorUnavailableError(f"{self.name} at {self._peer.url}: {error}") from error
        return Receipt(body)

    def poll(self, checkpoint: bytes, pending: Pending) -> Pending | Receipt:
        """Submit again: an authority keeps nothing to be asked for."""
        del pending
        return self.submit(checkpoint)

    def verify(self, checkpoint: bytes, receipt: bytes, trust: ReceiptTrust | None = None) -> Attestation:
        """Check a stamp offline."""
        trust = trust or ReceiptTrust(tsa_roots=self._roots)
        return verify_receipt(f"{self.name}.{self.suffix}", checkpoint, receipt, trust)
