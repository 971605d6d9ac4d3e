r"""Who produced a record: the signature of its source, in the record's own headers (FORMAT.md §10).

    statement  "city-signed-event/v1\n" ‖ u16‖topic ‖ i32‖key ‖ i32‖value ‖ u64 sequence      length -1: null
    header     01 ‖ public key[32] ‖ signature[64]                           signed: the statement
               02 ‖ public key[32] ‖ signature[64] ‖ u32 size ‖ u32 index ‖ n × hash[32]
                   signed: "city-signed-batch/v1\n" ‖ u32 size ‖ root[32] of the tree whose leaf is the statement

The key is a did:key. A signature that fits shows that the holder of that key produced topic, key, value and number;
whose key it is, the verifier must know from elsewhere. Written apart from the producers' implementation, on purpose.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ledger_sink.format.errors import ProofError, SourceSignatureError
from ledger_sink.format.leaf import CanonicalRecord, Headers
from ledger_sink.format.merkle import leaf_hash, node_hash
from ledger_sink.format.scan import HASH_BYTES

SIGNATURE_HEADER: Final = "signature"
SEQUENCE_HEADER: Final = "sequence"
EVENT_DOMAIN: Final = b"city-signed-event/v1\n"
BATCH_DOMAIN: Final = b"city-signed-batch/v1\n"
MAX_BATCH: Final = 65_536
MAX_SEQUENCE: Final = 2**63 - 1

_HEAD = Struct(">B32s64s")
_PLACE = Struct(">II")
_DID = "did:key:z"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519_PUB = bytes((0xED, 0x01))  # multicodec table, as unsigned varint
_KEY_CHARACTERS = 47  # what base58btc needs for 34 bytes that begin with ED 01
_P = 2**255 - 19
_TORSION_Y: Final = frozenset(
    {
        0,
        1,
        _P - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)
"""The y of the eight points whose order divides 8: a signature under one of them fits every message."""


@dataclass(frozen=True, slots=True)
class SourceSignature:
    """A parsed header `signature`.

    Attributes:
        public: the 32 bytes of the Ed25519 public key.
        mark: the 64 bytes of the signature.
        size: how many records the batch has; 0: the record was signed by itself.
        index: the record's place in the batch.
        path: its siblings up to the batch's root, its own first.
    """

    public: bytes
    mark: bytes
    size: int = 0
    index: int = 0
    path: tuple[bytes, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the header's value to its last byte.

        Raises:
            SourceSignatureError: if the version is another, it is cut or too long, or the key is not to be used.
        """
        if len(data) < _HEAD.size:
            raise SourceSignatureError(f"signature: expected at least {_HEAD.size} bytes, got {len(data)}")
        version, public, mark = _HEAD.unpack_from(data)
        rest = data[_HEAD.size :]
        did_key(public)
        if version == 1 and not rest:
            return cls(public, mark)
        if version != 2 or len(rest) < _PLACE.size or (len(rest) - _PLACE.size) % HASH_BYTES:
            raise SourceSignatureError(
                f"signature: expected version 1 of {_HEAD.size} bytes or version 2 with a whole path, got"
                f" version {version} of {len(data)} bytes"
            )
        size, index = _PLACE.unpack_from(rest)
        if not 0 <= index < size <= MAX_BATCH:
            raise SourceSignatureError(f"signature: {index} of {size} is no place in a batch of {MAX_BATCH}")
        path = tuple(rest[at : at + HASH_BYTES] for at in range(_PLACE.size, len(rest), HASH_BYTES))
        return cls(public, mark, size, index, path)

    @property
    def did(self) -> str:
        """The key as did:key."""
        return did_key(self.public)

    def verify(self, statement: bytes) -> None:
        """Demand that this signature is over the statement.

        Raises:
            SourceSignatureError: if it is not.
        """
        try:
            signed = self._batch(statement) if self.size else statement
            Ed25519PublicKey.from_public_bytes(self.public).verify(self.mark, signed)
        except (InvalidSignature, ValueError, ProofError):
            raise SourceSignatureError(f"the signature of {self.did} does not fit the record") from None

    def _batch(self, statement: bytes) -> bytes:
        root = root_of_path(leaf_hash(statement), self.index, self.size, self.path)
        return BATCH_DOMAIN + self.size.to_bytes(4, "big") + root


