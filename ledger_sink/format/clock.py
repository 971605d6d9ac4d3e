"""Times that other machines state, against this machine's clock."""

from datetime import UTC, datetime
from typing import Final

CLOCK_TOLERANCE_S: Final = 86_400
"""Seconds by which a cosignature may be later than the reader's clock. A day covers a clock that was set to a local
time instead of UTC, whatever the zone. A time in the past has no limit: an old cosignature stays valid."""


def time_problem(time_s: int, now_s: float | None) -> str:
    """Return what is wrong with the time of a cosignature or receipt; empty if nothing is.

    A cosignature's format allows 0 to 2^63 - 1 and leaves it to readers to refuse times in the future (C2SP
    tlog-cosignature). 0 states no time, and a witness must not use it for a checkpoint (C2SP tlog-witness).

    Args:
        time_s: the time that was signed, in POSIX seconds.
        now_s: the reader's clock, in POSIX seconds; `None` if it has none, then no time is in the future.
    """
    if time_s == 0:
        return "it states no time (0)"
    if now_s is not None and time_s > now_s + CLOCK_TOLERANCE_S:
        return (
            f"its time, {seconds_text(time_s)}, is more than {CLOCK_TOLERANCE_S // 3600} h after this machine's clock, "
            f"{seconds_text(int(now_s))}: one of the two clocks is wrong"
        )
    return ""


def seconds_text(time_s: int) -> str:
    """Format POSIX seconds as UTC; outside the calendar's range, as a number."""
    try:
        return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"second {time_s} of POSIX time"
