"""The part of DER that sorts the certificates of a time stamp (RFC 5652 §5.1, X.690 §11.6).

DER sorts the elements of a SET OF. Many authorities, and OpenSSL, write certificates unsorted, which a strict parser
refuses. The signature does not cover them, so sorting a copy changes no signed byte.
"""

from __future__ import annotations

from ledger_sink.receipt.errors import ReceiptError

SEQUENCE, CONTEXT_0 = 0x30, 0xA0


def with_sorted_certificates(response: bytes) -> bytes:
    """Return a `TimeStampResp` with its certificates in DER order and everything else unchanged.

    Raises:
        ReceiptError: if its structure, up to the certificates, is not that of a `TimeStampResp`.
    """
    inside, end = _open(response, 0, SEQUENCE)  # TimeStampResp
    _, token = _element(response, inside)  # status
    if token == end:
        return response  # status is not granted: there is no token
    inside, _ = _open(response, token, SEQUENCE)  # ContentInfo
    _, content = _element(response, inside)  # its type
    inside, _ = _open(response, content, CONTEXT_0)
    at, _ = _open(response, inside, SEQUENCE)  # SignedData
    for _ in range(3):  # version, digestAlgorithms, encapContentInfo
        _, at = _element(response, at)
    if at >= len(response) or response[at] != CONTEXT_0:
        return response  # it holds no certificates
    start, end = _open(response, at, CONTEXT_0)
    certificates = []
    at = start
    while at < end:
        _, after = _element(response, at)
        certificates.append(response[at:after])
        at = after
    if at != end:
        raise ReceiptError("time stamp: its certificates do not fill their field")
    return response[:start] + b"".join(sorted(certificates)) + response[end:]


def _open(data: bytes, at: int, tag: int) -> tuple[int, int]:
    """Return start and end of the content of the element with this tag at an index."""
    if at >= len(data) or data[at] != tag:
        raise ReceiptError(f"time stamp: expected tag {tag:02x} at byte {at}")
    return _element(data, at)


def _element(data: bytes, at: int) -> tuple[int, int]:
    """Return start and end of the content of any element at an index."""
    if at + 2 > len(data) or data[at] & 0x1F == 0x1F:
        raise ReceiptError(f"time stamp: expected a DER element at byte {at}")
    size, start = data[at + 1], at + 2
    if size >= 0x80:
        width = size - 0x80
        size = int.from_bytes(data[start : start + width], "big")
        start += width
        if not 1 <= width <= 4:
            raise ReceiptError(f"time stamp: expected a DER length at byte {at + 1}")
    if start + size > len(data):
        raise ReceiptError(f"time stamp: the element at byte {at} is cut short")
    return start, start + size
