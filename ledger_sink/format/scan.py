"""Strict parsers of the text elements that all formats share: base64, decimals, lines.

Each value has one encoding, so that bytes can be compared and hashed: canonical base64 without line breaks
(RFC 4648 §4, §3.5), decimals without leading zeros, lines that end in U+000A only. Each parser takes the error
class to raise and the name of the field, `what`, for its message.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final

from ledger_sink.format.errors import FormatError

HASH_BYTES: Final = 32
MAX_SIZE: Final = 2**63 - 1
"""Largest tree size and timestamp: both must fit a signed 64-bit integer in any implementation."""
MAX_PROOF_HASHES: Final = 63
_NO_TEXT: Final = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")
"""Control characters except U+000A, and surrogates, which UTF-8 cannot encode."""


def excerpt(value: str | bytes, limit: int = 80) -> str:
    """Return a short, printable form of untrusted input for an error message."""
    text = ascii(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(value)} long)"


def base64_text(data: bytes) -> str:
    """Encode bytes in standard, padded base64 (RFC 4648 §4)."""
    return b64encode(data).decode("ascii")


def base64_bytes(text: str, error: type[FormatError], what: str) -> bytes:
    """Decode standard, padded, canonical base64: no white space, no stray bits after the last byte.

    Raises:
        FormatError: of the given class, if the text has any other form.
    """
    try:
        data = b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise error(f"{what}: expected standard base64, got {excerpt(text)}") from None
    if b64encode(data).decode("ascii") != text:
        raise error(f"{what}: expected canonical base64, got {excerpt(text)}")
    return data


def hash_bytes(text: str, error: type[FormatError], what: str) -> bytes:
    """Decode one base64 SHA-256 hash of exactly 32 bytes; errors as of `base64_bytes`."""
    data = base64_bytes(text, error, what)
    if len(data) != HASH_BYTES:
        raise error(f"{what}: expected a hash of 32 bytes, got {len(data)}")
    return data


def decimal(text: str, error: type[FormatError], what: str, largest: int = MAX_SIZE) -> int:
    """Parse an ASCII decimal without sign or leading zeros, at most `largest`; errors as of `base64_bytes`."""
    well_formed = text.isascii() and text.isdigit() and len(text) <= 20 and (text == "0" or text[0] != "0")
    if not well_formed:
        raise error(f"{what}: expected a decimal without leading zeros, got {excerpt(text)}")
    value = int(text)
    if value > largest:
        raise error(f"{what}: expected at most {largest}, got {value}")
    return value


def text_lines(data: bytes, error: type[FormatError], what: str) -> list[str]:
    r"""Split UTF-8 text whose lines all end in U+000A; no other control character may occur."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise error(f"{what}: expected UTF-8, byte {problem.start} is not") from None
    return text_of_lines(text, error, what)


def text_of_lines(text: str, error: type[FormatError], what: str) -> list[str]:
    """Split text whose lines all end in U+000A and that UTF-8 can encode (C2SP signed-note, "Format")."""
    if not text.endswith("\n"):
        raise error(f"{what}: expected a newline at the end")
    wrong = _NO_TEXT.search(text)
    if wrong is not None:
        raise error(f"{what}: control character or surrogate U+{ord(wrong[0]):04X} is not allowed")
    return text.split("\n")[:-1]


def proof_hashes(lines: Sequence[str], error: type[FormatError], what: str) -> tuple[bytes, ...]:
    """Decode the hash lines of a proof, at most 63."""
    if len(lines) > MAX_PROOF_HASHES:
        raise error(f"{what}: expected at most {MAX_PROOF_HASHES} proof lines, got {len(lines)}")
    return tuple(hash_bytes(line, error, f"{what} proof line {i}") for i, line in enumerate(lines))
