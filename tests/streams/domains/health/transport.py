"""Writes SAS transport files byte by byte, also those that no program should write, for the tests of this domain.

Layout: SAS TS-140, "The Record Layout of a Data Set in SAS Transport (XPORT) Format", versions 5 and 8.
"""

import math
import struct
from collections.abc import Mapping, Sequence

STAMP = b"30NOV26:08:00:00"
Value = float | str | None


def card(text: bytes) -> bytes:
    """Return a record of 80 bytes."""
    return text.ljust(80)


def ibm(value: float | None, length: int = 8) -> bytes:
    """Return an IBM float; None is `.`."""
    if value is None:
        return b".".ljust(length, b"\0")
    if value == 0:
        return bytes(length)
    fraction, exponent = math.frexp(abs(value))
    power = -(-exponent // 4)
    whole = round(math.ldexp(fraction, 56 + exponent - 4 * power))
    return (bytes([(value < 0) << 7 | power + 64]) + whole.to_bytes(7, "big"))[:length]


def header(kind: bytes, rest: bytes = b"0" * 30) -> bytes:
    """Return a header record."""
    return card(b"HEADER RECORD*******" + kind.ljust(8) + b"HEADER RECORD!!!!!!!" + rest)


def member(
    name: str,
    rows: Sequence[Mapping[str, Value]],
    *,
    version: int = 5,
    lengths: Mapping[str, int] | None = None,
    described: int = 140,
    fill: bytes = b" ",
    count: bytes | None = None,
    labels: bytes = b"",
) -> bytes:
    """Return a data set: a variable with a text in any row has texts, all others have numbers.

    Args:
        name: Its name.
        rows: Its observations; all have the same variables.
        version: 5 or 8.
        lengths: Bytes of variables, where they are not 8.
        described: Bytes of a description of a variable.
        fill: What fills the last record.
        count: What version 8 gives as the number of observations; None: the number.
        labels: Records between descriptions and observations.
    """
    names, kinds = list(rows[0]), {}
    for each in names:
        kinds[each] = 2 if any(isinstance(row[each], str) for row in rows) else 1
    sizes = {each: (lengths or {}).get(each, 8) for each in names}
    descriptions, at = b"", 0
    for number, each in enumerate(names, start=1):
        short = each[:8].encode().ljust(8)
        packed = struct.pack(">hhhh8s40s8shhh2s8shhl", kinds[each], 0, sizes[each], number, short, b"".ljust(40),
                             b"".ljust(8), 0, 0, 0, b"\0\0", b"".ljust(8), 0, 0, at)  # fmt: skip
        long = each.encode().ljust(32) if version == 8 else b""
        descriptions += (packed + long).ljust(140, b"\0")[:described]
        at += sizes[each]
    descriptions += b" " * (-len(descriptions) % 80)
    data = b"".join(
        row[each].encode("latin-1").ljust(sizes[each])  # type: ignore[union-attr]
        if kinds[each] == 2
        else ibm(row[each], sizes[each])  # type: ignore[arg-type]
        for row in rows
        for each in names
    )
    data += fill * (-len(data) % 80)
    told = str(len(rows)).rjust(15).encode() if count is None else count
    data_set, size = name.encode(), f"{described:04}".encode()
    if version == 8:
        kinds_of = (b"MEMBV8", b"DSCPTV8", b"NAMSTV8", b"OBSV8")
        data_set, variables = data_set.ljust(32), f"000000{len(names):06}"
        names_rest, last = b"SASDATA 9.4     LINUX   ", told.ljust(30)
    else:
        kinds_of = (b"MEMBER", b"DSCRPTR", b"NAMESTR", b"OBS")
        data_set, variables = data_set.ljust(8), f"000000{len(names):04}"
        names_rest, last = b"SASDATA 9.4     LINUX   ".ljust(48), b"0" * 30
    return b"".join(
        (
            header(kinds_of[0], b"00000000000000000160000000" + size),
            header(kinds_of[1]),
            card(b"SAS     " + data_set + names_rest + STAMP)[:80],
            card(STAMP),
            header(kinds_of[2], variables.encode().ljust(30, b"0")),
            descriptions,
            labels,
            header(kinds_of[3], last),
            data,
        )
    )


def library(*members: bytes, version: int = 5) -> bytes:
    """Return a file of data sets."""
    first = header(b"LIBV8" if version == 8 else b"LIBRARY")
    return (
        first
        + card(b"SAS     SAS     SASLIB  9.4     LINUX   ".ljust(64) + STAMP)
        + card(STAMP)
        + b"".join(members)
    )


def as_text(data: bytes) -> bytes:
    """Return a file after a copy as text."""
    return data.replace(b"\n", b"\r\n")
