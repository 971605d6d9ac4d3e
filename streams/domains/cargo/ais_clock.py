r"""Time at which an AIS sentence was received. Pure.

An AIS sentence carries no date. Its time comes from, in this order: the tag block before it (`nmea_tag_block`), what
the logger wrote behind its checksum (as the US Coast Guard's network does: `,r003669945,1429287224`), what it wrote
before it, the newest sentence with a time before it: a position fix (`$..RMC` of any talker) or the wrapper of
Gatehouse (`$PGHP`). The reader `ais_nmea` applies the order.
"""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from streams.domains.cargo import instants, log_times
from streams.domains.cargo.nmea_line import BLANK

WITHOUT_ZONE: Final = "TIME_WITHOUT_ZONE"
NOT_READ: Final = "TIME_NOT_READ"

_LONGEST = 200
_OPENING, _CLOSING = r"(?:<\d{1,3}>\d{0,2} ?)?[\[(<\"']?", r"(?:[\])>\"']|$|(?=[\s,;|:!$\\]))"
_ISO_PREFIX = re.compile(f"{_OPENING}{log_times.ISO}{_CLOSING}(?P<rest>.*)", re.ASCII | re.DOTALL)
_EPOCH_PREFIX = re.compile(f"{_OPENING}{log_times.EPOCH}{_CLOSING}(?P<rest>.*)", re.ASCII | re.DOTALL)
_SYSLOG = re.compile(
    r"(?:<\d{1,3}>)?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d{2}:\d{2}:\d{2}\b.*",
    re.ASCII | re.DOTALL,
)
_DIGITS_ONLY = re.compile(r"[\[(<]?\d[\d/:.,\-TZ ]*[\])>]?[\s,;|:]*", re.ASCII)
_EPOCH = re.compile(log_times.EPOCH, re.ASCII)
_ISO_SUFFIX = re.compile(rf"[\[(]?{log_times.ISO}[\])]?", re.ASCII)
_STATION = re.compile(rb",([rRbBD][A-Za-z0-9_-]{1,20})(?=,|$)")
_SUFFIX_SEPARATORS = " \t,;|"

_CLOCK = re.compile(rb"\$(?:..RMC|PGHP),[^*]*\*[0-9A-Fa-f]{2}\Z")
_RMC = re.compile(rb"\$..RMC,(\d{6})(?:\.\d+)?,([AV]),")
_DATE = re.compile(rb"\d{6}")
_GATEHOUSE = re.compile(rb"\$PGHP,1,(\d{4}),(\d{1,2}),(\d{1,2}),(\d{1,2}),(\d{1,2}),(\d{1,2}),(\d{1,3}),")
_CENTURY = 2000
_FIRST_YEAR = 80


class Stamp(NamedTuple):
    """What a logger wrote before or behind a sentence.

    Attributes:
        us: Its time, µs since 1970 UTC, or None.
        flag: What is doubtful about it, or None.
    """

    us: int | None = None
    flag: str | None = None


NOTHING: Final = Stamp()


def prefix_stamp(prefix: bytes) -> Stamp | None:
    """Return what a logger wrote before a sentence.

    Read are ISO dates and epochs, in brackets or quotes, behind a syslog priority, with the host and program that
    RFC 5424 puts behind. A time without a year or a date, and dates whose order of day and month nobody knows, are
    recognised and not read.

    Args:
        prefix: The bytes between the beginning of the line and the sentence.

    Returns:
        Its time and flag; empty for white space. None if it is text of another kind.
    """
    stripped = prefix.strip(BLANK)
    if not stripped:
        return NOTHING
    if len(stripped) > _LONGEST:
        return None
    text = stripped.decode("ascii", "replace")
    if match := _ISO_PREFIX.fullmatch(text):
        return _of_iso(match)
    if match := _EPOCH_PREFIX.fullmatch(text):
        found = log_times.epoch_us(match["epoch"], match["part"])
        return Stamp(found, None if found is not None else log_times.IMPLAUSIBLE)
    if _SYSLOG.fullmatch(text) or _DIGITS_ONLY.fullmatch(text):
        return Stamp(None, NOT_READ)
    return None


def suffix_stamp(suffix: bytes) -> Stamp | None:
    """Return what a logger wrote behind a sentence's checksum.

    Args:
        suffix: The bytes between the checksum and the end of the line.

    Returns:
        Its time and flag: the last field that is a time, or all of it. Empty for white space and for fields without a
        time. None if it is text that does not begin with a comma and is no time.
    """
    stripped = suffix.strip(BLANK)
    if not stripped:
        return NOTHING
    if len(stripped) > _LONGEST:
        return None
    text = stripped.decode("ascii", "replace").strip(_SUFFIX_SEPARATORS)
    implausible: Stamp | None = None
    for each in (*(field.strip() for field in reversed(text.split(","))), text):
        if match := _EPOCH.fullmatch(each):
            found = log_times.epoch_us(match["epoch"], match["part"])
            if found is not None:
                return Stamp(found)
            implausible = Stamp(None, log_times.IMPLAUSIBLE)
        elif match := _ISO_SUFFIX.fullmatch(each):
            return _of_iso(match)
    if implausible is not None:
        return implausible
    return NOTHING if stripped.startswith(b",") else None


def station(suffix: bytes) -> bytes | None:
    """Return the receiving station that the US Coast Guard's network names behind a sentence, or None."""
    match = _STATION.search(suffix.rstrip(BLANK)) if suffix.startswith(b",") else None
    return match[1] if match else None


def is_clock(sentence: bytes) -> bool:
    """Return whether a sentence is of a kind that `fix_time` reads, and has a checksum."""
    return _CLOCK.match(sentence) is not None


def fix_time(sentence: bytes) -> int | None:
    """Return the time of an RMC sentence with a valid fix, or of a Gatehouse wrapper.

    Args:
        sentence: An NMEA 0183 sentence whose checksum fits.

    Returns:
        Microseconds since 1970 UTC; None for another sentence, for status V and for a date that does not exist.
        Two-digit years from 80 on are of the 20th century.
    """
    if wrapper := _GATEHOUSE.match(sentence):
        *moment, milliseconds = map(int, wrapper.groups())
        return _instant(moment, milliseconds * 1000)
    match = _RMC.match(sentence)
    fields = sentence.split(b",")
    if match is None or match[2] != b"A" or len(fields) < 10 or not _DATE.fullmatch(fields[9]):
        return None
    time, date = match[1].decode(), fields[9].decode()
    year = int(date[4:])
    century = _CENTURY if year < _FIRST_YEAR else _CENTURY - 100
    days = [century + year, int(date[2:4]), int(date[:2])]
    return _instant([*days, int(time[:2]), int(time[2:4]), int(time[4:])], 0)


def _instant(moment: list[int], microsecond: int) -> int | None:
    year, month, day, hour, minute, second = moment
    try:
        return instants.of(datetime(year, month, day, hour, minute, second, microsecond, tzinfo=UTC))
    except ValueError:
        return None


def _of_iso(match: re.Match[str]) -> Stamp:
    try:
        found = log_times.of_match(match)
    except ValueError:
        return Stamp(None, log_times.IMPLAUSIBLE)
    if not log_times.is_plausible(found.us):
        return Stamp(None, log_times.IMPLAUSIBLE)
    return Stamp(found.us, None if found.has_zone else WITHOUT_ZONE)
