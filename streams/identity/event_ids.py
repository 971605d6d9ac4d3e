"""Event ids and salts (docs/identity.md): which are random, which are computed, and from what.

- Device: UUIDv7, random, and a random salt. Made once, where the event is born.
- Recording: UUIDv7 of the unshifted `occurred_at` and a digest of where the event stands in the file, so a
  replay that was killed and started again makes the same ids; the salt is an HMAC of the id under the
  deployment's secret.
- Recording of persons (a topic with `pseudonym`): the same, but of the digest veiled under the deployment's
  secret, and `source` names the record by a veiled number: who has the file cannot tell which row an event is.
- Derived: UUIDv8 of the inputs' ids, the rule with its version and the output's index; the salt is a hash
  over the inputs' salts, so whoever lacks those cannot guess it.

Nothing here depends on topic, partition or offset. Ids are text as the envelope wants it: lower case with
hyphens.
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
"""Last field of what a recording's ids are hashed from. Always 0: a recording is played once in a data directory."""
_DERIVED = b"city-derived-event/v1\n"
_DERIVED_SALT = b"city-derived-salt/v1\n"
_RECORDING_SALT = b"city-recording-salt/v1\n"


class Input(NamedTuple):
    """An event that a derived one is made from: its `event_id` (text) and its `salt`."""

    event_id: str
    salt: bytes


@dataclass(frozen=True)
class Rule:
    """A rule's name and version, written `name@version`; another version makes other events."""

    name: str
    version: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name@version`.

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
    def spelled(self) -> bytes:
        """How it goes into the ids of what it makes: u16‖name ‖ u32 version."""
        name = self.name.encode()
        return struct.pack(">H", len(name)) + name + struct.pack(">I", self.version)


def _text(value: bytes) -> str:
    """Write 16 bytes as a UUID."""
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def id_bytes(event_id: str | UUID) -> bytes:
    """Return the 16 bytes of an event id."""
    return event_id.bytes if isinstance(event_id, UUID) else bytes.fromhex(event_id.replace("-", ""))


def _version_7(milliseconds: int, rest: bytes) -> str:
    """Lay out RFC 9562 UUIDv7 from a time and 10 further bytes."""
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError(f"UUIDv7: expected 0 to 2^48 - 1 ms since 1970, got {milliseconds}")
    tail = bytearray(rest[:10])
    tail[0] = 0x70 | tail[0] & 0x0F
    tail[2] = 0x80 | tail[2] & 0x3F
    return _text(milliseconds.to_bytes(6, "big") + tail)


def device_id(now_ms: int | None = None) -> str:
    """Make the id of an event that is born now: UUIDv7, random."""
    return _version_7(time.time_ns() // 1_000_000 if now_ms is None else now_ms, os.urandom(10))


def device_salt() -> bytes:
    """Make the salt of an event that is born now."""
    return os.urandom(SALT_BYTES)


def recording_id(occurred_ms: int, file_digest: bytes, record: int, event: int = 0) -> str:
    """Compute the id of an event of a recording.

    Args:
        occurred_ms: Its time in the recording, not shifted, milliseconds since 1970.
        file_digest: SHA-256 of the whole file, 32 bytes.
        record: Number of the source record in the file, from 1.
        event: Number of the event within its source record, from 0.

    Raises:
        ValueError: The time is before 1970.
    """
    place = struct.pack(">QII", record, event, _LAP)
    return _version_7(occurred_ms, hashlib.sha256(_RECORDING + file_digest + place).digest())


def recording_salt(secret: DeploymentSecret, event_id: str | UUID) -> bytes:
    """Compute the salt of an event of a recording or of a labelled scenario."""
    return secret.mac(_RECORDING_SALT, id_bytes(event_id))[:SALT_BYTES]


def derived_id(inputs: Sequence[str | UUID], rule: Rule, index: int = 0) -> str:
    """Compute the id of a derived event: RFC 9562 UUIDv8.

    Args:
        inputs: Event ids it is made from, in the rule's own fixed order.
        rule: Rule that made it.
        index: Number among what the rule made from the same inputs, from 0.
    """
    return _text(_derived_bytes(list(map(id_bytes, inputs)), rule, index))


def derived_salt(salts: Iterable[bytes], event_id: str | UUID) -> bytes:
    """Compute the salt of a derived event.

    The event's own id goes in as well, so that who may read one of two events derived from the same input
    does not learn the salt of the other.
    """
    return _derived_salt(salts, id_bytes(event_id))


def derived_identity(inputs: Sequence[Input], rule: Rule, index: int = 0) -> tuple[str, bytes]:
    """Compute id and salt of a derived event at once; as `derived_id` and `derived_salt` do."""
    made = _derived_bytes([bytes.fromhex(each[0].replace("-", "")) for each in inputs], rule, index)
    return _text(made), _derived_salt([each[1] for each in inputs], made)


def _derived_bytes(inputs: Sequence[bytes], rule: Rule, index: int) -> bytes:
    spelled = (_DERIVED, len(inputs).to_bytes(4, "big"), *inputs, rule.spelled, index.to_bytes(4, "big"))
    digest = bytearray(hashlib.sha256(b"".join(spelled)).digest()[:16])
    digest[6] = 0x80 | digest[6] & 0x0F
    digest[8] = 0x80 | digest[8] & 0x3F
    return bytes(digest)


def _derived_salt(salts: Iterable[bytes], made: bytes) -> bytes:
    return hashlib.sha256(b"".join((_DERIVED_SALT, *salts, made))).digest()[:SALT_BYTES]


def is_simulated(source: str) -> bool:
    """Whether a source is a recording or a scenario, not the city itself (docs/identity.md#sources)."""
    return source.startswith(("replay:", "scenario:"))


def kind_of(source: str) -> str:
    """Return what a source is: `replay:`, `scenario:`, or nothing for the city itself."""
    return f"{source.partition(':')[0]}:" if is_simulated(source) else ""


def stream_of(source: str) -> str:
    """Return the source without its record number: every recording is its own stream of its subjects."""
    return source.partition("#")[0]
