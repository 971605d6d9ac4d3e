"""One thing of a push: what it is in Grafana now, what it will be, and what is sent for that."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class State(StrEnum):
    """What a push does, or would do, to a thing."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    LEFT = "left as it is"


@dataclass(frozen=True)
class Step:
    """One thing of a push.

    Attributes:
        what: The thing, for people: "board city-overview".
        state: What becomes of it.
        note: What there is to say about it, or empty.
        difference: Lines of a difference between what Grafana has and what is sent; empty if nothing is there yet.
        send: Sends it, and returns the step as it ended; None if nothing is sent.
    """

    what: str
    state: State
    note: str = ""
    difference: tuple[str, ...] = ()
    send: Callable[[], Step] | None = None

    def line(self, *, dry_run: bool = False) -> str:
        """Return the step in one line."""
        state = f"would be {self.state}" if dry_run and self.state in MADE else str(self.state)
        return f"{self.what}: {state}{f', {self.note}' if self.note else ''}"


MADE = (State.CREATED, State.CHANGED)
"""States in which something is different afterwards."""


def summary(steps: Iterable[Step]) -> str:
    """Return how many steps ended in each state, in words."""
    counts = Counter(step.state for step in steps)
    return ", ".join(
        f"{counts[state]} {state}" for state in State if counts[state] or state is not State.LEFT
    )
