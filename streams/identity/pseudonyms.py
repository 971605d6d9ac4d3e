"""Pseudonyms of persons and keyed digests of recordings of persons."""

import re

from streams.identity.secret import DeploymentSecret

_PSEUDONYM = b"city-pseudonym/v1\n"
_KEYED_DIGEST = b"city-veiled-digest/v1\n"
_KEYED_RECORD = b"city-veiled-record/v1\n"
_KEYED_ORDER = b"city-keyed-order/v1\n"


def pseudonym(secret: DeploymentSecret, domain: str, person: str) -> str:
    """Return the pseudonym of a person, `p-` and 32 hex digits: always the same one within one domain.

    Only a holder of the deployment secret can find the person. Pseudonyms of two domains cannot be joined.

    Args:
        secret: Secret of the deployment.
        domain: Folder name of the domain.
        person: Name under which the source knows the person, such as `nhanes:93703`.
    """
    name = domain.encode()
    message = len(name).to_bytes(4, "big") + name + person.encode()
    return f"p-{secret.mac(_PSEUDONYM, message)[:16].hex()}"


def is_pseudonym(text: str) -> bool:
    """Return whether a text has the form of a pseudonym."""
    return re.fullmatch(r"p-[0-9a-f]{32}", text) is not None


def keyed_digest(secret: DeploymentSecret, digest: bytes) -> bytes:
    """Return the HMAC of a digest, 32 bytes, so that nobody without the secret can test guesses of its content."""
    return secret.mac(_KEYED_DIGEST, digest)


def keyed_record(secret: DeploymentSecret, digest: bytes, record: int) -> str:
    """Return the name of a record of a file of persons, from which a holder of the file cannot find the row.

    Args:
        secret: Secret of the deployment.
        digest: SHA-256 of the file, 32 bytes.
        record: Number of the record, from 1.

    Returns:
        16 hex digits.
    """
    return secret.mac(_KEYED_RECORD, digest + record.to_bytes(8, "big"))[:8].hex()


def keyed_order(secret: DeploymentSecret, digest: bytes, position: int) -> int:
    """Return the number by which an item of a file of persons is ordered among those of the same time.

    Args:
        secret: Secret of the deployment.
        digest: SHA-256 of the file, 32 bytes.
        position: Position of the item in the file, from 0.

    Returns:
        0 to 2^64 - 1.
    """
    return int.from_bytes(secret.mac(_KEYED_ORDER, digest + position.to_bytes(8, "big"))[:8])
