"""What `city bench` does: chooses rows, runs them, tells what they came to."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from tests.bench.harness import Outcome, Row, run_row
from tests.bench.limit_report import limit_lines
from tests.bench.limits import LimitOutcome, every_row, run_limits
from tests.bench.report import as_json, lines, look_around
from tests.bench.results import record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bench.limits import AnyRow

ROUNDS = 5
SMALL_ROUNDS = 2


class ChoiceError(Exception):
    """What was asked for cannot be run."""


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def chosen(names: Sequence[str]) -> list[AnyRow]:
    """Return the named rows, or all; a name may be the beginning of several, such as `agents`.

    Raises:
        ChoiceError: There is no such row.
    """
    rows = every_row()
    for name in names:
        if not any(each.startswith(name) for each in rows):
            raise ChoiceError(f"no row is called {name}: there are {', '.join(rows)}")
    return [row for name, row in rows.items() if not names or name.startswith(tuple(names))]


def bench(
    names: Sequence[str],
    *,
    small: bool = False,
    rounds: int | None = None,
    json_file: Path | None = None,
    recorded: bool = False,
) -> None:
    """Run rows and print what they came to.

    Args:
        names: Rows, or beginnings of their names; none: all.
        small: Sizes that show that a row works, not how fast it is; nothing of it can be recorded.
        rounds: Turns of each side; None: 5, or 2 of the small sizes. A row against limits may allow fewer.
        json_file: Where to write everything that was measured.
        recorded: Whether to put it into RESULTS.md.

    Raises:
        ChoiceError: There is no such row, or small sizes were to be recorded.
    """
    if small and recorded:
        raise ChoiceError("small sizes show that a row works, not how fast it is: record full ones")
    rows, place = chosen(names), look_around()
    times = rounds or (SMALL_ROUNDS if small else ROUNDS)
    command = " ".join(["city bench", *names, *([f"--rounds {rounds}"] if rounds else [])])
    say(f"{place.machine}; {place.system}; {place.date}; load {place.load:g} per core")
    say(", ".join(f"{name} {each}" for name, each in place.versions.items()))
    if not place.quiet:
        say("other work is running on this machine: trust ratios only, and measure again when it is quiet")
    compared: list[Outcome] = []
    limited: list[LimitOutcome] = []
    for row in rows:
        outcome = run_any(row, times, row.small if small else row.events)
        if isinstance(outcome, Outcome):
            compared.append(outcome)
        else:
            limited.append(outcome)
        if recorded:
            record([outcome], place, command, every_row())
        if json_file is not None:  # after each row: an hour's work is not lost with the last one
            text = json.dumps(as_json(compared, limited, place, command), indent=2, ensure_ascii=False)
            json_file.write_text(text + "\n", encoding="utf-8")


def run_any(row: AnyRow, rounds: int, events: int) -> Outcome | LimitOutcome:
    """Run a row of either kind, and print what it came to."""
    if isinstance(row, Row):
        compared = run_row(row, rounds, events, say)
        for line in lines(compared):
            say(line)
        return compared
    limited = run_limits(row, rounds, events, say)
    for line in limit_lines(limited):
        say(line)
    return limited
