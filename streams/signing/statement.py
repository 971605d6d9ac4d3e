r"""What a source signs, and the header `signature` that carries it (ledger_sink/FORMAT.md §10).

    statement  "city-signed-event/v1\n" ‖ u16‖topic ‖ i32‖key ‖ i32‖value ‖ u64 sequence      length -1: null
    header     01 ‖ public key[32] ‖ signature[64]                         signature over the statement
               02 ‖ public key[32] ‖ signature[64] ‖ u32 size ‖ u32 index ‖ n × sibling[32]
                   signature over "city-signed-batch/v1\n" ‖ u32 size ‖ root[32], root of the RFC 6962 tree whose
                   leaf `index` is the statement

Integers are big-endian. Sequence 0: the event has no number. Kafka assigns partition, offset and timestamp, so the
source cannot sign them. The ledger's verifier has its own implementation, `ledger_sink.format.source_signature`. Tests
compare both with `tests/vectors/source_signature.json`.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from streams.errors import SourceSignatureError
from streams.signing.did_key import PUBLIC_BYTES, did_of

SIGNATURE: Final = "signature"
SEQUENCE: Final = "sequence"
EVENT_DOMAIN: Final = b"city-signed-event/v1\n"
BATCH_DOMAIN: Final = b"city-signed-batch/v1\n"
MAX_BATCH: Final = 1 << 16
LAST_NUMBER: Final = (1 << 63) - 1
_SIGNATURE_BYTES = 64
_HASH_BYTES = 32
_SINGLE, _BATCH = b"\x01", b"\x02"
_SIZE_AND_INDEX = Struct(">II")
_HEAD_BYTES = 1 + PUBLIC_BYTES + _SIGNATURE_BYTES


class ProvenanceHeaders(NamedTuple):
    """The provenance headers of a record.

    Attributes:
        signature: Value of the header `signature`, or None.
        sequence: Number in the header `sequence`, from 1, or None.
    """

    signature: bytes | None
    sequence: int | None


NOTHING: Final = ProvenanceHeaders(None, None)


def provenance_headers(headers: Sequence[tuple[str, bytes | None]] | None) -> ProvenanceHeaders:
    """Return the provenance headers of a record.

    Args:
        headers: All headers of the record, names and raw values.

    Raises:
        SourceSignatureError: A header stands twice, or the number is malformed.
    """
    signature: bytes | None = None
    sequence: int | None = None
    for name, content in headers or ():
        if name == SIGNATURE:
            if signature is not None:
                raise SourceSignatureError("expected one header `signature`, there are more")
            signature = content or b""
        elif name == SEQUENCE:
            if sequence is not None:
                raise SourceSignatureError("expected one header `sequence`, there are more")
            sequence = number_of(content or b"")
    return NOTHING if signature is None and sequence is None else ProvenanceHeaders(signature, sequence)


def number_of(content: bytes) -> int:
    """Return the number in a header `sequence`: 1 to 2^63 - 1, decimal, without a leading zero.

    Raises:
        SourceSignatureError: The content is malformed.
    """
    if content.isdigit() and len(content) <= 19 and not content.startswith(b"0"):
        number = int(content)
        if number <= LAST_NUMBER:
            return number
    raise SourceSignatureError(f"sequence: expected a number from 1 to 2^63 - 1, got {content[:40]!r}")


def statement(topic: str, key: bytes | None, value: bytes | None, sequence: int | None = None) -> bytes:
    """Return the statement that a source signs for one record. Different records have different statements.

    Args:
        topic: Topic of the record.
        key: Raw key.
        value: Raw value.
        sequence: Number of the event, or None.
    """
    name = topic.encode()
    return b"".join(
        (
            EVENT_DOMAIN,
            len(name).to_bytes(2, "big"),
            name,
            _nullable(key),
            _nullable(value),
            (sequence or 0).to_bytes(8, "big"),
        )
    )


def batch_statement(size: int, root: bytes) -> bytes:
    """Return the statement that a source signs for a batch.

    Args:
        size: Number of records.
        root: Root of the RFC 6962 tree over their statements, 32 bytes.
    """
    return BATCH_DOMAIN + size.to_bytes(4, "big") + root


def leaf_hash(message: bytes) -> bytes:
    """Return the leaf hash of a statement in its batch's tree (RFC 6962 §2.1)."""
    return sha256(b"\x00" + message).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two child nodes (RFC 6962 §2.1)."""
    return sha256(b"\x01" + left + right).digest()


def signer_of(signature: bytes, message: bytes) -> str:
    """Verify a header `signature` against the statement of its record and return its key.

    Args:
        signature: The header's value.
        message: The record's statement.

    Returns:
        The did:key of the key that signed. Whether that key may sign for the source is not checked.

    Raises:
        SourceSignatureError: The header is malformed, or the signature does not fit the record.
    """
    version, public, signature_bytes = (
        signature[:1],
        signature[1 : 1 + PUBLIC_BYTES],
        signature[1 + PUBLIC_BYTES : _HEAD_BYTES],
    )
    if len(signature) < _HEAD_BYTES or version not in (_SINGLE, _BATCH):
        raise SourceSignatureError(
            f"signature: expected version 01 or 02 and at least {_HEAD_BYTES} bytes, got {len(signature)} bytes"
            f" of version {version.hex() or 'none'}"
        )
    did = _did(public)
    if version == _SINGLE:
        if len(signature) != _HEAD_BYTES:
            raise SourceSignatureError(f"signature: expected {_HEAD_BYTES} bytes, got {len(signature)}")
        fits = _fits(public, signature_bytes, message)
    else:
        size, root = _root(signature[_HEAD_BYTES:], message)
        fits = _batch_fits(public, signature_bytes, batch_statement(size, root))
    if not fits:
        raise SourceSignatureError(f"the signature of {did} does not fit the record")
    return did


def _root(proof: bytes, message: bytes) -> tuple[int, bytes]:
    """Return size and root of a batch from a statement and its path, which must have the right length."""
    if len(proof) < _SIZE_AND_INDEX.size or (len(proof) - _SIZE_AND_INDEX.size) % _HASH_BYTES:
        raise SourceSignatureError(f"signature: a batch's path of {len(proof)} bytes is cut")
    size, index = _SIZE_AND_INDEX.unpack_from(proof)
    if not (index < size <= MAX_BATCH):
        raise SourceSignatureError(
            f"signature: expected a batch of at most {MAX_BATCH} and an index in it, got {index} of {size}"
        )
    path = [proof[at : at + _HASH_BYTES] for at in range(_SIZE_AND_INDEX.size, len(proof), _HASH_BYTES)]
    node, last, joined = index, size - 1, leaf_hash(message)
    for sibling in path:
        if last == 0:
            raise SourceSignatureError(f"signature: the path of leaf {index} of {size} is too long")
        if node & 1 or node == last:
            joined = node_hash(sibling, joined)
            while not node & 1 and node:  # a last node without a sibling moved up unchanged
                node, last = node >> 1, last >> 1
        else:
            joined = node_hash(joined, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise SourceSignatureError(f"signature: the path of leaf {index} of {size} is too short")
    return size, joined


@lru_cache(maxsize=4096)
def _did(public: bytes) -> str:
    return did_of(public)


@lru_cache(maxsize=1024)
def _batch_fits(public: bytes, signature_bytes: bytes, message: bytes) -> bool:
    """Verify a batch's signature once, not for each of its records."""
    return _fits(public, signature_bytes, message)


def _fits(public: bytes, signature_bytes: bytes, message: bytes) -> bool:
    try:
        _key(public).verify(signature_bytes, message)
    except (InvalidSignature, ValueError):  # ValueError: 32 bytes that are no point
        return False
    return True


@lru_cache(maxsize=4096)
def _key(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


def _nullable(data: bytes | None) -> bytes:
    return b"\xff\xff\xff\xff" if data is None else len(data).to_bytes(4, "big") + data
