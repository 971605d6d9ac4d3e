"""Categories of the indices, and when a change of category is told.

An index that wavers around a boundary would tell a change with every reading. So a change is told only when
it is sure, in one of two ways:

- the index is past the boundary by ``MARGIN`` points or more; or
- it has been on the other side for ``CONSECUTIVE`` readings in a row (readings that give no index do not
  count).

The first category ever known of a station is taken silently: nothing changed.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal, NamedTuple

MARGIN = 5
"""Points past the boundary at which a change is sure at once."""

CONSECUTIVE = 3
"""Readings in a row on the other side of a boundary at which a change is sure, however narrow."""


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
        """Place an index among the categories, 0 being the best air."""
        return bisect_left(self.upper, index)

    def name(self, index: int | None) -> str | None:
        """Name the category of an index, None for no index."""
        return None if index is None else self.names[self.rank(index)]


US_AQI = Categories(
    "US_AQI",
    ("GOOD", "MODERATE", "UNHEALTHY_FOR_SENSITIVE_GROUPS", "UNHEALTHY", "VERY_UNHEALTHY", "HAZARDOUS"),
    (50, 100, 150, 200, 300),
)
KR_CAI = Categories("KR_CAI", ("GOOD", "MODERATE", "UNHEALTHY", "VERY_UNHEALTHY"), (50, 100, 250))


class Held(NamedTuple):
    """The category that counts for a station now.

    Attributes:
        rank: Its rank, or None while none is known.
        streak: Readings in a row whose index lies in another category: above 0 for worse, below 0 for better.
    """

    rank: int | None = None
    streak: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """A category that was left for another.

    Attributes:
        scale: The index whose categories these are.
        from_category: The category that was left.
        to_category: The category that was entered.
        index: The index that settled it.
        direction: Whether the air became worse or better.
    """

    scale: Literal["US_AQI", "KR_CAI"]
    from_category: str
    to_category: str
    index: int
    direction: Literal["WORSE", "BETTER"]


def settle(categories: Categories, held: Held, index: int | None) -> tuple[Held, Change | None]:
    """Let one reading's index count.

    Args:
        categories: The categories of the index.
        held: What counted before.
        index: The reading's index, or None when it gives none.

    Returns:
        What counts from now on, and the change to tell, if one is sure.
    """
    if index is None:
        return held, None
    now = categories.rank(index)
    if now == held.rank:
        return held if held.streak == 0 else Held(now), None
    if held.rank is None:
        return Held(now), None
    side = 1 if now > held.rank else -1
    streak = held.streak + side if held.streak * side > 0 else side
    sure = categories.rank(max(0, index - side * MARGIN))
    if abs(streak) >= CONSECUTIVE:
        sure = now
    if (sure - held.rank) * side <= 0:
        return Held(held.rank, streak), None
    change = Change(
        scale=categories.scale,
        from_category=categories.names[held.rank],
        to_category=categories.names[sure],
        index=index,
        direction="WORSE" if side > 0 else "BETTER",
    )
    return Held(sure, 0 if sure == now else side), change
