r"""When an AIS sentence was received. Pure.

A sentence carries no date. Where it came from, in this order: the tag block in front of it (`\c:1241544035*..\`),
the receiver's seconds behind its checksum (as the US Coast Guard's network writes them), the position fix before
it ($..RMC, of whatever talker).
"""

import re
from datetime import UTC, datetime

from streams.domains.cargo import instants

_TAG_TIME = re.compile(rb"[\\,]c:(\d{9,13})(?=[,*])")
_BEHIND = re.compile(rb"\*[0-9A-Fa-f]{2},(?:.*,)?(\d{9,10})\s*\Z")
_RMC = re.compile(rb"\$..RMC,(\d{6})(?:\.\d+)?,([AV]),")
_DATE = re.compile(rb"\d{6}")
_SECOND_US = 1_000_000
_CENTURY = 2000
_FIRST_YEAR = 80


def own_time(line: bytes) -> int | None:
    """Return the time that stands on a sentence's own line, µs since 1970 UTC."""
    match = (_TAG_TIME.search(line) if line.startswith(b"\\") else None) or _BEHIND.search(line)
    if match is None:
        return None
    stamp = int(match[1])
    return stamp * (1000 if len(match[1]) > 10 else _SECOND_US)


def fix_time(sentence: bytes) -> int | None:
    """Return the time of an RMC sentence, µs since 1970 UTC; None for any other, and for one without a fix."""
    match = _RMC.match(sentence)
    fields = sentence.split(b",")
    if match is None or match[2] != b"A" or len(fields) < 10 or not _DATE.fullmatch(fields[9]):
        return None
    time, date = match[1].decode(), fields[9].decode()
    year = int(date[4:])
    century = _CENTURY if year < _FIRST_YEAR else _CENTURY - 100
    try:
        found = datetime(
            century + year,
            int(date[2:4]),
            int(date[:2]),
            int(time[:2]),
            int(time[2:4]),
            int(time[4:]),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return instants.of(found)
