"""Rows against limits: what is measured of the platform alone, and the figures that it must keep to.

A `LimitRow` stands in any module of `tests/bench/rows/`, like a `Row`. A round gives some quantities, each with a
limit or with none; a row that cannot be measured says why (`SideError`) and never stops the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.known_errors import known_errors
from tests.bench.figures import Spread
from tests.bench.harness import Row, SideError, discover

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager


@dataclass(frozen=True, slots=True)
class Quantity:
    """One figure of one round.

    Attributes:
        name: Unique in its row, the same in every round.
        unit: Such as "s", "MiB" or "×".
        value: What was measured.
        most: Limit that it must not exceed; None: there is none.
        least: Limit that it must reach; None: there is none.
    """

    name: str
    unit: str
    value: float
    most: float | None = None
    least: float | None = None

    def met(self, value: float) -> bool:
        """Whether a value keeps to the limits."""
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return self.most is not None or self.least is not None


@dataclass(frozen=True)
class LimitRow:
    """Something to be measured of the platform alone.

    Attributes:
        name: As given to `city bench`.
        what: What is measured, in one line.
        stage: Makes what is measured on, for a number of events.
        measure: Takes the stage, the round from 0 and the events; gives the figures; raises SideError.
        events: Events of a full run.
        small: Events of a quick run, which tells whether the row works, not what its figures are.
        rounds: Most rounds of a run: one of five minutes is not run five times.
    """

    name: str
    what: str
    stage: Callable[[int], AbstractContextManager[Any]]
    measure: Callable[[Any, int, int], Sequence[Quantity]]
    events: int
    small: int
    rounds: int = 1


AnyRow = Row | LimitRow


@dataclass
class LimitOutcome:
    """What a row came to.

    Attributes:
        row: The row.
        events: Events of each round.
        found: The figures of each round.
        reason: Why it could not be measured; None: it was.
    """

    row: LimitRow
    events: int
    found: list[Sequence[Quantity]] = field(default_factory=list)
    reason: str | None = None

    def spreads(self) -> list[tuple[Quantity, Spread]]:
        """Return each quantity, as the last round has it, with its spread over all rounds."""
        if not self.found:
            return []
        rounds = [{each.name: each.value for each in one} for one in self.found]
        return [(each, Spread.of(one[each.name] for one in rounds)) for each in self.found[-1]]


def every_row() -> dict[str, AnyRow]:
    """Return the rows of both kinds, by name.

    Raises:
        SideError: Two have one name.
    """
    compared, limited = discover(Row), discover(LimitRow)
    if both := compared.keys() & limited.keys():
        raise SideError(f"rows of both kinds are called {', '.join(sorted(both))}: each needs its own name")
    rows: dict[str, AnyRow] = {**compared, **limited}
    return dict(sorted(rows.items()))


def run_limits(row: LimitRow, rounds: int, events: int, say: Callable[[str], None]) -> LimitOutcome:
    """Measure a row `rounds` times, or as often as it allows.

    Args:
        row: The row.
        rounds: Rounds that were asked for.
        events: Events of each round.
        say: Takes a line for each round.
    """
    outcome = LimitOutcome(row, events)
    told: tuple[type[Exception], ...] = (SideError, *known_errors())
    try:
        with row.stage(events) as stage:
            for number in range(min(rounds, row.rounds)):
                outcome.found.append(_checked(outcome, row.measure(stage, number, events)))
                say(f"{row.name} {number}: {len(outcome.found[-1])} figures")
    except told as error:
        outcome.reason = str(error)
        outcome.found.clear()
        say(f"{row.name}: not run: {error}")
    return outcome


def _checked(outcome: LimitOutcome, found: Sequence[Quantity]) -> Sequence[Quantity]:
    """Hold a row to its promise about names, without which there is no spread."""
    names = [each.name for each in found]
    if len(set(names)) != len(names):
        raise SideError(f"{outcome.row.name}: a quantity is told twice in a round: {', '.join(names)}")
    if outcome.found and {each.name for each in outcome.found[0]} != set(names):
        raise SideError(f"{outcome.row.name}: rounds tell different quantities: {', '.join(names)}")
    return found
