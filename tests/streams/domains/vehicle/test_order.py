"""Order in a recording: what is marked as outside it, and which record closes."""

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.vehicle.order import OUT_OF_ORDER, in_order, with_closing_signals
from streams.domains.vehicle.signals import SIGNAL
from streams.readers.formats import Accepted, EventDraft, Item, Skipped
from tests.properties import fewer

ERA_S = 7_168 * 86_400
"""1,024 weeks: the week number of IS-GPS-200 has 10 bits."""

BREAK = Skipped(1, "header", ())


def recording(*times: float | None, vehicles: Sequence[str] = ("v",)) -> list[Item]:
    """Make the items of vehicles in turn out of seconds; None begins a session."""
    return [
        BREAK
        if at is None
        else Accepted(
            number,
            number,
            b"",
            (
                EventDraft(
                    SIGNAL,
                    1_000_000_000_000_000 + round(at * 1e6),
                    {"vehicle": vehicles[number % len(vehicles)], "flags": ["NO_VEHICLE_ID"]},
                ),
            ),
            (),
        )
        for number, at in enumerate(times)
    ]


def marks(items: list[Item]) -> list[str]:
    """Tell of each record whether it is in order (`.`), out of order (`x`) or closes (`E`)."""
    found = []
    for item in with_closing_signals(lambda: items, lambda each: each is BREAK):
        if isinstance(item, Accepted):
            fields = item.drafts[0].fields
            assert fields["flags"][0] == "NO_VEHICLE_ID"
            closes = "E" if "ends" in fields else "."
            found.append("x" if fields["flags"][1:] == [OUT_OF_ORDER] else closes)
    return found


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ([], ""),
        ([0], "E"),
        ([0, 1, 2], "..E"),
        ([0, 1, 1, 1], "...E"),
        ([0, ERA_S + 19, 34, 40], ".x.E"),
        ([ERA_S, 1, 2, 3], "x..E"),
        ([0, ERA_S, ERA_S + 1, 34, 40, 41], ".xx..E"),
        ([0, -ERA_S, 34, 40], ".x.E"),
        ([0, 1, ERA_S], "..E"),
        ([0, 1, 0.95], ".xE"),
        ([0, ERA_S, 34], ".xE"),
        ([3, 2, 1], "xxE"),
        ([0, 1, None, 2, 3, None], ".E.E"),
        ([0, 1, None, ERA_S, 2, 3], ".Ex.E"),
        ([0, 1, ERA_S, None, 2, 3], ".Ex.E"),
    ],
)
def test_a_time_out_of_order_is_marked_and_closes_nothing(times: list[float | None], told: str) -> None:
    """Ahead at the beginning, in the middle and at the end, behind, several, told twice, reversed; by session."""
    assert "".join(marks(recording(*times))) == told


def test_vehicles_have_an_order_each() -> None:
    """Two in turn, one far ahead of the other."""
    assert marks(recording(0, 100, 1, 101, 2, 50, 3, 103, vehicles=["a", "b"])) == list(".....xEE")


@fewer(times=2)
@given(st.lists(st.integers(0, 6), max_size=9))
def test_the_run_in_order_is_the_longest(times: list[int]) -> None:
    """Compared with all runs that there are."""
    found = in_order(times)
    kept = [times[index] for index in found]
    assert found == sorted(set(found))
    assert kept == sorted(kept)
    longer = combinations(times, len(kept) + 1)
    assert len(kept) == len(times) or all(list(each) != sorted(each) for each in longer)
