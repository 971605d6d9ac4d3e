"""Times as loggers and exports write them → microseconds since 1970 UTC. Pure.

Read are ISO 8601 with `-` or `/`, with `T` or a space, with a fraction, with an offset, `Z`, `UTC` or nothing; the same
in its basic form (`20260304T035711Z`), also without `T` (fourteen digits, which are no epoch in any unit); and epochs
in seconds (also with a fraction), milliseconds, microseconds and nanoseconds. The unit of an epoch is the one that puts
it between 1990 and 2100: AIS did not exist before, and nothing is received later.
"""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from streams.domains.cargo import instants

_REST = r"(?:[.,](?P<fraction>\d{1,9}))?(?: ?(?P<zone>Z\b|UTC\b|GMT\b|[+-]\d{2}(?::?\d{2})?))?"
ISO: Final = r"(?P<year>\d{4})[-/](?P<month>\d{2})[-/](?P<day>\d{2})[T ](?P<time>\d{2}:\d{2}:\d{2})" + _REST
"""Pattern of a date and time."""

COMPACT: Final = r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})T?(?P<time>\d{6})" + _REST
"""Pattern of a date and time in digits alone."""

EPOCH: Final = r"(?P<epoch>\d{9,19})(?:\.(?P<part>\d{1,9}))?"
"""Pattern of an epoch; `epoch_us` says whether it is one."""

IMPLAUSIBLE: Final = "TIME_IMPLAUSIBLE"
"""Flag of a record whose written time lies outside 1990 to 2100 and is not used."""

_ISO = re.compile(ISO, re.ASCII)
_PLAIN = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}", re.ASCII)
_FIRST_US, _END_US = 631_152_000_000_000, 4_102_444_800_000_000
_MICROSECONDS = 6


class WrittenTime(NamedTuple):
    """A time that was written as a date.

    Attributes:
        us: Microseconds since 1970 UTC. Without an offset it is taken for UTC.
        has_zone: False if it was written without an offset.
    """

    us: int
    has_zone: bool


def iso(text: str) -> WrittenTime:
    """Parse a date and time.

    Raises:
        ValueError: It is none, does not exist, or lies before 1970.
    """
    if _PLAIN.fullmatch(text):
        return WrittenTime(instants.of(datetime.fromisoformat(text).replace(tzinfo=UTC)), has_zone=False)
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError("expected YYYY-MM-DDThh:mm:ss")
    return of_match(match)


def of_match(match: re.Match[str]) -> WrittenTime:
    """Return the time of a match of `ISO` or `COMPACT`.

    Raises:
        ValueError: It does not exist, or lies before 1970.
    """
    zone = match["zone"]
    offset = (
        "+00:00"
        if zone in (None, "Z", "UTC", "GMT")
        else f"{zone[:3]}:{zone[-2:] if len(zone) > 3 else '00'}"
    )
    found = datetime.fromisoformat(f"{match['year']}-{match['month']}-{match['day']}T{match['time']}{offset}")
    return WrittenTime(instants.of(found) + _fraction(match["fraction"]), zone is not None)


def epoch_us(whole: str, fraction: str | None = None) -> int | None:
    """Return the time of an epoch in seconds, milliseconds, microseconds or nanoseconds.

    Args:
        whole: Its digits.
        fraction: Digits behind its decimal point, in seconds only.

    Returns:
        Microseconds since 1970 UTC; None if no unit puts it between 1990 and 2100.
    """
    number = int(whole)
    for us in (number * 1_000_000 + _fraction(fraction), number * 1000, number, number // 1000):
        if is_plausible(us):
            return us
    return None


def is_plausible(us: int) -> bool:
    """Return whether a time lies between 1990 and 2100."""
    return _FIRST_US <= us < _END_US


def _fraction(digits: str | None) -> int:
    return int((digits or "0")[:_MICROSECONDS].ljust(_MICROSECONDS, "0"))
