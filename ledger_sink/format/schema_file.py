"""The schema file of a bundle: the text of an Avro schema, compressed as gzip (RFC 1952).

It serves to decode the record's value. Nothing seals it, and no claim rests on it. Implementations of gzip compress
differently, so bundles of one event may differ in it. Any gzip program reads it; `unpack_schema` limits the size.
"""

import gzip
import zlib
from typing import Final

from ledger_sink.format.errors import BundleFormatError

MAX_SCHEMA_BYTES: Final = 1_000_000
"""Longest text that `unpack_schema` returns."""
_GZIP_WINDOW: Final = 31


def pack_schema(text: str) -> bytes:
    """Compress a schema's text; the gzip header holds neither name nor time."""
    return gzip.compress(text.encode(), 9, mtime=0)


def unpack_schema(data: bytes) -> str:
    """Decompress a schema's text.

    Raises:
        BundleFormatError: if the file is not one gzip member of UTF-8 text within the limit.
    """
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        text = unpacker.decompress(data, MAX_SCHEMA_BYTES)
        if not unpacker.eof or unpacker.unused_data:
            raise BundleFormatError(f"schema: expected one gzip member of at most {MAX_SCHEMA_BYTES} bytes")
        return text.decode()
    except (zlib.error, UnicodeDecodeError) as problem:
        raise BundleFormatError(f"schema: {problem}") from None
