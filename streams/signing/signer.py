"""The private key of a source: made once, kept in a 0600 file, used to sign single events or batches.

A device signs each event. A gateway collects events and signs the root of their Merkle tree once; each record carries
its path, so that it can be verified alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from streams.durable_files import create_once
from streams.errors import SourceKeyError
from streams.signing.did_key import did_of
from streams.signing.statement import MAX_BATCH, batch_statement, leaf_hash, node_hash

_LARGEST_FILE: Final = 10_000


class Signer:
    """A private key that signs statements (`statement.py`).

    Args:
        key: Ed25519 private key.

    Attributes:
        public: The public key, 32 bytes.
        did: The did:key under which the city registers the source.
    """

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.did = did_of(self.public)

    @classmethod
    def create(cls, path: Path) -> "Signer":
        """Generate a key and write it to a new file (PKCS #8 PEM, 0600).

        Raises:
            SourceKeyError: The file exists; a key is never replaced.
        """
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        if path.exists() or create_once(path, pem) != pem:
            raise SourceKeyError(f"{path}: exists; name a new file, a source's key is never replaced")
        return cls(key)

    @classmethod
    def load(cls, path: Path) -> "Signer":
        """Read a key file.

        Raises:
            SourceKeyError: The file cannot be read, or holds no Ed25519 private key in PEM without a password.
        """
        try:
            with path.open("rb") as file:
                key = load_pem_private_key(file.read(_LARGEST_FILE), None)
        except OSError as error:
            raise SourceKeyError(f"{path}: {(error.strerror or str(error)).lower()}") from error
        except (ValueError, TypeError):
            raise SourceKeyError(f"{path}: expected a private key in PEM without a password") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise SourceKeyError(f"{path}: expected an Ed25519 key, got {type(key).__name__}")
        return cls(key)

    def sign(self, message: bytes) -> bytes:
        """Return the header `signature` of one statement (ledger_sink/FORMAT.md §10)."""
        return b"\x01" + self.public + self._key.sign(message)

    def sign_batch(self, messages: Sequence[bytes]) -> list[bytes]:
        """Return the headers `signature` of a batch of statements, in its order, with one signature for all.

        Raises:
            SourceKeyError: There are more than 65,536 statements.
        """
        if not messages:
            return []
        size = len(messages)
        if size > MAX_BATCH:
            raise SourceKeyError(f"expected a batch of at most {MAX_BATCH} events, got {size}")
        levels = [[leaf_hash(each) for each in messages]]
        while len(levels[-1]) > 1:
            below = levels[-1]
            pairs = [node_hash(left, right) for left, right in zip(below[::2], below[1::2], strict=False)]
            levels.append(pairs + ([below[-1]] if len(below) % 2 else []))
        signature_bytes = self._key.sign(batch_statement(size, levels[-1][0]))
        head = b"\x02" + self.public + signature_bytes + size.to_bytes(4, "big")
        return [head + index.to_bytes(4, "big") + _path(levels, index) for index in range(size)]


def _path(levels: Sequence[Sequence[bytes]], index: int) -> bytes:
    """Return the siblings on the way from a leaf to the root. A node without a sibling moves up unchanged."""
    path = b""
    for level in levels[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path += level[sibling]
        index >>= 1
    return path