@dataclass(frozen=True, slots=True)
class SourceHeaders:
    """What a record's headers say of its origin, each None where it says nothing."""

    signature: SourceSignature | None
    sequence: int | None


def source_headers(headers: Headers) -> SourceHeaders:
    """Read the headers `signature` and `sequence`.

    Raises:
        SourceSignatureError: if one of them stands there twice or is malformed.
    """
    marks = [content or b"" for name, content in headers if name == SIGNATURE_HEADER]
    numbers = [content or b"" for name, content in headers if name == SEQUENCE_HEADER]
    if len(marks) > 1 or len(numbers) > 1:
        raise SourceSignatureError("expected at most one header `signature` and one `sequence`")
    return SourceHeaders(
        SourceSignature.parse(marks[0]) if marks else None, _sequence(numbers[0]) if numbers else None
    )


def verified_source(record: CanonicalRecord) -> SourceHeaders:
    """Read a record's headers, and demand that its signature, if it has one, is over the record.

    Raises:
        SourceSignatureError: if a header is malformed or the signature does not fit.
    """
    found = source_headers(record.headers)
    if found.signature is not None:
        found.signature.verify(event_statement(record.topic, record.key, record.value, found.sequence))
    return found


def event_statement(topic: str, key: bytes | None, value: bytes | None, sequence: int | None) -> bytes:
    """Spell what a source signs of one record."""
    name = topic.encode()
    parts = [EVENT_DOMAIN, len(name).to_bytes(2, "big"), name]
    for data in (key, value):
        length = -1 if data is None else len(data)
        parts += (length.to_bytes(4, "big", signed=True), data or b"")
    return b"".join([*parts, (sequence or 0).to_bytes(8, "big")])


def root_of_path(leaf: bytes, index: int, size: int, path: tuple[bytes, ...]) -> bytes:
    """Compute the root to which an inclusion path leads (RFC 9162 §2.1.3.2).

    Raises:
        ProofError: if the path has another length than this place has.
    """
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    if len(path) != inner + border:
        raise ProofError(f"inclusion: expected {inner + border} proof hashes, got {len(path)}")
    for level, sibling in enumerate(path):
        on_the_right = level >= inner or index >> level & 1
        leaf = node_hash(sibling, leaf) if on_the_right else node_hash(leaf, sibling)
    return leaf


def did_key(public: bytes) -> str:
    """Spell an Ed25519 public key as did:key (multibase z, base58btc, multicodec ED 01).

    Raises:
        SourceSignatureError: if it has not 32 bytes, or is of small order.
    """
    if len(public) != 32:
        raise SourceSignatureError(f"expected an Ed25519 public key of 32 bytes, got {len(public)}")
    if int.from_bytes(public, "little") % 2**255 % _P in _TORSION_Y:
        raise SourceSignatureError("the public key is of small order: every message fits its signatures")
    number = int.from_bytes(_ED25519_PUB + public, "big")
    places = (number // 58**place % 58 for place in reversed(range(_KEY_CHARACTERS)))
    return _DID + "".join(_BASE58[digit] for digit in places)


def parse_did_key(text: str) -> bytes:
    """Read the public key out of a did:key.

    Raises:
        SourceSignatureError: if it is not the one spelling of an Ed25519 key.
    """
    number = 0
    encoded = text.removeprefix(_DID)
    for character in encoded[: _KEY_CHARACTERS + 1]:
        number = number * 58 + max(_BASE58.find(character), 0)
    public = (number % 2**256).to_bytes(32, "big")
    if did_key(public) != text:
        raise SourceSignatureError(f"expected did:key:z6Mk… of an Ed25519 key, got {text[:80]!a}")
    return public


def _sequence(content: bytes) -> int:
    text = content.decode("ascii", "replace")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    if str(number) != text or not 1 <= number <= MAX_SEQUENCE:
        raise SourceSignatureError(f"sequence: expected 1 to 2^63 - 1 in decimal, got {content[:40]!r}")
    return number
