"""Pseudonyms of persons and keyed digests of recordings of persons."""

import re

from streams.identity.secret import DeploymentSecret

_PSEUDONYM = b"city-pseudonym/v1\n"


_VEIL = b"city-veiled-digest/v1\n"


_VEILED_RECORD = b"city-veiled-record/v1\n"


def pseudonym(secret: DeploymentSecret, domain: str, person: str) -> str:
    """Name a person without naming them: the same person has the same pseudonym within one domain.

    Only who holds the deployment's secret can tell whose it is, and pseudonyms of two domains cannot be joined.

    Args:
        secret: Secret of the data directory.
        domain: Folder name of the domain.
        person: Name under which the source knows the person, such as `nhanes:93703`.
    """
    name = domain.encode()
    message = len(name).to_bytes(4, "big") + name + person.encode()
    return f"p-{secret.mac(_PSEUDONYM, message)[:16].hex()}"


def is_pseudonym(text: str) -> bool:
    """Whether a text is what `pseudonym` makes."""
    return re.fullmatch(r"p-[0-9a-f]{32}", text) is not None


def keyed_digest(secret: DeploymentSecret, digest: bytes) -> bytes:
    """Veil a digest, so that nobody without the secret can try guesses of what it is of."""
    return secret.mac(_VEIL, digest)


def keyed_record(secret: DeploymentSecret, digest: bytes, record: int) -> str:
    """Name a record of a file of persons, so that who has the file cannot tell which row it is."""
    return secret.mac(_VEILED_RECORD, digest + record.to_bytes(8, "big"))[:8].hex()
