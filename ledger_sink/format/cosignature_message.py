"""The bytes of a cosignature of type `04`, and the message that they sign (C2SP tlog-cosignature, Ed25519)."""

from ledger_sink.format.ed25519 import SIGNATURE_BYTES
from ledger_sink.format.errors import CosignatureFormatError
from ledger_sink.format.scan import MAX_SIZE


def cosigned_message(text: str, time_s: int) -> bytes:
    """Return the message of a `04` cosignature: two lines, then the whole text (C2SP tlog-cosignature).

    Args:
        text: the note's text, final newline included.
        time_s: time of the cosignature, in POSIX seconds.
    """
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def split_cosignature(signature: bytes) -> tuple[int, bytes]:
    """Split the bytes of a `04` signature into its time in POSIX seconds and the Ed25519 signature.

    Raises:
        CosignatureFormatError: if the length is not 8 + 64 bytes or the time is beyond 2^63 - 1.
    """
    if len(signature) != 8 + SIGNATURE_BYTES:
        raise CosignatureFormatError(f"cosignature: expected 72 bytes, got {len(signature)}")
    time_s = int.from_bytes(signature[:8], "big")
    if time_s > MAX_SIZE:
        raise CosignatureFormatError(f"cosignature: expected a time of at most {MAX_SIZE}, got {time_s}")
    return time_s, signature[8:]
