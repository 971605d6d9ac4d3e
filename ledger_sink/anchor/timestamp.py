"""The anchor of an RFC 3161 time stamping authority over HTTP (RFC 3161 §3.4).

A request asks for SHA-256 with a nonce and for the certificates; the roots are pinned. The answer is the receipt, or
is refused: nothing is ever pending. Several authorities are several adapters.
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
    """An anchor at one authority."""

    suffix = TIMESTAMP

    def __init__(self, name: str, url: str, roots: tuple[Certificate, ...]) -> None:
        """Set the anchor up; nothing is sent.

        Args:
            name: name of the anchor.
            url: URL of the authority.
            roots: pinned root certificates of the authority.

        Raises:
            MissingLibraryError: if `rfc3161-client` is not installed.
            SetupError: if the URL is malformed.
        """
        self.name = name
        self._library = timestamp.library()
        self._roots = roots
        self._peer = HttpClient(url, timeout_s=TIMEOUT_S, unavailable=AnchorUnavailableError)

    def submit(self, checkpoint: bytes) -> Pending | Receipt:
        """Request a stamp over a checkpoint and verify it; see `Anchor.submit`."""
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
        """Submit again: an authority keeps no requests."""
        del pending
        return self.submit(checkpoint)

    def verify(self, checkpoint: bytes, receipt: bytes, trust: ReceiptTrust | None = None) -> Attestation:
        """Verify a stamp offline; see `Anchor.verify`."""
        trust = trust or ReceiptTrust(tsa_roots=self._roots)
        return verify_receipt(f"{self.name}.{self.suffix}", checkpoint, receipt, trust)
