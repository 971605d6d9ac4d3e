"""Encrypts personal values under one key per subject, from the first event on (docs/events.md#personal-values).

- Each subject has a random AES-256 key: a 0600 file under `<data>/keys/subjects/`, on disk before its first use. File
  names are HMACs, so a listing names nobody.
- An encrypted value is `02 ‖ nonce (12) ‖ AES-256-GCM ciphertext and tag`. The plaintext is the Avro of the field's
  natural type, padded to the field's one length (`padding.py`). No value is encrypted, too: without the key,
  neither lengths nor missing values are visible.
- The nonce is HMAC-SHA256 under the subject's key over event id, field and plaintext. So a repeat is byte-identical,
  and a corrected value under the same event id has another nonce.
- Values of the earlier format, `01` and without padding, are still decrypted.
- Event id, topic, field and subject are authenticated: a ciphertext that is moved elsewhere does not decrypt.
- `forget` destroys the key durably. Topics, tables, backups and proofs stay as they are, and nobody can read them.

A process compares its cached keys with the files at each use. So a key that one process erased is gone for all.
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
from schemas.personal_values import clear_bytes, clear_value, largest_value, may_lack_value
from streams.durable_files import create_once, destroy
from streams.errors import PersonalFieldError, SubjectForgottenError
from streams.identity.event_ids import id_bytes
from streams.identity.secret import DeploymentSecret, deployment_secret
from streams.privacy.padding import pad, unpad

FORMAT = b"\x02"
UNPADDED_FORMAT = b"\x01"
"""First byte of the values of an earlier version."""
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
_NAME = b"city-subject-file/v1\n"
_NONCE = b"city-personal-nonce/v1\n"
_BINDING = {UNPADDED_FORMAT: b"city-personal/v1\n", FORMAT: b"city-personal/v2\n"}


@dataclass(frozen=True)
class FieldLocation:
    """The location of a personal value. All of it is authenticated with the value.

    Attributes:
        topic: Topic of the event.
        subject: Subject whose key encrypts the value.
        event_id: Id of the event.
        field: Name of the field.
    """

    topic: str
    subject: str
    event_id: str | UUID
    field: str

    def binding(self, form: bytes = FORMAT) -> bytes:
        """Return the additional authenticated data of AES-GCM.

        Args:
            form: First byte of the value.
        """
        parts = (self.topic.encode(), self.subject.encode(), self.field.encode())
        return (
            _BINDING[form] + id_bytes(self.event_id) + b"".join(len(p).to_bytes(4, "big") + p for p in parts)
        )


def encrypt_event(
    keys: "SubjectKeys", topic: str, schema: Schema, subject: str, event: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an event with each of its personal fields encrypted, whether it has a value or not.

    A field that must have a value and has none stays as it is: the codec refuses the event.

    Args:
        keys: The subjects' keys.
        topic: Topic of the event.
        schema: Schema of the event.
        subject: Whose values these are.
        event: The event with its personal fields in clear.

    Raises:
        EventError: A value does not fit its field's type.
        SubjectForgottenError: The subject's key was erased.
    """
    encrypted = dict(event)
    for name in schema.personal:
        value = event.get(name)
        if value is None and not may_lack_value(schema, name):
            continue
        plain = None if value is None else clear_bytes(schema, name, value)
        location = FieldLocation(topic, subject, event["event_id"], name)
        encrypted[name] = keys.encrypt(location, plain, largest_value(schema, name))
    return encrypted


