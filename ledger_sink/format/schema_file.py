"""The schema that comes along in a bundle: its text, compressed as gzip (RFC 1952).

Nothing seals it and no claim rests on it; it is there to read the record by. Two makers may compress differently, so
bundles of the same event may differ in it. Any gzip reads it; `unpack_schema` does within a limit.
"""

import gzip
import zlib
from typing import Final

from ledger_sink.format.errors import BundleFormatError

MAX_SCHEMA_BYTES: Final = 1_000_000
"""Longest text that is unpacked."""
_GZIP_WINDOW: Final = 31


def pack_schema(text: str) -> bytes:
    """Compress a schema's text, without name and time."""
    return gzip.compress(text.encode(), 9, mtime=0)


def unpack_schema(data: bytes) -> str:
    """Return a schema's text.

    Raises:
        BundleFormatError: it is not one gzip member of UTF-8 text within the limit.
    """
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        text = unpacker.decompress(data, MAX_SCHEMA_BYTES)
        if not unpacker.eof or unpacker.unused_data:
            raise BundleFormatError(f"schema: expected one gzip member of at most {MAX_SCHEMA_BYTES} bytes")
        return text.decode()
    except (zlib.error, UnicodeDecodeError) as problem:
        raise BundleFormatError(f"schema: {problem}") from None
