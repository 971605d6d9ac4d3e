"""The Go-driver hello: the first answer to clickhouse-go (Grafana's plug-in), in Native of its protocol version.

The driver decodes the answer to `SELECT displayName(), version(), revision(), timezone()` at the protocol
version that it speaks itself, and every later answer at the `revision()` that this one reports. A reported 0 makes
it read plain Native, which is what the engine writes. So only this one answer needs another encoding.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.clickhouse.server.engine import Handle

_HELLO = re.compile(
    rb"\s*SELECT\s+displayName\(\),\s*version\(\),\s*revision\(\),\s*timezone\(\)\s*;?\s*", re.IGNORECASE
)
_BLOCK_INFO_SINCE = 1  # any revision above 0 carries a block info
_CUSTOM_SERIALIZATION_SINCE = 54454
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"  # field 1: no overflows; field 2: bucket -1; end


def hello_answer(sql: bytes, protocol_version: int, handle: Handle) -> bytes | None:
    """Return the answer to the driver's first query.

    Args:
        sql: The statement.
        protocol_version: The client's protocol version, from the URL.
        handle: Reads version and time zone.

    Returns:
        A Native block encoded for that version, or None if this is another query.
    """
    if protocol_version < _BLOCK_INFO_SINCE or _HELLO.fullmatch(sql) is None:
        return None
    found = handle.query(b"SELECT displayName(), version(), timezone()", "TSVRaw", {}).decode()
    name, version, zone = found.rstrip("\n").split("\t")
    columns = (
        ("displayName()", "String", _string(name)),
        ("version()", "String", _string(version)),
        ("revision()", "UInt32", struct.pack("<I", 0)),
        ("timezone()", "String", _string(zone)),
    )
    return _BLOCK_INFO + b"\x04\x01" + b"".join(_column(*column, protocol_version) for column in columns)


def _column(name: str, kind: str, data: bytes, protocol_version: int) -> bytes:
    flag = b"\x00" if protocol_version >= _CUSTOM_SERIALIZATION_SINCE else b""
    return _string(name) + _string(kind) + flag + data


def _string(text: str) -> bytes:
    data = text.encode()
    length, size = bytearray(), len(data)
    while size >= 0x80:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes(length) + bytes((size,)) + data
