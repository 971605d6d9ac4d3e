"""did:key of an Ed25519 public key: `did:key:z` ‖ base58btc(ED 01 ‖ 32 bytes) (W3C CCG did:key; multicodec).

Each key has exactly one spelling. Keys of small order are refused, because a signature under one fits every message
and so proves nothing. So are keys in an encoding that is not canonical.
"""

from typing import Final

from streams.errors import SourceKeyError

PUBLIC_BYTES: Final = 32
PREFIX: Final = "did:key:z"
_MULTICODEC: Final = b"\xed\x01"
_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS: Final = {character: value for value, character in enumerate(_ALPHABET)}
_LONGEST: Final = 64
_P: Final = 2**255 - 19
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(text)
    for text in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)
"""Every encoding of the eight points of small order, without the sign bit (RFC 8032 §5.1.3 reads no others)."""


def did_of(public: bytes) -> str:
    """Return the did:key of a public key.

    Args:
        public: Ed25519 public key, 32 bytes.

    Raises:
        SourceKeyError: The key does not have 32 bytes, or is of small order.
    """
    _require_key(public)
    number = int.from_bytes(_MULTICODEC + public, "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return PREFIX + text


def public_of(did: str) -> bytes:
    """Return the public key of a did:key, 32 bytes.

    Raises:
        SourceKeyError: The text is no did:key of an Ed25519 key in its one spelling, or the key is of small order.
    """
    text = did.removeprefix(PREFIX)
    if text == did or not text or len(text) > _LONGEST or any(each not in _DIGITS for each in text):
        raise SourceKeyError(f"expected did:key:z6Mk… (Ed25519, base58btc), got {did[:80]!r}")
    number = 0
    for character in text:
        number = number * 58 + _DIGITS[character]
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    if data[:2] != _MULTICODEC or len(data) != 2 + PUBLIC_BYTES or text.startswith("1"):
        raise SourceKeyError(
            f"expected the did:key of an Ed25519 public key (ED 01 and 32 bytes), got {did[:80]!r}"
        )
    public = data[2:]
    _require_key(public)
    return public


def _require_key(public: bytes) -> None:
    if len(public) != PUBLIC_BYTES:
        raise SourceKeyError(f"expected an Ed25519 public key of {PUBLIC_BYTES} bytes, got {len(public)}")
    y = public[:-1] + bytes([public[-1] & 0x7F])
    if y in _SMALL_ORDER:
        raise SourceKeyError("expected a key of large order: a signature under this one fits every message")
    if int.from_bytes(y, "little") >= _P:
        raise SourceKeyError("expected a key in its canonical encoding, with y below p (RFC 8032 §5.1.3)")
