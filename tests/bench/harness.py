"""Rows of benchmarks: what they are, where they are found, and how their sides are run in turn.

A row is a `Row` in any module of `tests/bench/rows/`; there is no list. Its sides work on the same stage (one
broker, one engine, one disk), one after the other, in each round beginning with another side. A side that
cannot run says why (`SideError`) and is left out; it never stops the row.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import tests.bench.rows
from infra.known_errors import known_errors
from tests.bench.figures import Measured, Ratio, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager


class SideError(Exception):
    """A side cannot be run, or did not do its work: the reason in one line."""


@dataclass(frozen=True)
class Run:
    """One side's turn.

    Attributes:
        side: Name of the side.
        number: Round, from 0.
        events: Events that it is given.
    """

    side: str
    number: int
    events: int

    @property
    def group(self) -> str:
        """A name that no other turn has, such as for a consumer group."""
        return f"bench-{self.side.lower().replace(' ', '-')}-{self.number}"


@dataclass(frozen=True)
class Side:
    """Ours, or a peer.

    Attributes:
        name: As printed.
        measure: Does the work on the row's stage and tells what it took; raises SideError.
        target: Least ratio of events/s, ours / this peer, that is aimed at; None: printed only.
        target_cpu: Least ratio per second of processor time that is aimed at; None: printed only.
        share: Part of the events that it is given: a slow peer needs fewer for the same precision.
    """

    name: str
    measure: Callable[[Any, Run], Measured]
    target: float | None = None
    target_cpu: float | None = None
    share: float = 1.0


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        name: As given to `city bench`.
        what: The work of each event, in one line.
        ours: Our side.
        peers: The others.
        stage: Makes what all sides work on, for a number of events.
        events: Events of a full run.
        small: Events of a quick run, which tells whether the row works, not how fast it is.
    """

    name: str
    what: str
    ours: Side
    peers: tuple[Side, ...]
    stage: Callable[[int], AbstractContextManager[Any]]
    events: int
    small: int

    @property
    def sides(self) -> tuple[Side, ...]:
        """All of them, ours first."""
        return (self.ours, *self.peers)


@dataclass
class Outcome:
    """What a row came to.

    Attributes:
        row: The row.
        rounds: Rounds that were asked for.
        events: Events of a full share.
        measured: By side and round.
        absent: Reasons of the sides that could not run, by side.
    """

    row: Row
    rounds: int
    events: int
    measured: dict[str, dict[int, Measured]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def ratio(self, peer: Side) -> Ratio | None:
        """Return ours against a peer, or None if either did not run."""
        ours = self.measured.get(self.row.ours.name, {})
        return compare(ours, self.measured.get(peer.name, {}))


class Named(Protocol):
    """A row of either kind."""

    @property
    def name(self) -> str:
        """As given to `city bench`."""
        ...


_Kind = TypeVar("_Kind", bound=Named)


def discover(kind: type[_Kind]) -> dict[str, _Kind]:
    """Import every module of `rows` and return the rows of a kind found there, by name."""
    found: dict[str, _Kind] = {}
    for module in pkgutil.iter_modules(tests.bench.rows.__path__, "tests.bench.rows."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, kind) and found.setdefault(value.name, value) is not value:
                raise SideError(f"{module.name}: a row named {value.name} exists already")
    return dict(sorted(found.items()))


def in_turn(sides: Sequence[Side], number: int) -> list[Side]:
    """Return the sides in the order of a round: each round begins with the next one."""
    start = number % len(sides)
    return [*sides[start:], *sides[:start]]


def run_row(row: Row, rounds: int, events: int, say: Callable[[str], None]) -> Outcome:
    """Run all sides of a row in turn, `rounds` times.

    Args:
        row: The row.
        rounds: How often each side has its turn.
        events: Events of a full share.
        say: Takes a line for each turn.
    """
    outcome = Outcome(row, rounds, events)
    told: tuple[type[Exception], ...] = (SideError, *known_errors())
    try:
        with row.stage(events) as stage:
            for number in range(rounds):
                for side in in_turn(row.sides, number):
                    if side.name not in outcome.absent:
                        _take_turn(outcome, side, stage, number, say)
    except told as error:
        for side in row.sides:
            outcome.absent.setdefault(side.name, str(error))
            outcome.measured.pop(side.name, None)
    return outcome


def _take_turn(outcome: Outcome, side: Side, stage: Any, number: int, say: Callable[[str], None]) -> None:
    run = Run(side.name, number, max(1, int(outcome.events * side.share)))
    try:
        measured = side.measure(stage, run)
    except SideError as error:
        outcome.absent[side.name] = str(error)
        outcome.measured.pop(side.name, None)
        say(f"{outcome.row.name} {number}: {side.name}: not run: {error}")
        return
    outcome.measured.setdefault(side.name, {})[number] = measured
    say(
        f"{outcome.row.name} {number}: {side.name}: {measured.speed:,.0f} events/s, "
        f"{measured.cpu_us:.1f} µs, servers {measured.server_cpu_us:.1f} µs"
    )
