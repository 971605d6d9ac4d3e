"""The highest rate that is sustained: what a probe's marks say, and which rate is tried next. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.path.progress import Mark

MOST_LAG_S = 5.0
"""What is under way may be as much as comes in this time; a healthy stack has what comes in 2 s or less."""
GROWN_S = 0.7
"""How much more, in seconds of the rate, may be under way in the last third of a probe than in the middle one."""
CLOSE = 1.08
"""Rates nearer than this factor are not told apart by a probe."""
HIGHER, LOWER = 1.4, 0.92


@dataclass(frozen=True, slots=True)
class Probe:
    """What a rate came to.

    Attributes:
        rate: Events a second that the load was told to send.
        done: Records a second that went through the whole path, raw and derived.
        raw: Events a second among them.
        lag_s: What was under way at the end, in seconds of what went through.
        most_lag_s: The largest such.
        sustained: Whether it did not grow, and the load kept up.
    """

    rate: float
    done: float
    raw: float
    lag_s: float
    most_lag_s: float
    sustained: bool


def judged(rate: float, marks: Sequence[Mark]) -> Probe:
    """Judge the marks of a probe, first to last, at a rate of events a second.

    Raises:
        ValueError: There are too few.
    """
    if len(marks) < 4:
        raise ValueError(f"{len(marks)} looks at a probe: expected 4 or more")
    first, last = marks[0], marks[-1]
    third, seconds = len(marks) // 3, last.at - first.at
    done = (last.done - marks[third].done) / (
        last.at - marks[third].at
    )  # at first there is nothing to be done
    sent = (last.raw - first.raw) / seconds
    coming = max(1.0, (last.produced + last.underived - first.produced - first.underived) / seconds)
    late, middle = marks[-third:], marks[-2 * third : -third]
    grown = _mean_behind(late) - _mean_behind(middle)
    lag_s = _mean_behind(marks[-2:]) / coming
    sustained = grown <= GROWN_S * coming and lag_s <= MOST_LAG_S and sent >= 0.97 * rate
    most_s = max(each.behind for each in marks) / coming
    return Probe(rate, done, sent * min(1.0, done / coming), lag_s, most_s, sustained)


def next_rate(tried: Sequence[Probe], begin: float) -> float | None:
    """Return the rate to try next, or None when the highest sustained one is known well enough."""
    best = max((each.rate for each in tried if each.sustained), default=0.0)
    failed = [each for each in tried if not each.sustained and each.rate > best]
    if not tried:
        return begin
    if not failed:
        return best * HIGHER
    worst = min(failed, key=lambda each: each.rate)
    if best and worst.rate / best < CLOSE:
        return None
    if not best:  # what went through an overloaded stack is near what it can do
        return min(max(worst.raw, worst.rate / 4), worst.rate) * LOWER
    return math.sqrt(best * worst.rate)


def _mean_behind(marks: Sequence[Mark]) -> float:
    return sum(each.behind for each in marks) / len(marks)
