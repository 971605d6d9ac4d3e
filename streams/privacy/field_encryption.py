"""Personal values, encrypted under a key per subject from the first event on (docs/events.md#personal-values).

- One random AES-256 key per subject, a 0600 file under `<data>/keys/subjects/`, on disk before it is first
  used. File names are HMACs, so a listing names nobody.
- A value travels as `01 ‖ nonce (12) ‖ AES-256-GCM ciphertext and tag`; the plaintext is the Avro
  of the field's natural type. The nonce is HMAC-SHA256 under the subject's key over event id, field and
  plaintext: a repeat is byte-identical, and a corrected value under the same event id never
  meets the same nonce.
- Event id, topic, field and subject are authenticated: a ciphertext moved elsewhere does not open.
- `forget` destroys the key, durably. Topics, tables, backups and proofs stay as they are; nobody can read
  them.

Keys of live processes are checked against the file at each use, so a key erased by one process is gone for
all.
"""

import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.model import Schema, Topic
from schemas.personal_values import clear_value
from streams.durable_files import create_once, destroy
from streams.errors import PersonalFieldError, SubjectForgottenError
from streams.identity.event_ids import id_bytes
from streams.identity.secret import DeploymentSecret, deployment_secret

FORMAT = b"\x01"
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
_NAME = b"city-subject-file/v1\n"
_NONCE = b"city-personal-nonce/v1\n"
_BINDING = b"city-personal/v1\n"


@dataclass(frozen=True)
class FieldLocation:
    """Where a personal value stands; all of it is authenticated with the value."""

    topic: str
    subject: str
    event_id: str | UUID
    field: str

    def binding(self) -> bytes:
        """Return the additional authenticated data."""
        parts = (self.topic.encode(), self.subject.encode(), self.field.encode())
        return _BINDING + id_bytes(self.event_id) + b"".join(len(p).to_bytes(4, "big") + p for p in parts)


def decrypt_event(
    keys: "SubjectKeys", topic: str, schema: Schema, subject: str, event: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an event with its personal fields in clear, for those who hold the keys.

    Args:
        keys: The keys.
        topic: Topic the event stands on.
        schema: Schema the event was written with.
        subject: The record's key.
        event: The event as decoded, personal fields as bytes.

    Raises:
        SubjectForgottenError: The subject's key was erased.
        PersonalFieldError: A field belongs to another event, subject or key.
    """
    opened = dict(event)
    for name in schema.personal:
        if event[name] is not None:
            plain = keys.decrypt(FieldLocation(topic, subject, event["event_id"], name), event[name])
            opened[name] = clear_value(schema, name, plain)
    return opened


class Decryptor:
    """Opens personal values of one topic for a rule that declared that it needs them.

    Args:
        keys: The subjects' keys.
        topic: The topic whose events the rule reads.
    """

    __slots__ = ("_keys", "_topic")

    def __init__(self, keys: "SubjectKeys", topic: Topic) -> None:
        self._keys = keys
        self._topic = topic

    def event(self, key: str, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return an event with its personal fields in clear; None if the person was forgotten."""
        topic = self._topic
        subject = key if topic.subject == topic.key else event[topic.subject] or ""
        try:
            return decrypt_event(self._keys, topic.name, topic.schema, subject, event)
        except SubjectForgottenError:
            return None

    def value(self, subject: str, event_id: str, field: str, sealed: bytes) -> Any:
        """Return one value in clear that the rule kept as it stood on an event; None if the person was forgotten."""
        try:
            plain = self._keys.decrypt(FieldLocation(self._topic.name, subject, event_id, field), sealed)
        except SubjectForgottenError:
            return None
        return clear_value(self._topic.schema, field, plain)


@dataclass(frozen=True)
class _Held:
    """A key in memory, and the file it was read from."""

    identity: tuple[int, int]
    key: bytes
    cipher: AESGCM


class SubjectKeys:
    """The keys of this data directory. Whoever holds this object can read personal values: hand it to few."""

    def __init__(self, keys: Path, secret: DeploymentSecret | None = None) -> None:
        self._folder = keys / "subjects"
        self._secret = secret or deployment_secret(keys)
        self._held: dict[str, tuple[Path, _Held | None]] = {}

    def encrypt(self, place: FieldLocation, plain: bytes) -> bytes:
        """Encrypt a value's bytes under its subject's key, making the key if the subject is new.

        Raises:
            SubjectForgottenError: The subject's key was erased.
        """
        held = self._key(place.subject) or self._create(place.subject)
        binding = place.binding()
        nonce = hmac.digest(held.key, _NONCE + binding + plain, "sha256")[:NONCE_BYTES]
        return FORMAT + nonce + held.cipher.encrypt(nonce, plain, binding)

    def decrypt(self, place: FieldLocation, value: bytes) -> bytes:
        """Open a value that `encrypt` made for the same place.

        Raises:
            SubjectForgottenError: The subject's key was erased, or never was here.
            PersonalFieldError: The bytes are of another place, another key, or no encrypted value.
        """
        if len(value) < len(FORMAT) + NONCE_BYTES + TAG_BYTES or not value.startswith(FORMAT):
            raise PersonalFieldError(f"{place.topic}: {place.field}: not an encrypted value")
        held = self._key(place.subject)
        if held is None:
            raise SubjectForgottenError
        nonce = value[len(FORMAT) : len(FORMAT) + NONCE_BYTES]
        try:
            return held.cipher.decrypt(nonce, value[len(FORMAT) + NONCE_BYTES :], place.binding())
        except InvalidTag:
            raise PersonalFieldError(
                f"{place.topic}: {place.field}: does not open with this subject's key at this event and field"
            ) from None

    def forget(self, subject: str) -> tuple[str, ...]:
        """Erase a subject's key, durably; new values of theirs are refused until `readmit`.

        Returns:
            The names of the keys that were destroyed, never the keys.
        """
        path = self._path(subject)
        create_once(path.with_suffix(".forgotten"), b"")
        self._held.pop(subject, None)
        return (path.stem,) if destroy(path) else ()

    def readmit(self, subject: str) -> None:
        """Let a forgotten subject who asks for it have a new key; what was encrypted before stays closed."""
        destroy(self._path(subject).with_suffix(".forgotten"))

    def knows(self, subject: str) -> bool:
        """Whether the subject has a key now."""
        return self._path(subject).exists()

    def _path(self, subject: str) -> Path:
        held = self._held.get(subject)
        return (
            held[0] if held else self._folder / f"{self._secret.mac(_NAME, subject.encode()).hex()[:40]}.key"
        )

    def _key(self, subject: str) -> _Held | None:
        """Return the key as the disk has it now, or None."""
        path, held = self._held.get(subject) or (self._path(subject), None)
        try:
            stat = os.stat(path)  # noqa: PTH116 - asked for every value; Path.stat costs three times as much
        except FileNotFoundError:
            self._held.pop(subject, None)
            return None
        identity = (stat.st_ino, stat.st_mtime_ns)
        if held is None or held.identity != identity:
            key = path.read_bytes()
            if len(key) != KEY_BYTES or not any(key):
                return None
            held = _Held(identity, key, AESGCM(key))
            self._held[subject] = (path, held)
        return held

    def _create(self, subject: str) -> _Held:
        path = self._path(subject)
        if path.with_suffix(".forgotten").exists():
            raise SubjectForgottenError
        create_once(path, secrets.token_bytes(KEY_BYTES))
        if path.with_suffix(".forgotten").exists():  # forgotten between the look and the creation
            destroy(path)
        held = self._key(subject)
        if held is None:
            raise SubjectForgottenError
        return held
