"""Ed25519 public keys of others, and signatures under them (RFC 8032 §5.1).

Libraries differ in the keys that they accept ("Taming the many EdDSAs", eprint 2020/1244). OpenSSL verifies under any
32 bytes that it can decode, also under a key of small order, where one signature fits every message. So every key of
others passes `require_public_key` first:

- 32 bytes, the canonical encoding of a point: y below p, and y on the curve (RFC 8032 §5.1.3);
- not one of the eight points whose order divides 8.

A key with a component of small order is accepted, as RFC 8032 does: only the holder of its secret can sign. The
library refuses signatures with S ≥ L or a non-canonical R, so that nobody can respell a signature.
"""

from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger_sink.format.errors import FormatError

PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SMALL_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        _P - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)
"""The y of the eight points whose order divides 8."""


def require_public_key(public: bytes, error: type[FormatError], what: str) -> None:
    """Check a public key of others before any signature under it is believed.

    Args:
        public: the key.
        error: class of the error.
        what: which key this is, for the message.

    Raises:
        FormatError: of the given class, if the key is not the canonical encoding of a point of large order.
    """
    problem = _problem(public)
    if problem:
        raise error(f"{what}: {problem}; ask its owner for another key")


@lru_cache(maxsize=4096)
def _problem(public: bytes) -> str:
    """Return what is wrong with a key; empty if nothing is."""
    if len(public) != PUBLIC_KEY_BYTES:
        return f"expected an Ed25519 public key of 32 bytes, got {len(public)}"
    y = int.from_bytes(public, "little") & 2**255 - 1
    if y % _P in _SMALL_ORDER_Y:
        return "the public key is of small order: one signature fits every message"
    if y >= _P:
        return "the public key is not in its canonical encoding: its y is not below p"
    # x² = (y² - 1) / (dy² + 1) has a root if the product of both has one (Euler's criterion); 0 is of small order.
    if pow((y * y - 1) * (_D * y * y + 1), (_P - 1) // 2, _P) != 1:
        return "the public key is no point of the curve"
    return ""


def signature_fits(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether a signature is valid; False too for a key or signature that cannot be decoded.

    Args:
        public: a key that `require_public_key` accepts.
        signature: 64 bytes.
        message: what was signed.
    """
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_key_of(seed: bytes) -> bytes:
    """Return the 32-byte public key of a seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
