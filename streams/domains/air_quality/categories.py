"""Categories of the indices, and when a change of category is certain.

An index near a boundary would change its category with every reading. So there is hysteresis. A change is certain when

- the index is past the boundary by ``MARGIN`` points or more; or
- it has been on the other side for ``CONSECUTIVE`` readings in a row; readings without an index do not count.

The first category of a station is no change.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal, NamedTuple

MARGIN = 5
"""Points past the boundary at which a change is certain at once."""

CONSECUTIVE = 3
"""Readings in a row on the other side of a boundary at which a change is certain, by whatever margin."""


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
        streak: Readings in a row whose index lies in another category: above 0 for worse, below 0 for better.
    """

    rank: int | None = None
    streak: int = 0


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
    categories: Categories, state: CategoryState, index: int | None
) -> tuple[CategoryState, CategoryChange | None]:
    """Return the category after one more reading.

    Args:
        categories: Categories of the index.
        state: Current category of the station.
        index: Index of the reading; None if it has none.

    Returns:
        The new state, and the change of category; None if no change is certain.
    """
    if index is None:
        return state, None
    now = categories.rank(index)
    if now == state.rank:
        return state if state.streak == 0 else CategoryState(now), None
    if state.rank is None:
        return CategoryState(now), None
    side = 1 if now > state.rank else -1
    streak = state.streak + side if state.streak * side > 0 else side
    certain = categories.rank(max(0, index - side * MARGIN))
    if abs(streak) >= CONSECUTIVE:
        certain = now
    if (certain - state.rank) * side <= 0:
        return CategoryState(state.rank, streak), None
    change = CategoryChange(
        scale=categories.scale,
        from_category=categories.names[state.rank],
        to_category=categories.names[certain],
        index=index,
        direction="WORSE" if side > 0 else "BETTER",
    )
    return CategoryState(certain, 0 if certain == now else side), change
