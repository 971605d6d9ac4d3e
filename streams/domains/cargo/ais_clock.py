r"""Time at which an AIS sentence was received. Pure.

An AIS sentence carries no date. Its time comes from, in this order: the tag block before it (`nmea_tag_block`), what
the logger wrote behind its checksum (as the US Coast Guard's network does: `,r003669945,1429287224`), what it wrote
before it, the newest sentence with a time before it: a position fix (`$..RMC` of any talker), a time and date
(`$..ZDA`) or the wrapper of Gatehouse (`$PGHP`). The reader `ais_nmea` applies the order.
"""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from streams.domains.cargo import instants, log_times
from streams.domains.cargo.nmea_line import BLANK

WITHOUT_ZONE: Final = "TIME_WITHOUT_ZONE"
NOT_READ: Final = "TIME_NOT_READ"

_LONGEST = 400
_OPENING, _CLOSING = r"(?:<\d{1,3}>\d{0,2} ?)?[\[(<\"']?", r"(?:[\])>\"']|$|(?=[\s,;|:!$\\]))"
_ISO_PREFIX = re.compile(f"{_OPENING}{log_times.ISO}{_CLOSING}(?P<rest>.*)", re.ASCII | re.DOTALL)
_COMPACT_PREFIX = re.compile(f"{_OPENING}{log_times.COMPACT}{_CLOSING}(?P<rest>.*)", re.ASCII | re.DOTALL)
_EPOCH_PREFIX = re.compile(f"{_OPENING}{log_times.EPOCH}{_CLOSING}(?P<rest>.*)", re.ASCII | re.DOTALL)
_SYSLOG = re.compile(
    r"(?:<\d{1,3}>)?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d{2}:\d{2}:\d{2}\b.*",
    re.ASCII | re.DOTALL,
)
_DIGITS_ONLY = re.compile(r"[\[(<]?\d[\d/:.,\-TZ ]*[\])>]?[\s,;|:]*", re.ASCII)
_EPOCH = re.compile(log_times.EPOCH, re.ASCII)
_ISO = re.compile(rf"[\[(]?{log_times.ISO}[\])]?", re.ASCII)
_COMPACT = re.compile(rf"[\[(]?{log_times.COMPACT}[\])]?", re.ASCII)
_LABEL = re.compile(
    r"\b(?:rx|ux|utc)*_?(?:time|timestamp|received)\b[\"']?\s*[:=]\s*", re.ASCII | re.IGNORECASE
)
_LABELLED = tuple(
    re.compile(rf"[\[(\"']?({each})(?=[\s,;|)\]}}\"']|$)", re.ASCII)
    for each in (log_times.ISO, log_times.COMPACT, log_times.EPOCH)
)
"""A time behind a label such as `timestamp: `."""

_LIKE_A_TIME = re.compile(r"(?<![\d:])\d{1,2}:\d{2}:\d{2}(?![\d:])|(?<!\d)\d{14}(?!\d)", re.ASCII)
_STATION = re.compile(rb",([rRbBD][A-Za-z0-9_-]{1,20})(?=,|$)")
_SUFFIX_SEPARATORS = " \t,;|"

_CLOCK = re.compile(rb"\$(?:..RMC|..ZDA|PGHP),[^*]*\*[0-9A-Fa-f]{2}\Z")
_RMC = re.compile(rb"\$..RMC,(\d{6})(?:\.\d+)?,([AV]),")
_DATE = re.compile(rb"\d{6}")
_ZDA = re.compile(rb"\$..ZDA,(\d{2})(\d{2})(\d{2})(?:\.\d*)?,(\d{1,2}),(\d{1,2}),(\d{4})[,*]")
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
    for pattern in (_ISO_PREFIX, _COMPACT_PREFIX, _EPOCH_PREFIX):
        if match := pattern.fullmatch(text):
            return _of(match)
    if _SYSLOG.fullmatch(text) or _DIGITS_ONLY.fullmatch(text):
        return Stamp(None, NOT_READ)
    return None


