r"""The signature of a record's source, in the record's own headers (FORMAT.md §10).

    statement  "city-signed-event/v1\n" ‖ u16‖topic ‖ i32‖key ‖ i32‖value ‖ u64 sequence      length -1: null
    header     01 ‖ public key[32] ‖ signature[64]                           signed: the statement
               02 ‖ public key[32] ‖ signature[64] ‖ u32 size ‖ u32 index ‖ n × hash[32]
                   signed: "city-signed-batch/v1\n" ‖ u32 size ‖ root[32] of the tree whose leaf is the statement

The key is named as did:key. A valid signature shows that the holder of that key produced topic, key, value and
sequence number. The verifier must know from elsewhere whose key it is. The producers' implementation,
`streams/signing/`, shares no code with this one, so that neither repeats the other's errors.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final, Self

from ledger_sink.format.ed25519 import require_public_key, signature_fits
from ledger_sink.format.errors import ProofError, SourceSignatureError
from ledger_sink.format.leaf import CanonicalRecord, RecordHeaders
from ledger_sink.format.merkle import leaf_hash, node_hash
from ledger_sink.format.scan import HASH_BYTES

SIGNATURE_HEADER: Final = "signature"
SEQUENCE_HEADER: Final = "sequence"
EVENT_DOMAIN: Final = b"city-signed-event/v1\n"
BATCH_DOMAIN: Final = b"city-signed-batch/v1\n"
MAX_BATCH: Final = 65_536
MAX_SEQUENCE: Final = 2**63 - 1

_HEAD = Struct(">B32s64s")
_BATCH_POSITION = Struct(">II")
_DID = "did:key:z"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519_PUB = bytes((0xED, 0x01))  # code of ed25519-pub in the multicodec table, as unsigned varint
_KEY_CHARACTERS = 47  # length of 34 bytes that begin with ED 01, in base58btc


@dataclass(frozen=True, slots=True)
class SourceSignature:
    """A parsed header `signature`.

    Attributes:
        public_key: the Ed25519 public key, 32 bytes.
        signature: the Ed25519 signature, 64 bytes.
        size: number of records in the batch; 0 for a record signed alone.
        index: index of the record in the batch, from 0.
        path: sibling hashes up to the batch's root, the record's own sibling first.
    """

    public_key: bytes
    signature: bytes
    size: int = 0
    index: int = 0
    path: tuple[bytes, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse the header's value to its last byte.

        Raises:
            SourceSignatureError: if version or length is wrong, or the key is refused.
        """
        if len(data) < _HEAD.size:
            raise SourceSignatureError(f"signature: expected at least {_HEAD.size} bytes, got {len(data)}")
        version, public, signature = _HEAD.unpack_from(data)
        rest = data[_HEAD.size :]
        did_key(public)
        if version == 1 and not rest:
            return cls(public, signature)
        if (
            version != 2
            or len(rest) < _BATCH_POSITION.size
            or (len(rest) - _BATCH_POSITION.size) % HASH_BYTES
        ):
            raise SourceSignatureError(
                f"signature: expected version 1 of {_HEAD.size} bytes or version 2 with a whole path, got"
                f" version {version} of {len(data)} bytes"
            )
        size, index = _BATCH_POSITION.unpack_from(rest)
        if not 0 <= index < size <= MAX_BATCH:
            raise SourceSignatureError(f"signature: {index} of {size} is no place in a batch of {MAX_BATCH}")
        path = tuple(rest[at : at + HASH_BYTES] for at in range(_BATCH_POSITION.size, len(rest), HASH_BYTES))
        return cls(public, signature, size, index, path)

    @property
    def did(self) -> str:
        """Return the key as did:key."""
        return did_key(self.public_key)

    def verify(self, statement: bytes) -> None:
        """Verify that this signature covers a statement.

        Args:
            statement: the bytes of `event_statement`.

        Raises:
            SourceSignatureError: if it does not.
        """
        try:
            signed = self._batch(statement) if self.size else statement
        except ProofError:
            raise SourceSignatureError(f"the signature of {self.did} does not fit the record") from None
        if not signature_fits(self.public_key, self.signature, signed):
            raise SourceSignatureError(f"the signature of {self.did} does not fit the record")

    def _batch(self, statement: bytes) -> bytes:
        root = root_of_path(leaf_hash(statement), self.index, self.size, self.path)
        return BATCH_DOMAIN + self.size.to_bytes(4, "big") + root


@dataclass(frozen=True, slots=True)
class SourceHeaders:
    """The provenance headers of a record; each is `None` where the record has none."""

    signature: SourceSignature | None
    sequence: int | None


def source_headers(headers: RecordHeaders) -> SourceHeaders:
    """Parse the headers `signature` and `sequence`.

    Raises:
        SourceSignatureError: if one of them occurs twice or is malformed.
    """
    marks = [content or b"" for name, content in headers if name == SIGNATURE_HEADER]
    numbers = [content or b"" for name, content in headers if name == SEQUENCE_HEADER]
    if len(marks) > 1 or len(numbers) > 1:
        raise SourceSignatureError("expected at most one header `signature` and one `sequence`")
    return SourceHeaders(
        SourceSignature.parse(marks[0]) if marks else None, _sequence(numbers[0]) if numbers else None
    )


def verified_source(record: CanonicalRecord) -> SourceHeaders:
    """Parse a record's provenance headers and verify its signature over the record, if it has one.

    Raises:
        SourceSignatureError: if a header is malformed or the signature is wrong.
    """
    found = source_headers(record.headers)
    if found.signature is not None:
        found.signature.verify(event_statement(record.topic, record.key, record.value, found.sequence))
    return found


def event_statement(topic: str, key: bytes | None, value: bytes | None, sequence: int | None) -> bytes:
    """Return the statement that a source signs for one record; `None` as sequence is encoded as 0."""
    name = topic.encode()
    parts = [EVENT_DOMAIN, len(name).to_bytes(2, "big"), name]
    for data in (key, value):
        length = -1 if data is None else len(data)
        parts += (length.to_bytes(4, "big", signed=True), data or b"")
    return b"".join([*parts, (sequence or 0).to_bytes(8, "big")])


def root_of_path(leaf: bytes, index: int, size: int, path: tuple[bytes, ...]) -> bytes:
    """Return the root that an inclusion path leads to (RFC 9162 §2.1.3.2).

    Args:
        leaf: the leaf's hash.
        index: index of the leaf, from 0.
        size: number of leaves of the tree.
        path: sibling hashes, the leaf's own first.

    Raises:
        ProofError: if the path's length is wrong for that index and size.
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
    """Encode an Ed25519 public key as did:key (multibase z, base58btc, multicodec ED 01).

    Raises:
        SourceSignatureError: if `ed25519.require_public_key` refuses the key.
    """
    require_public_key(public, SourceSignatureError, "key of a source")
    number = int.from_bytes(_ED25519_PUB + public, "big")
    places = (number // 58**place % 58 for place in reversed(range(_KEY_CHARACTERS)))
    return _DID + "".join(_BASE58[digit] for digit in places)


def parse_did_key(text: str) -> bytes:
    """Return the 32-byte public key of a did:key.

    Raises:
        SourceSignatureError: if the text is not the canonical did:key of an Ed25519 key.
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
