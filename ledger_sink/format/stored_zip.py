"""A deterministic zip archive: exactly one sequence of bytes for each set of files (FORMAT.md §7.1).

Files are stored, not compressed, and sorted bytewise by name. The time is 1980-01-01 00:00:00. There are no flags,
extra fields, comments or attributes, and no bytes before, between or after. `read_zip` accepts only what `write_zip`
writes, so it checks every byte of an archive, its directory included. Any unzip program opens it.
"""

import re
from collections.abc import Mapping
from struct import Struct
from typing import Final
from zlib import crc32

from ledger_sink.format.errors import BundleFormatError
from ledger_sink.format.scan import excerpt

MAX_ZIP_BYTES: Final = 64 * 1024 * 1024
MAX_ZIP_FILES: Final = 1000
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
    if not 1 <= len(files) <= MAX_ZIP_FILES:
        raise BundleFormatError(f"zip: expected 1 to {MAX_ZIP_FILES} files, got {len(files)}")
    body: list[bytes] = []
    directory: list[bytes] = []
    position = 0
    for name in sorted(files):
        data = files[name]
        if len(name) > 255 or not _NAME.fullmatch(name):
            raise BundleFormatError(f"zip: {excerpt(name)} is no plain relative name")
        common = (_VERSION, 0, 0, 0, _DATE, crc32(data), len(data), len(data), len(name), 0)
        local = _LOCAL.pack(b"PK\x03\x04", *common) + name.encode()
        body += (local, data)
        directory += (_CENTRAL.pack(b"PK\x01\x02", _VERSION, *common, 0, 0, 0, 0, position), name.encode())
        position += len(local) + len(data)
        if position > MAX_ZIP_BYTES:
            raise BundleFormatError(f"zip: expected at most {MAX_ZIP_BYTES} bytes")
    central = b"".join(directory)
    end = _END.pack(b"PK\x05\x06", 0, 0, len(files), len(files), len(central), position, 0)
    return b"".join(body) + central + end


def read_zip(data: bytes) -> dict[str, bytes]:
    """Parse an archive; return its files by name.

    Raises:
        BundleFormatError: if a byte differs from what `write_zip` writes for these files.
    """
    if len(data) > 2 * MAX_ZIP_BYTES:
        raise BundleFormatError(f"zip: expected at most {2 * MAX_ZIP_BYTES} bytes, got {len(data)}")
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
    again = write_zip(files)
    if again != data:
        where = next((i for i, (a, b) in enumerate(zip(again, data, strict=False)) if a != b), len(again))
        raise BundleFormatError(f"zip: byte {where} is not what it must be in a deterministic archive")
    return files
