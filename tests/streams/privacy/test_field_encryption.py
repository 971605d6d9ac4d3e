"""Personal values under a key per subject."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.codec import decode
from streams.config import StreamsConfig
from streams.errors import PersonalFieldError, RefusedEventError, SubjectForgottenError
from streams.identity.event_ids import device_id, device_salt
from streams.privacy.field_encryption import FieldLocation, SubjectKeys, decrypt_event
from streams.testing import MemoryProducer
from tests.streams.probe import probe_catalog

PLACE = FieldLocation("probe.secret", "anna", "018cc251-f400-7a79-abf4-01bdf43e4d1b", "pulse")


@pytest.fixture
def keys(tmp_path: Path) -> SubjectKeys:
    """Keys of an empty data directory."""
    return SubjectKeys(tmp_path / "keys")


def test_what_is_encrypted_opens_and_a_repeat_is_the_same_bytes(keys: SubjectKeys, tmp_path: Path) -> None:
    """Another process with the same keys makes the same bytes."""
    sealed = keys.encrypt(PLACE, b"61.5")
    assert keys.decrypt(PLACE, sealed) == b"61.5"
    assert SubjectKeys(tmp_path / "keys").encrypt(PLACE, b"61.5") == sealed
    assert b"61.5" not in sealed


def test_a_corrected_value_of_the_same_event_has_another_nonce(keys: SubjectKeys) -> None:
    """One nonce for two plaintexts would break AES-GCM."""
    assert keys.encrypt(PLACE, b"61.5")[1:13] != keys.encrypt(PLACE, b"62.5")[1:13]


@pytest.mark.parametrize(
    "other",
    [
        replace(PLACE, field="steps"),
        replace(PLACE, topic="probe.tick"),
        replace(PLACE, event_id="018cc251-f400-7a79-abf4-01bdf43e4d1c"),
    ],
)
def test_a_value_moved_elsewhere_does_not_open(keys: SubjectKeys, other: FieldLocation) -> None:
    """Topic, field and event id are authenticated."""
    with pytest.raises(PersonalFieldError, match="does not open"):
        keys.decrypt(other, keys.encrypt(PLACE, b"61.5"))


def test_another_subjects_value_does_not_open(keys: SubjectKeys) -> None:
    """Each subject has a key of their own."""
    bert = replace(PLACE, subject="bert")
    keys.encrypt(bert, b"70")
    with pytest.raises(PersonalFieldError, match="does not open"):
        keys.decrypt(bert, keys.encrypt(PLACE, b"61.5"))


def test_any_flipped_bit_is_refused(keys: SubjectKeys) -> None:
    """The tag covers all of it; whatever comes, the error is our own."""
    sealed = keys.encrypt(PLACE, b"61.5")
    for position in range(len(sealed)):
        flipped = bytearray(sealed)
        flipped[position] ^= 1
        with pytest.raises(PersonalFieldError):
            keys.decrypt(PLACE, bytes(flipped))
    with pytest.raises(PersonalFieldError, match="not an encrypted value"):
        keys.decrypt(PLACE, sealed[:28])


def test_forgetting_is_at_once_and_for_every_process(keys: SubjectKeys, tmp_path: Path) -> None:
    """A key erased by one process is gone for another that has just used it; new values are refused."""
    sealed = keys.encrypt(PLACE, b"61.5")
    elsewhere = SubjectKeys(tmp_path / "keys")
    names = elsewhere.forget("anna")
    assert len(names) == 1
    assert not keys.names("anna")
    with pytest.raises(SubjectForgottenError):
        keys.decrypt(PLACE, sealed)
    with pytest.raises(SubjectForgottenError):
        keys.encrypt(PLACE, b"61.5")
    assert elsewhere.forget("anna") == ()


def test_a_key_beside_the_mark_of_its_erasure_is_destroyed_again(keys: SubjectKeys, tmp_path: Path) -> None:
    """It was copied back; others' keys stay."""
    sealed, other = keys.encrypt(PLACE, b"61.5"), replace(PLACE, subject="bert")
    keys.encrypt(other, b"70")
    folder = tmp_path / "keys" / "subjects"
    (name,) = keys.names("anna")
    copy = (folder / f"{name}.key").read_bytes()
    keys.forget("anna")
    (folder / f"{name}.key").write_bytes(copy)
    assert keys.decrypt(PLACE, sealed) == b"61.5"
    assert (keys.sweep(), keys.sweep()) == (1, 0)
    with pytest.raises(SubjectForgottenError):
        keys.decrypt(PLACE, sealed)
    assert keys.names("bert")


def test_key_files_are_private_and_name_nobody(keys: SubjectKeys, tmp_path: Path) -> None:
    """0600 files in a 0700 folder, without the subject in their names."""
    keys.encrypt(PLACE, b"61.5")
    folder = tmp_path / "keys" / "subjects"
    (path,) = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "anna" not in path.name


def test_a_value_of_another_type_is_refused_before_it_is_encrypted(tmp_path: Path) -> None:
    """It would never open again; the reason does not tell it, and no key was made for nobody."""
    producer = MemoryProducer(probe_catalog(), StreamsConfig(data=tmp_path))
    head = {"event_id": device_id(), "salt": device_salt(), "source": "device:1", "occurred_at": 1}
    with pytest.raises(RefusedEventError, match="pulse: expected a double, got …") as refused:
        producer.produce("probe.secret", {**head, "subject": "anna", "pulse": "61.5 at night"})
    assert "61.5" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert not producer.records
    assert not producer.keys.names("anna")


def test_the_door_encrypts_personal_fields_and_only_key_holders_read_them(tmp_path: Path) -> None:
    """On the wire there is ciphertext, of one length, for no value too; `decrypt_event` gives the value back."""
    catalog = probe_catalog()
    producer = MemoryProducer(catalog, StreamsConfig(data=tmp_path))
    event = {
        "event_id": device_id(),
        "salt": device_salt(),
        "source": "device:1",
        "occurred_at": 1,
        "subject": "anna",
        "pulse": 61.5,
    }
    producer.produce("probe.secret", event)
    producer.produce("probe.secret", event)
    producer.produce("probe.secret", {**event, "pulse": None})
    first, again, empty = producer.sent("probe.secret")
    assert first.value == again.value
    assert isinstance(first.event["pulse"], bytes)
    assert len(empty.event["pulse"]) == len(first.event["pulse"])
    schema, found = decode(first.value, catalog)
    assert decrypt_event(producer.keys, "probe.secret", schema, "anna", found)["pulse"] == 61.5
    assert decrypt_event(producer.keys, "probe.secret", schema, "anna", empty.event)["pulse"] is None
    producer.keys.forget("anna")
    with pytest.raises(SubjectForgottenError):
        decrypt_event(producer.keys, "probe.secret", schema, "anna", found)
    with pytest.raises(SubjectForgottenError):
        producer.produce("probe.secret", event)
