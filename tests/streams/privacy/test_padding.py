"""Plaintexts of one length, and values of an earlier version."""

import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog import load_catalog
from schemas.personal_values import clear_bytes, clear_value, largest_value
from streams.errors import PersonalFieldError
from streams.privacy.field_encryption import FieldLocation, SubjectKeys, decrypt_event
from streams.privacy.padding import NUMBER_BYTES, TEXT_BYTES, pad, unpad

CATALOG = load_catalog()
MEASUREMENT = CATALOG.topics["health.measurement"].schema
CLASSIFICATION = CATALOG.topics["health.classification"].schema
PLACE = FieldLocation("health.measurement", "p-1", "018cc251-f400-7a79-abf4-01bdf43e4d1b", "age")


@given(value=st.none() | st.binary(max_size=3_000), largest=st.none() | st.integers(0, 14))
def test_what_is_padded_comes_back(value: bytes | None, largest: int | None) -> None:
    """Whatever bytes a value has, its own padding characters too."""
    plain = pad(value, largest)
    assert unpad(plain) == value
    assert len(plain) % (TEXT_BYTES if largest is None else NUMBER_BYTES) == 0


@given(plain=st.binary(max_size=40))
def test_whatever_comes_is_a_value_or_our_own_error(plain: bytes) -> None:
    """A key holder may write anything."""
    try:
        value = unpad(plain)
    except PersonalFieldError:
        return
    assert unpad(pad(value, None)) == value


def test_each_field_of_numbers_and_names_has_one_length() -> None:
    """The largest integer, any enum, and no value at all."""
    extremes = {"age": -1e308, "visceral_fat_level": -(2**31), "sex": "MALE"}
    for name in MEASUREMENT.personal:
        value = clear_bytes(MEASUREMENT, name, extremes.get(name, 1e-300))
        limit = largest_value(MEASUREMENT, name)
        assert len(pad(value, limit)) == len(pad(None, limit)) == NUMBER_BYTES, name
    for text in ("", "x" * 200):
        value = clear_bytes(CLASSIFICATION, "flags", text)
        assert len(pad(value, largest_value(CLASSIFICATION, "flags"))) == TEXT_BYTES


def test_values_of_the_earlier_format_are_still_decrypted(tmp_path: Path) -> None:
    """`01`, without padding, and null where there was no value."""
    keys = SubjectKeys(tmp_path / "keys")
    keys.encrypt(PLACE, None)
    cached = keys._key("p-1")
    assert cached is not None
    plain, binding = clear_bytes(MEASUREMENT, "age", 34.5), PLACE.binding(b"\x01")
    nonce = hmac.digest(cached.key, b"city-personal-nonce/v1\n" + binding + plain, "sha256")[:12]
    old = b"\x01" + nonce + cached.cipher.encrypt(nonce, plain, binding)
    assert clear_value(MEASUREMENT, "age", keys.decrypt(PLACE, old) or b"") == 34.5
    event = {**dict.fromkeys(MEASUREMENT.personal), "event_id": PLACE.event_id, "age": old}
    found = decrypt_event(keys, PLACE.topic, MEASUREMENT, "p-1", event)
    assert (found["age"], found["sex"]) == (34.5, None)


def test_a_value_of_one_format_is_no_value_of_the_other(tmp_path: Path) -> None:
    """The first byte is authenticated."""
    keys = SubjectKeys(tmp_path / "keys")
    made = keys.encrypt(PLACE, b"\x01\x02", 8)
    with pytest.raises(PersonalFieldError, match="does not open"):
        keys.decrypt(PLACE, b"\x01" + made[1:])