def decrypt_event(
    keys: "SubjectKeys", topic: str, schema: Schema, subject: str, event: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an event with its personal fields in clear.

    Args:
        keys: The subjects' keys.
        topic: Topic of the event.
        schema: Schema that the event was written with.
        subject: The record's key.
        event: The event as decoded, personal fields as bytes.

    Raises:
        SubjectForgottenError: The subject's key was erased.
        PersonalFieldError: A field belongs to another event, subject or key.
    """
    decrypted = dict(event)
    for name in schema.personal:
        if event[name] is not None:
            plain = keys.decrypt(FieldLocation(topic, subject, event["event_id"], name), event[name])
            decrypted[name] = None if plain is None else clear_value(schema, name, plain)
    return decrypted


class Decryptor:
    """Decryptor of one topic's personal values, for a rule that declares that it needs them.

    Args:
        keys: The subjects' keys.
        topic: The topic whose events the rule reads.
    """

    __slots__ = ("_keys", "_topic")

    def __init__(self, keys: "SubjectKeys", topic: Topic) -> None:
        self._keys = keys
        self._topic = topic

    def event(self, key: str, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return an event with its personal fields in clear, or None if the person was erased.

        Args:
            key: The record's key.
            event: The event as decoded, personal fields as bytes.

        Raises:
            PersonalFieldError: A field belongs to another event, subject or key.
        """
        topic = self._topic
        subject = key if topic.subject == topic.key else event[topic.subject] or ""
        try:
            return decrypt_event(self._keys, topic.name, topic.schema, subject, event)
        except SubjectForgottenError:
            return None

    def value(self, subject: str, event_id: str, field: str, encrypted: bytes) -> Any:
        """Return one value in clear that the rule kept encrypted. None if the person was erased, or for no value.

        Args:
            subject: Subject whose key encrypts the value.
            event_id: Id of the event that the value came with.
            field: Name of the field.
            encrypted: The value as it stood on the event.

        Raises:
            PersonalFieldError: The value belongs to another event, field, subject or key.
        """
        try:
            plain = self._keys.decrypt(FieldLocation(self._topic.name, subject, event_id, field), encrypted)
        except SubjectForgottenError:
            return None
        return None if plain is None else clear_value(self._topic.schema, field, plain)


@dataclass(frozen=True)
class _CachedKey:
    """A key in memory, with the identity (inode, modification time) of the file it was read from."""

    identity: tuple[int, int]
    key: bytes
    cipher: AESGCM


class SubjectKeys:
    """The subjects' keys in a data directory. Its holder can read personal values: pass it to few.

    Args:
        keys: `<data>/keys`.
        secret: Secret of the deployment, for the file names. Read from `keys` when None.
    """

    def __init__(self, keys: Path, secret: DeploymentSecret | None = None) -> None:
        self._folder = keys / "subjects"
        self._secret = secret or deployment_secret(keys)
        self._cached: dict[str, tuple[Path, _CachedKey | None]] = {}

    def encrypt(self, location: FieldLocation, value: bytes | None, largest: int | None = None) -> bytes:
        """Encrypt a value, or that there is none, under its subject's key. A new subject gets a key.

        Args:
            location: The value's location.
            value: The value as Avro bytes, None for no value.
            largest: Most bytes that a value of the field has, None if its type has no limit.

        Raises:
            SubjectForgottenError: The subject's key was erased.
        """
        cached = self._key(location.subject) or self._create(location.subject)
        plain, binding = pad(value, largest), location.binding()
        nonce = hmac.digest(cached.key, _NONCE + binding + plain, "sha256")[:NONCE_BYTES]
        return FORMAT + nonce + cached.cipher.encrypt(nonce, plain, binding)

    def decrypt(self, location: FieldLocation, value: bytes) -> bytes | None:
        """Decrypt a value that `encrypt` made for the same location.

        Returns:
            The value as Avro bytes, None for no value.

        Raises:
            SubjectForgottenError: The subject's key was erased, or never was here.
            PersonalFieldError: The bytes are of another place, another key, or no encrypted value.
        """
        form = value[: len(FORMAT)]
        if len(value) < len(FORMAT) + NONCE_BYTES + TAG_BYTES or form not in _BINDING:
            raise PersonalFieldError(f"{location.topic}: {location.field}: not an encrypted value")
        cached = self._key(location.subject)
        if cached is None:
            raise SubjectForgottenError
        nonce = value[len(FORMAT) : len(FORMAT) + NONCE_BYTES]
        try:
            plain = cached.cipher.decrypt(nonce, value[len(FORMAT) + NONCE_BYTES :], location.binding(form))
        except InvalidTag:
            raise PersonalFieldError(
                f"{location.topic}: {location.field}: does not open with this subject's key at this event and field"
            ) from None
        return plain if form == UNPADDED_FORMAT else unpad(plain)

    def forget(self, subject: str) -> tuple[str, ...]:
        """Erase a subject's key durably. New values of the subject are refused from now on.

        Returns:
            The names of the destroyed keys, never the keys.
        """
        path = self._path(subject)
        create_once(path.with_suffix(".forgotten"), b"")
        self._cached.pop(subject, None)
        return (path.stem,) if destroy(path) else ()

    def sweep(self) -> int:
        """Destroy again the keys of erased subjects that lie here, and return how many there were.

        A key beside the mark of its erasure was copied here, such as from a backup.
        """
        marks = sorted(self._folder.glob("*.forgotten"))
        return sum(destroy(mark.with_suffix(".key")) for mark in marks)

    def names(self, subject: str) -> tuple[str, ...]:
        """Return the names of the keys that the subject has now, never the keys."""
        path = self._path(subject)
        return (path.stem,) if path.exists() else ()

    def _path(self, subject: str) -> Path:
        cached = self._cached.get(subject)
        return (
            cached[0]
            if cached
            else self._folder / f"{self._secret.mac(_NAME, subject.encode()).hex()[:40]}.key"
        )

    def _key(self, subject: str) -> _CachedKey | None:
        """Return the key as it is on disk now, or None."""
        path, cached = self._cached.get(subject) or (self._path(subject), None)
        try:
            stat = os.stat(path)  # noqa: PTH116 - asked for every value; Path.stat costs three times as much
        except FileNotFoundError:
            self._cached.pop(subject, None)
            return None
        identity = (stat.st_ino, stat.st_mtime_ns)
        if cached is None or cached.identity != identity:
            key = path.read_bytes()
            if len(key) != KEY_BYTES or not any(key):
                return None
            cached = _CachedKey(identity, key, AESGCM(key))
            self._cached[subject] = (path, cached)
        return cached

    def _create(self, subject: str) -> _CachedKey:
        path = self._path(subject)
        if path.with_suffix(".forgotten").exists():
            raise SubjectForgottenError
        create_once(path, secrets.token_bytes(KEY_BYTES))
        if path.with_suffix(".forgotten").exists():  # erased between the check and the creation
            destroy(path)
        cached = self._key(subject)
        if cached is None:
            raise SubjectForgottenError
        return cached
