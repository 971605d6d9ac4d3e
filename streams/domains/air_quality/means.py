"""The averages on which the indices are defined: plain mean, NowCast, and Korea's predicted moving PM value.

Every function takes hourly values, newest first, in millionths of the unit; None is an hour without a measurement.
It returns an exact value in the unit, or None if too few hours were measured.
"""

from collections.abc import Sequence
from math import gcd
from operator import mul

from streams.domains.air_quality.units import MICRO, Exact

Hours = Sequence[int | None]
"""Hourly means, newest first, in millionths of the unit; None for a missing hour."""

COMPLETENESS_PERCENT = 75
"""Share of a window's hours that must be measured: 18 of 24, 9 of 12, 6 of 8, 3 of 4.

Source: docs/fields/air-quality.md#units-and-completeness.
"""

NOWCAST_HOURS = 12
NOWCAST_RECENT_HOURS = 3
NOWCAST_RECENT_NEEDED = 2

_HALVES = [2**i for i in reversed(range(NOWCAST_HOURS))]
"""Weights of the hours for w = 1/2, multiplied by 2¹¹."""

CAI_LONG_HOURS = 12
CAI_SHORT_HOURS = 4


def present(hours: Hours) -> list[int]:
    """Return the hours that were measured."""
    return [hour for hour in hours if hour is not None]


def complete(hours: Sequence[int], window: int) -> bool:
    """Return whether enough of a window's hours were measured.

    Args:
        hours: The measured hours.
        window: Length of the window, in hours.
    """
    return len(hours) * 100 >= window * COMPLETENESS_PERCENT


def mean(hours: Hours, window: int) -> Exact | None:
    """Return the mean of a window.

    Args:
        hours: Newest first.
        window: Length of the window, in hours.

    Returns:
        The mean of the measured hours; None if they are fewer than ``COMPLETENESS_PERCENT``.
    """
    there = present(hours[:window])
    if not complete(there, window):
        return None
    return sum(there), len(there) * MICRO


def nowcast(hours: Hours) -> Exact | None:
    """Return the NowCast of a particle concentration over 12 hours (docs/fields/air-quality.md#nowcast).

    The weight is w = lowest / highest, at least one half. The value is Σ wⁱcᵢ / Σ wⁱ over the measured hours. With
    w = a / b in lowest terms, both sums are multiplied by b¹¹, so that only integers are added.

    Args:
        hours: Newest first.

    Returns:
        The NowCast concentration; None if fewer than two of the newest three hours were measured.
    """
    window = hours[:NOWCAST_HOURS]
    recent = window[:NOWCAST_RECENT_HOURS]
    if len(recent) - recent.count(None) < NOWCAST_RECENT_NEEDED:
        return None
    there = present(window)
    low, high = min(there), max(there)
    if high == 0:
        return 0, 1
    weights = _HALVES if 2 * low <= high else _weights(low, high)
    if len(there) < NOWCAST_HOURS:
        weights = [weight for weight, hour in zip(weights, window, strict=False) if hour is not None]
    return sum(map(mul, weights, there)), sum(weights) * MICRO


def _weights(low: int, high: int) -> list[int]:
    """Return (low / high)ⁱ for every hour, scaled so that all are integers."""
    shared = gcd(low, high)
    a, b = low // shared, high // shared
    weight = b ** (NOWCAST_HOURS - 1)
    weights = [weight]
    for _ in range(1, NOWCAST_HOURS):
        weight = weight // b * a
        weights.append(weight)
    return weights


def predicted_moving(hours: Hours, steep_from: int) -> Exact | None:
    """Return Korea's predicted 24 h particle value (docs/fields/air-quality.md#korean-index).

    C24E = (12·C12 + 12·C4) / 24. C12 is the mean of the last 12 hours, C4 that of the last four corrected hours. The
    correction: an hour at or above M and between 0.9 and 1.7 times C12 counts three quarters.

    Args:
        hours: Newest first.
        steep_from: M in millionths of µg/m³: 70 µg/m³ for PM10, 30 µg/m³ for PM2.5.

    Returns:
        The predicted value; None if one of the windows is incomplete.
    """
    long = present(hours[:CAI_LONG_HOURS])
    short = present(hours[:CAI_SHORT_HOURS])
    if not complete(long, CAI_LONG_HOURS) or not complete(short, CAI_SHORT_HOURS):
        return None
    long_sum, long_count = sum(long), len(long)
    quarters = 4 * sum(short)  # of the corrected hours
    for hour in short:
        if hour >= steep_from and 9 * long_sum <= 10 * hour * long_count <= 17 * long_sum:
            quarters -= hour
    short_count = 4 * len(short)
    return long_sum * short_count + quarters * long_count, 2 * long_count * short_count * MICRO
