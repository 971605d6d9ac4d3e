"""The refusal window of one rule: what stops a topic, and what never does."""

from collections import deque
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import StopError
from streams.worker.refusal_limit import RefusalLimit, RefusalWindow


def stops_at(limit: RefusalLimit, refused: list[bool]) -> int | None:
    """Return the number of the call, from 0, at which a window is full; None if it never is."""
    window = RefusalWindow(limit)
    for offset, bad in enumerate(refused):
        window.call(offset)
        if bad and window.refuse():
            return offset
    return None


def test_a_rule_that_refuses_everything_stops_at_the_count() -> None:
    """Not a record later, from the start or after any number of good ones that the share outweighs."""
    assert stops_at(RefusalLimit(200, 0.5, 1000), [True] * 5_000) == 199
    assert stops_at(RefusalLimit(200, 0.5, 1000), [False] * 100 + [True] * 5_000) == 299
    assert stops_at(RefusalLimit(200, 0.5, 1000), [False] * 100_000 + [True] * 5_000) == 100_499


def test_sparse_refusals_never_stop_a_topic() -> None:
    """One in three, for ever, and a burst below the count: both are the input's own."""
    assert stops_at(RefusalLimit(200, 0.5, 1000), [True, False, False] * 20_000) is None
    assert stops_at(RefusalLimit(200, 0.5, 1000), ([True] * 199 + [False] * 1000) * 20) is None
    assert stops_at(RefusalLimit(1, 1.0, 1), [False] * 10) is None


def test_what_lies_behind_the_window_is_forgotten() -> None:
    """Refusals are counted over the last calls only."""
    window = RefusalWindow(RefusalLimit(3, 0.1, 10))
    for offset in (0, 1, *range(2, 11)):
        window.call(offset)
        if offset < 2:
            assert not window.refuse()
    assert not window.refuse()
    assert (window.refusals, window.calls) == (2, 10)


def test_a_partition_that_is_read_again_begins_a_new_window() -> None:
    """A batch that comes again must not count its refusals twice."""
    window = RefusalWindow(RefusalLimit(3, 0.5, 10))
    for _ in range(50):
        for offset in (7, 8):
            window.call(offset)
            assert not window.refuse()
    window.call(9)
    assert window.refuse()


@pytest.mark.parametrize("percent", range(1, 101))
def test_a_share_is_reached_exactly_at_its_percentage(percent: int) -> None:
    """0.55 of 100 calls is 55 refusals, although 0.55 * 100 is more than 55 in floating point."""
    good = [False] * (100 - percent)
    limit = RefusalLimit(percent, percent / 100, 100)
    assert stops_at(limit, good + [True] * percent) == 99
    fewer = RefusalLimit(1, percent / 100, 100)
    assert stops_at(fewer, [False, *good, *[True] * (percent - 1)]) is None


@given(
    st.lists(st.booleans(), max_size=200),
    st.integers(1, 20),
    st.sampled_from([0.1, 0.5, 0.9, 1.0]),
    st.integers(0, 30),
)
def test_the_window_is_a_plain_count_over_the_last_calls(
    refused: list[bool], count: int, share: float, more: int
) -> None:
    """Whatever comes: the limit is reached exactly where a slow count says so."""
    limit = RefusalLimit(count, share, count + more)
    last: deque[bool] = deque(maxlen=limit.window)
    expected = None
    for offset, bad in enumerate(refused):
        last.append(bad)
        if bad and sum(last) >= count and sum(last) >= Fraction(str(share)) * len(last):
            expected = offset
            break
    assert stops_at(limit, refused) == expected


@pytest.mark.parametrize(
    ("count", "share", "window"),
    [(0, 0.5, 10), (11, 0.5, 10), (5, 0.0, 10), (5, 1.1, 10), (5, float("nan"), 10)],
)
def test_limits_that_contradict_themselves_are_refused(count: int, share: float, window: int) -> None:
    """A limit that could never, or would always, be reached is a mistake of the settings."""
    with pytest.raises(StopError, match="refusal limit: expected"):
        RefusalLimit(count, share, window)
