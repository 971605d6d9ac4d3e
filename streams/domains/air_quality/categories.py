"""Categories of the indices, and when a change of category is certain.

An index near a boundary would change its category with every reading. So there is hysteresis, in time. A change is
certain when

- the index is past the boundary by ``MARGIN`` points or more; or
- it has been on the other side for ``SETTLED_AFTER_US``: from the beginning of the first such interval to the end of
  the newest. Readings without an index neither count nor interrupt.

So an hour needs two more, and a daily mean is certain by itself. The first category of a station is no change.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal, NamedTuple

MARGIN = 5
"""Points past the boundary at which a change is certain at once."""

SETTLED_AFTER_US = 3 * 3_600_000_000
"""Time on the other side of a boundary at which a change is certain, by whatever margin, in µs: three hours."""


@dataclass(frozen=True, slots=True)
class Categories:
    """The categories of one index.

    Attributes:
        scale: Name of the index.
        names: From the best air to the worst.
        upper: Highest index of every category but the last, which has no end.
    """

    scale: Literal["US_AQI", "KR_CAI"]
    names: tuple[str, ...]
    upper: tuple[int, ...]

    def rank(self, index: int) -> int:
        """Return the rank of an index's category; 0 is the best air."""
        return bisect_left(self.upper, index)

    def name(self, index: int | None) -> str | None:
        """Return the category's name of an index; None for no index."""
        return None if index is None else self.names[self.rank(index)]


US_AQI = Categories(
    "US_AQI",
    ("GOOD", "MODERATE", "UNHEALTHY_FOR_SENSITIVE_GROUPS", "UNHEALTHY", "VERY_UNHEALTHY", "HAZARDOUS"),
    (50, 100, 150, 200, 300),
)
KR_CAI = Categories("KR_CAI", ("GOOD", "MODERATE", "UNHEALTHY", "VERY_UNHEALTHY"), (50, 100, 250))


class CategoryState(NamedTuple):
    """Current category of a station on one scale.

    Attributes:
        rank: Its rank; None before the first index.
        side: 1 if the newest index lies in a worse category, -1 if in a better one, 0 if in this one.
        since: Beginning of the first interval on that side, µs since 1970 UTC; 0 if `side` is 0.
    """

    rank: int | None = None
    side: int = 0
    since: int = 0


@dataclass(frozen=True, slots=True)
class CategoryChange:
    """A certain change of a station's category.

    Attributes:
        scale: Index that the categories belong to.
        from_category: Category before.
        to_category: Category after.
        index: Index of the reading that made the change certain.
        direction: Whether the air became worse or better.
    """

    scale: Literal["US_AQI", "KR_CAI"]
    from_category: str
    to_category: str
    index: int
    direction: Literal["WORSE", "BETTER"]


def next_category(
    categories: Categories, state: CategoryState, index: int | None, begin: int, end: int
) -> tuple[CategoryState, CategoryChange | None]:
    """Return the category after one more reading.

    Args:
        categories: Categories of the index.
        state: Current category of the station.
        index: Index of the reading; None if it has none.
        begin: Beginning of the reading's interval, µs since 1970 UTC.
        end: End of the reading's interval.

    Returns:
        The new state, and the change of category; None if no change is certain.
    """
    if index is None:
        return state, None
    now = categories.rank(index)
    if state.rank is None or now == state.rank:
        return CategoryState(now), None
    side = 1 if now > state.rank else -1
    since = state.since if state.side == side else begin
    certain = now if end - since >= SETTLED_AFTER_US else categories.rank(max(0, index - side * MARGIN))
    if (certain - state.rank) * side <= 0:
        return CategoryState(state.rank, side, since), None
    change = CategoryChange(
        scale=categories.scale,
        from_category=categories.names[state.rank],
        to_category=categories.names[certain],
        index=index,
        direction="WORSE" if side > 0 else "BETTER",
    )
    return CategoryState(certain) if certain == now else CategoryState(certain, side, begin), change
