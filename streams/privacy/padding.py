"""Gives the plaintexts of one personal field one length, whether there is a value or not. Pure.

A plaintext is `00` for no value, or `01` and the value's Avro bytes. Behind it stands the padding of ISO/IEC 9797-1,
method 2: `80`, then zeros up to the field's length. AES-GCM keeps lengths, so ciphertexts of a field have one length,
too. Otherwise the pattern of a row's missing values would be visible, and a holder of the file could find the row by
it (docs/privacy.md).
"""

from streams.errors import PersonalFieldError

NUMBER_BYTES = 16
"""Length of a plaintext whose value has at most 14 bytes: a number, a boolean, an enum."""

TEXT_BYTES = 256
"""Length of a plaintext of any other type. A longer value is padded to the next multiple, so a text whose length says
something is made of one length by its rule."""

_ABSENT, _PRESENT = b"\x00", b"\x01"
_END = b"\x80"


def pad(value: bytes | None, largest: int | None) -> bytes:
    """Return a plaintext of the field's length.

    Args:
        value: Avro bytes of the value, None for no value.
        largest: Most bytes that a value of the field has, None if its type has no limit.
    """
    block = NUMBER_BYTES if largest is not None and largest <= NUMBER_BYTES - 2 else TEXT_BYTES
    plain = (_ABSENT if value is None else _PRESENT + value) + _END
    return plain.ljust(-(-len(plain) // block) * block, b"\0")


def unpad(plain: bytes) -> bytes | None:
    """Return the value of a plaintext that `pad` made, None for no value.

    Raises:
        PersonalFieldError: `pad` makes no such plaintext.
    """
    content, end, rest = plain.rpartition(_END)
    if not end or rest.strip(b"\0"):
        raise PersonalFieldError("a personal value has no padding")
    if content == _ABSENT:
        return None
    if not content.startswith(_PRESENT):
        raise PersonalFieldError("a personal value begins with neither 00 nor 01")
    return content[1:]
