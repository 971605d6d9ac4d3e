"""Encodes and decodes the plaintext of a personal field: the Avro datum of its natural type. Pure.

It encrypts nothing. The producer in `streams` encrypts the bytes of `clear_bytes` under the subject's key and puts the
ciphertext into the event. A rule with the keys decrypts the ciphertext and calls `clear_value`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from schemas.avro import Enum, Field, Fixed, Primitive, Union
from schemas.avro.reader import MalformedError, Read, reader
from schemas.avro.writer import MismatchError, Write, writer
from schemas.errors import EventError, UndecodableError
from schemas.model import Schema


@lru_cache(maxsize=1024)
def _codecs(schema: Schema) -> Mapping[str, tuple[Field, Write, Read]]:
    """Compile reader and writer of a schema's personal fields, by field."""
    fields = schema.tree.fields
    return {
        each.name: (each, writer(each.clear_type), reader(each.clear_type))
        for each in fields
        if each.clear_type is not None
    }


def clear_bytes(schema: Schema, field: str, value: Any) -> bytes:
    """Encode a personal value as the plaintext to encrypt.

    Args:
        schema: Schema of the event.
        field: Name of the personal field.
        value: Value of the field's natural type.

    Raises:
        EventError: The value does not fit the type.
    """
    out = bytearray()
    try:
        _codecs(schema)[field][1](out, value)
    except MismatchError as error:
        raise EventError(field, error.reason, schema.subject) from None
    return bytes(out)


def clear_value(schema: Schema, field: str, plain: bytes) -> Any:
    """Decode a personal value from its decrypted plaintext.

    Args:
        schema: Schema of the event.
        field: Name of the personal field.
        plain: The decrypted bytes.

    Raises:
        UndecodableError: The bytes are no datum of the field's natural type.
    """
    try:
        value, end = _codecs(schema)[field][2](plain, 0)
    except MalformedError as error:
        raise UndecodableError(f"{schema.subject}: {field}: {error.reason}") from None
    if end != len(plain):
        raise UndecodableError(f"{schema.subject}: {field}: {len(plain) - end} bytes left over")
    return value


def may_lack_value(schema: Schema, field: str) -> bool:
    """Return whether a personal field is nullable.

    Args:
        schema: Schema of the event.
        field: Name of the personal field.
    """
    return isinstance(_codecs(schema)[field][0].type, Union)


@lru_cache(maxsize=4096)
def largest_value(schema: Schema, field: str) -> int | None:
    """Return the most bytes that a personal value takes as plaintext, None if its natural type has no limit.

    Args:
        schema: Schema of the event.
        field: Name of the personal field.
    """
    match _codecs(schema)[field][0].clear_type:
        case Primitive(name):
            return _LARGEST.get(name)
        case Enum():
            return _LARGEST["int"]
        case Fixed(_, size):
            return size
    return None


_LARGEST = {"null": 0, "boolean": 1, "int": 5, "long": 10, "float": 4, "double": 8}
"""Most bytes of a value of each primitive type of bounded length (Avro 1.12, Binary Encoding)."""
