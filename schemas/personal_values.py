"""What is inside the ciphertext of a personal field: the Avro datum of the field's natural type.

Pure; it encrypts nothing. The producer in `streams` encrypts the bytes of `clear_bytes` under the subject's key
and puts the result into the event. A rule that may open personal values decrypts them and calls `clear_value`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from schemas.avro import Field
from schemas.avro.reader import MalformedError, Read, reader
from schemas.avro.writer import MismatchError, Write, writer
from schemas.errors import EventError, UndecodableError
from schemas.model import Schema


@lru_cache(maxsize=1024)
def _codecs(schema: Schema) -> Mapping[str, tuple[Field, Write, Read]]:
    """Compile the clear types of a schema's personal fields."""
    fields = schema.tree.fields
    return {
        each.name: (each, writer(each.clear), reader(each.clear)) for each in fields if each.clear is not None
    }


def clear_bytes(schema: Schema, field: str, value: Any) -> bytes:
    """Write the clear value of a personal field as the bytes to encrypt.

    Raises:
        EventError: The value does not fit the field's clear type.
    """
    out = bytearray()
    try:
        _codecs(schema)[field][1](out, value)
    except MismatchError as error:
        raise EventError(field, error.reason, schema.subject) from None
    return bytes(out)


def clear_value(schema: Schema, field: str, plain: bytes) -> Any:
    """Read the clear value of a personal field from the bytes that were encrypted.

    Raises:
        UndecodableError: They are no datum of the field's clear type.
    """
    try:
        value, end = _codecs(schema)[field][2](plain, 0)
    except MalformedError as error:
        raise UndecodableError(f"{schema.subject}: {field}: {error.reason}") from None
    if end != len(plain):
        raise UndecodableError(f"{schema.subject}: {field}: {len(plain) - end} bytes left over")
    return value
