"""A deterministic zip archive: exactly one sequence of bytes for each set of files (FORMAT.md §7.1).

Files are stored, not compressed, and sorted bytewise by name. The time is 1980-01-01 00:00:00. There are no flags,
extra fields, comments or attributes, and no bytes before, between or after. `read_zip` accepts only what `write_zip`
writes, so it checks every byte of an archive, its directory included. Any unzip program opens it.
"""

import re
from collections.abc import Iterator, Mapping
from struct import Struct
from typing import Final
from zlib import crc32

from ledger_sink.format.errors import BundleFormatError
from ledger_sink.format.scan import excerpt

MAX_ZIP_BYTES: Final = 64 * 1024 * 1024
MAX_ZIP_FILES: Final = 1000
MAX_ARCHIVE_BYTES: Final = MAX_ZIP_BYTES + MAX_ZIP_FILES * (46 + 255) + 22
"""Most bytes of an archive: the files with their local headers, the directory, the end record."""
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_VERSION = 10
_DATE = 0x0021  # 1980-01-01, the oldest date that a zip can hold
_LOCAL = Struct("<4s5H3L2H")  # signature, version, flags, method, time, date, crc, 2 sizes, 2 lengths
_CENTRAL = Struct("<4s6H3L5H2L")
_END = Struct("<4s4H2LH")


def write_zip(files: Mapping[str, bytes]) -> bytes:
    """Encode the archive of these files.

    Raises:
        BundleFormatError: if a name is not allowed, or the number of files or the size exceeds its limit.
    """
    return b"".join(_pieces(files))


def _pieces(files: Mapping[str, bytes]) -> Iterator[bytes]:
    """Yield the archive piece by piece; errors as of `write_zip`."""
    if not 1 <= len(files) <= MAX_ZIP_FILES:
        raise BundleFormatError(f"zip: expected 1 to {MAX_ZIP_FILES} files, got {len(files)}")
    directory: list[bytes] = []
    position = 0
    for name in sorted(files):
        data = files[name]
        if len(name) > 255 or not _NAME.fullmatch(name):
            raise BundleFormatError(f"zip: {excerpt(name)} is no plain relative name")
        common = (_VERSION, 0, 0, 0, _DATE, crc32(data), len(data), len(data), len(name), 0)
        local = _LOCAL.pack(b"PK\x03\x04", *common) + name.encode()
        yield local
        yield data
        directory += (_CENTRAL.pack(b"PK\x01\x02", _VERSION, *common, 0, 0, 0, 0, position), name.encode())
        position += len(local) + len(data)
        if position > MAX_ZIP_BYTES:
            raise BundleFormatError(f"zip: expected at most {MAX_ZIP_BYTES} bytes")
    central = b"".join(directory)
    yield central
    yield _END.pack(b"PK\x05\x06", 0, 0, len(files), len(files), len(central), position, 0)


def read_zip(data: bytes) -> dict[str, bytes]:
    """Parse an archive; return its files by name.

    Raises:
        BundleFormatError: if a byte differs from what `write_zip` writes for these files.
    """
    if len(data) > MAX_ARCHIVE_BYTES:
        raise BundleFormatError(f"zip: expected at most {MAX_ARCHIVE_BYTES} bytes, got {len(data)}")
    files: dict[str, bytes] = {}
    position = 0
    while data[position : position + 4] == b"PK\x03\x04":
        start = position + _LOCAL.size
        if start > len(data):
            raise BundleFormatError(f"zip: cut in the header at byte {position}")
        fields = _LOCAL.unpack(data[position:start])
        size, name_length = fields[8], fields[9]
        name = data[start : start + name_length].decode("ascii", "replace")
        position = start + name_length + size
        if position > len(data) or name in files or len(files) == MAX_ZIP_FILES:
            raise BundleFormatError(f"zip: {excerpt(name)} is cut, stands twice or is one too many")
        files[name] = data[start + name_length : position]
        if crc32(files[name]) != fields[6]:
            raise BundleFormatError(
                f"zip: {excerpt(name)} was changed: expected CRC-32 {fields[6]:08x}, got {crc32(files[name]):08x}"
            )
    position = 0
    for piece in _pieces(files):
        found = data[position : position + len(piece)]
        if found != piece:
            where = next(
                (i for i, (a, b) in enumerate(zip(piece, found, strict=False)) if a != b), len(found)
            )
            raise BundleFormatError(
                f"zip: byte {position + where} is not what it must be in a deterministic archive"
            )
        position += len(piece)
    if position != len(data):
        raise BundleFormatError(f"zip: byte {position} is not what it must be in a deterministic archive")
    return files