def suffix_stamp(suffix: bytes) -> Stamp | None:
    """Return what a logger wrote behind a sentence's checksum.

    Args:
        suffix: The bytes between the checksum and the end of the line.

    Returns:
        Its time and flag: the last field that is a time, or all of it, or what stands behind a label, as AIS-catcher
        writes it: `( MSG: 1, …, timestamp: 20260304035711)`. Empty for white space and for fields without a time. None
        if it is text that does not begin with a comma and has no time that is read.
    """
    stripped = suffix.strip(BLANK)
    if not stripped:
        return NOTHING
    if len(stripped) > _LONGEST:
        return None
    text = stripped.decode("ascii", "replace").strip(_SUFFIX_SEPARATORS)
    implausible: Stamp | None = None
    for each in (*(field.strip() for field in reversed(text.split(","))), text):
        found = stamp(each)
        if found is not None and (found.us is not None or not _EPOCH.fullmatch(each)):
            return found
        implausible = found or implausible
    if implausible is not None:
        return implausible
    for label in _LABEL.finditer(text):
        for pattern in _LABELLED:
            if match := pattern.match(text, label.end()):
                return _of(match)
    return NOTHING if stripped.startswith(b",") else None


def stamp(text: str) -> Stamp | None:
    """Return the time that a text is, in one of the forms of `log_times`; None if it is none.

    Args:
        text: The text without blanks around it.
    """
    for pattern in (_ISO, _COMPACT, _EPOCH):
        if match := pattern.fullmatch(text):
            return _of(match)
    return None


def unread(text: bytes) -> Stamp:
    """Return the flag `TIME_NOT_READ` if a text that is skipped holds what looks like a time, else nothing."""
    return Stamp(None, NOT_READ) if _LIKE_A_TIME.search(text.decode("ascii", "replace")) else NOTHING


def station(suffix: bytes) -> bytes | None:
    """Return the receiving station that the US Coast Guard's network names behind a sentence, or None."""
    match = _STATION.search(suffix.rstrip(BLANK)) if suffix.startswith(b",") else None
    return match[1] if match else None


def is_clock(sentence: bytes) -> bool:
    """Return whether a sentence is of a kind that `fix_time` reads, and has a checksum."""
    return _CLOCK.match(sentence) is not None


def fix_time(sentence: bytes) -> int | None:
    """Return the time of an RMC sentence with a valid fix, of a ZDA sentence, or of a Gatehouse wrapper.

    ZDA (NMEA 0183, "Time & Date") has UTC, day, month, a year of four digits, and the local zone, which says nothing
    about UTC. Without a fix a receiver leaves fields empty or counts from 1980: neither is a time. Fractions of a
    second are cut, in RMC and ZDA alike.

    Args:
        sentence: An NMEA 0183 sentence whose checksum fits.

    Returns:
        Microseconds since 1970 UTC; None for another sentence, for status V, for a date that does not exist, and for
        a ZDA outside 1990 to 2100. Two-digit years from 80 on are of the 20th century.
    """
    if wrapper := _GATEHOUSE.match(sentence):
        *moment, milliseconds = map(int, wrapper.groups())
        return _instant(moment, milliseconds * 1000)
    if clock := _ZDA.match(sentence):
        hour, minute, second, day, month, year = map(int, clock.groups())
        found = _instant([year, month, day, hour, minute, second], 0)
        return found if found is not None and log_times.is_plausible(found) else None
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


def _of(match: re.Match[str]) -> Stamp:
    """Return the time of a match of `log_times`: a date and time, or an epoch."""
    if "epoch" in match.re.groupindex:
        us = log_times.epoch_us(match["epoch"], match["part"])
        return Stamp(us, None if us is not None else log_times.IMPLAUSIBLE)
    try:
        found = log_times.of_match(match)
    except ValueError:
        return Stamp(None, log_times.IMPLAUSIBLE)
    if not log_times.is_plausible(found.us):
        return Stamp(None, log_times.IMPLAUSIBLE)
    return Stamp(found.us, None if found.has_zone else WITHOUT_ZONE)
