r"""Time at which an AIS sentence was received. Pure.

An AIS sentence carries no date. Its time comes from, in this order: the tag block before it (`\c:1241544035*..\`), the
receiver's seconds after its checksum (as the US Coast Guard's network writes them), the last position fix before it
(`$..RMC` of any talker). The reader `ais_nmea` applies the order.
"""

import re
from datetime import UTC, datetime

from streams.domains.cargo import instants

_TAG_TIME = re.compile(rb"[\\,]c:(\d{9,13})(?=[,*])")
_AFTER_CHECKSUM = re.compile(rb"\*[0-9A-Fa-f]{2},(?:.*,)?(\d{9,10})\s*\Z")
_RMC = re.compile(rb"\$..RMC,(\d{6})(?:\.\d+)?,([AV]),")
_DATE = re.compile(rb"\d{6}")
_SECOND_US = 1_000_000
_CENTURY = 2000
_FIRST_YEAR = 80


def line_time(line: bytes) -> int | None:
    """Return the time on a sentence's own line: tag block or seconds after the checksum.

    Args:
        line: The line with its tag block.

    Returns:
        Microseconds since 1970 UTC; None if the line has no time.
    """
    match = (_TAG_TIME.search(line) if line.startswith(b"\\") else None) or _AFTER_CHECKSUM.search(line)
    if match is None:
        return None
    stamp = int(match[1])
    return stamp * (1000 if len(match[1]) > 10 else _SECOND_US)


def fix_time(sentence: bytes) -> int | None:
    """Return the time of an RMC sentence with a valid fix.

    Args:
        sentence: An NMEA 0183 sentence whose checksum fits.

    Returns:
        Microseconds since 1970 UTC; None for another sentence, for status V and for a date that does not exist.
        Two-digit years from 80 on are of the 20th century.
    """
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
