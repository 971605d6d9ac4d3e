"""Event ids and salts, random or computed (docs/identity.md).

- Device: a random UUIDv7 and a random salt, made once where the event originates.
- Recording: UUIDv7 of the unshifted `occurred_at` and a digest of the event's position in the file. So a replay that
  was killed and started again makes the same ids. The salt is an HMAC of the id under the deployment secret.
- Recording of persons (a topic with `pseudonym`): the same, but from a keyed digest of the file, and `source` names the
  record by a keyed digest. So a holder of the file cannot find the row of an event.
- Derived: UUIDv8 of the inputs' ids, the rule with its version and the output's index. The salt is a hash over the
  inputs' salts, so nobody without those can guess it.

Nothing depends on topic, partition or offset. Ids are text in lower case with hyphens, as in the envelope.
"""

import hashlib
import os
import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self
from uuid import UUID

from streams.errors import DeclarationError
from streams.identity.secret import DeploymentSecret

SALT_BYTES = 16
_RECORDING = b"city-recording-event/v1\n"
_LAP = 0
"""Last field of the hash input of a recording's ids. Always 0: a recording is played once in a data directory."""
_DERIVED = b"city-derived-event/v1\n"
_DERIVED_SALT = b"city-derived-salt/v1\n"
_RECORDING_SALT = b"city-recording-salt/v1\n"


class Input(NamedTuple):
    """An event from which another is derived.

    Attributes:
        event_id: Its id as text.
        salt: Its salt, 16 bytes.
    """

    event_id: str
    salt: bytes


@dataclass(frozen=True)
class Rule:
    """The name and version of a rule, written `name@version`. Another version derives other events."""

    name: str
    version: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the rule of a text `name@version`.

        Raises:
            DeclarationError: There is no name, or the version is not a positive whole number.
        """
        name, _, version = text.partition("@")
        if not name or not version.isascii() or not version.isdigit() or int(version) < 1:
            raise DeclarationError(f"rule: expected name@version with a version from 1, got {text!r}")
        return cls(name, int(version))

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"

    @cached_property
    def encoded(self) -> bytes:
        """The encoding in derived event ids: u16‖name ‖ u32 version, big-endian."""
        name = self.name.encode()
        return struct.pack(">H", len(name)) + name + struct.pack(">I", self.version)


def _text(value: bytes) -> str:
    """Return 16 bytes as the text of a UUID."""
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def id_bytes(event_id: str | UUID) -> bytes:
    """Return the 16 bytes of an event id."""
    return event_id.bytes if isinstance(event_id, UUID) else bytes.fromhex(event_id.replace("-", ""))


def _version_7(milliseconds: int, rest: bytes) -> str:
    """Return the UUIDv7 (RFC 9562) of a time and 10 further bytes."""
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError(f"UUIDv7: expected 0 to 2^48 - 1 ms since 1970, got {milliseconds}")
    tail = bytearray(rest[:10])
    tail[0] = 0x70 | tail[0] & 0x0F
    tail[2] = 0x80 | tail[2] & 0x3F
    return _text(milliseconds.to_bytes(6, "big") + tail)


def device_id(now_ms: int | None = None) -> str:
    """Return the id of a new event: a random UUIDv7.

    Args:
        now_ms: Time of the event, milliseconds since 1970; None: now.
    """
    return _version_7(time.time_ns() // 1_000_000 if now_ms is None else now_ms, os.urandom(10))


def device_salt() -> bytes:
    """Return the salt of a new event: 16 random bytes."""
    return os.urandom(SALT_BYTES)


def recording_id(occurred_ms: int, file_digest: bytes, record: int, event: int = 0) -> str:
    """Return the id of an event of a recording: UUIDv7.

    Args:
        occurred_ms: Unshifted time of the event, milliseconds since 1970.
        file_digest: SHA-256 of the whole file, 32 bytes.
        record: Number of the source record in the file, from 1.
        event: Number of the event within its source record, from 0.

    Raises:
        ValueError: The time is before 1970, or 2^48 ms or more after it.
    """
    position = struct.pack(">QII", record, event, _LAP)
    return _version_7(occurred_ms, hashlib.sha256(_RECORDING + file_digest + position).digest())


def recording_salt(secret: DeploymentSecret, event_id: str | UUID) -> bytes:
    """Return the salt of an event of a recording or scenario: 16 bytes of an HMAC under the deployment secret."""
    return secret.mac(_RECORDING_SALT, id_bytes(event_id))[:SALT_BYTES]


def derived_id(inputs: Sequence[str | UUID], rule: Rule, index: int = 0) -> str:
    """Return the id of a derived event: UUIDv8 (RFC 9562).

    Args:
        inputs: Ids of the events it is derived from, in the rule's own fixed order.
        rule: Rule that derived it.
        index: Number of the output among those of the same inputs, from 0.
    """
    return _text(_derived_bytes(list(map(id_bytes, inputs)), rule, index))


def derived_salt(salts: Iterable[bytes], event_id: str | UUID) -> bytes:
    """Return the salt of a derived event, 16 bytes.

    The hash includes the event's own id. So a reader of one of two events derived from the same input does not learn
    the salt of the other.

    Args:
        salts: Salts of the inputs, in their order.
        event_id: Id of the derived event.
    """
    return _derived_salt(salts, id_bytes(event_id))


def derived_identity(inputs: Sequence[Input], rule: Rule, index: int = 0) -> tuple[str, bytes]:
    """Return id and salt of a derived event, equal to those of `derived_id` and `derived_salt`."""
    made = _derived_bytes([bytes.fromhex(each[0].replace("-", "")) for each in inputs], rule, index)
    return _text(made), _derived_salt([each[1] for each in inputs], made)


def _derived_bytes(inputs: Sequence[bytes], rule: Rule, index: int) -> bytes:
    fields = (_DERIVED, len(inputs).to_bytes(4, "big"), *inputs, rule.encoded, index.to_bytes(4, "big"))
    digest = bytearray(hashlib.sha256(b"".join(fields)).digest()[:16])
    digest[6] = 0x80 | digest[6] & 0x0F
    digest[8] = 0x80 | digest[8] & 0x3F
    return bytes(digest)


def _derived_salt(salts: Iterable[bytes], made: bytes) -> bytes:
    return hashlib.sha256(b"".join((_DERIVED_SALT, *salts, made))).digest()[:SALT_BYTES]


def is_simulated(source: str) -> bool:
    """Return whether a source is a recording or a scenario, not the city itself (docs/identity.md#sources)."""
    return source.startswith(("replay:", "scenario:"))


def kind_of(source: str) -> str:
    """Return the kind of a source: `replay:`, `scenario:`, or an empty text for the city itself."""
    return f"{source.partition(':')[0]}:" if is_simulated(source) else ""


def stream_of(source: str) -> str:
    """Return the source without its record number: every recording is its own stream of its subjects."""
    return source.partition("#")[0]
