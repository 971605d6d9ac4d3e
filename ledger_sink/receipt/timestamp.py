"""RFC 3161 time stamps: a `TimeStampResp` in DER over the SHA-256 of the checkpoint's bytes (FORMAT.md §11.1).

The response holds the certificates (`certReq`); the reader supplies the roots. Certificates must have been valid at
the stamp's own time, not today: a stamp outlives its certificate. `openssl ts -verify -data checkpoint.txt
-in NAME.tsr -CAfile root.pem` verifies the same file.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cryptography import x509

from ledger_sink.receipt.attestation import Attestation, AttestationKind
from ledger_sink.receipt.der import with_sorted_certificates
from ledger_sink.receipt.errors import MissingLibraryError, ReceiptError, UntrustedError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_RECEIPT_BYTES = 64 * 1024
SHA256_OID = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
ASSUMPTIONS = (
    "that this authority's clock was right and its key its own at that time",
    "that your root stands for the authority; revocation lists were not consulted",
)


def library() -> Any:
    """Return the module `rfc3161_client`.

    Raises:
        MissingLibraryError: if it is not installed.
    """
    try:
        import rfc3161_client  # noqa: PLC0415 - the base install lacks it
    except ImportError:
        raise MissingLibraryError(
            "RFC 3161 time stamps were not checked: install the wheel with its extra, '<wheel>[anchors]', "
            "or use openssl ts -verify"
        ) from None
    return rfc3161_client


def parse_roots(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Parse root certificates in PEM.

    Raises:
        ReceiptError: if there is no certificate, or one is malformed.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise ReceiptError(f"expected certificates in PEM: {error}") from None


def verify(
    checkpoint: bytes, receipt: bytes, roots: tuple[x509.Certificate, ...], nonce: int | None = None
) -> Attestation:
    """Verify a stamp over a checkpoint.

    Args:
        checkpoint: the stamped bytes.
        receipt: the whole `TimeStampResp`.
        roots: root certificates of the authorities that the reader trusts.
        nonce: nonce of the request; `None` if unknown, since the requester alone knows it.

    Raises:
        ReceiptError: if it is malformed, of other bytes, not granted, or its signature or chain is wrong.
        UntrustedError: if none of the roots issued its chain.
        MissingLibraryError: if `rfc3161-client` is not installed.
    """
    tsp = library()
    if len(receipt) > MAX_RECEIPT_BYTES:
        raise ReceiptError(f"time stamp: expected at most {MAX_RECEIPT_BYTES} bytes, got {len(receipt)}")
    try:
        return _checked(tsp, checkpoint, receipt, roots, nonce)
    except (ReceiptError, UntrustedError):
        raise
    except Exception as error:  # noqa: BLE001 - the library raises ValueErrors of its own and of cryptography
        raise ReceiptError(f"time stamp: {type(error).__name__}: {error}") from None


def _checked(
    tsp: Any, checkpoint: bytes, receipt: bytes, roots: tuple[x509.Certificate, ...], nonce: int | None
) -> Attestation:
    response = tsp.decode_timestamp_response(with_sorted_certificates(receipt))
    if response.status != tsp.PKIStatus.GRANTED:
        words = "; ".join(response.status_string) or "no reason"
        raise ReceiptError(f"time stamp: expected status granted, got {response.status}: {words}")
    info, name = response.tst_info, _signer(response)
    imprint = info.message_imprint
    if (imprint.hash_algorithm, imprint.message) != (SHA256_OID, sha256(checkpoint).digest()):
        raise ReceiptError("time stamp: it is of other bytes than this checkpoint's SHA-256")
    _require_root(response, roots)
    verifier = tsp.VerifierBuilder(roots=list(roots), nonce=nonce).build()
    verifier.verify(response, imprint.message)
    return Attestation(AttestationKind.EXISTED_BY, int(info.gen_time.timestamp()), name, ASSUMPTIONS)


def _certificates(response: Any) -> list[x509.Certificate]:
    return [x509.load_der_x509_certificate(data) for data in response.signed_data.certificates]


def _signer(response: Any) -> str:
    """Return the subject of the claimed signer; its signature is verified afterwards."""
    (signer,) = response.signed_data.signer_infos
    for certificate in _certificates(response):
        if (certificate.issuer, certificate.serial_number) == (signer.issuer, signer.serial_number):
            return certificate.subject.rfc4514_string()
    raise ReceiptError("time stamp: expected the signer's certificate in it (certReq), got none")


def _require_root(response: Any, roots: Iterable[x509.Certificate]) -> None:
    """Raise `UntrustedError` if the stamp is of an authority without a given root, so that it is not called wrong."""
    subjects = {root.subject for root in roots}
    certificates = _certificates(response)
    if not subjects & {name for c in certificates for name in (c.issuer, c.subject)}:
        issuers = ", ".join(sorted({c.issuer.rfc4514_string() for c in certificates}))
        raise UntrustedError(f"stamped under {issuers or 'no certificate'}: give its root, --tsa-root FILE")
