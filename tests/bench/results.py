"""`RESULTS.md`: one line for each row and peer, and for each row and limit, replaced when the row is measured again.

What stands from `WHY` on is written by hand and kept as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.harness import Outcome, Row
from tests.bench.limit_report import limit_cells
from tests.bench.report import spread, target_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.bench.figures import Measured, Spread
    from tests.bench.limits import AnyRow, LimitOutcome
    from tests.bench.report import Place

RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = """\
# Results

Written by `city bench --record`, which replaces the lines of the rows that it measures; what they mean is told in
[README.md](README.md). Each cell is the median (smallest to largest round). Above 1× is better for us. µs are of the
side's own process; of broker and engine they stand behind `+`.

"""
LIMITS = "\n## Against limits\n\n"
WHY = "## Why rows miss\n"
_COLUMNS = (
    "row", "peer", "ours, events/s; CPU", "peer, events/s; CPU", "ratio, events/s", "ratio per CPU second",
    "target", "command", "date", "machine",
)  # fmt: skip
_LIMIT_COLUMNS = (
    "row", "quantity", "median (min to max)", "limit", "met", "command", "date", "machine",
)  # fmt: skip
Lines = dict[tuple[str, str], tuple[str, ...]]


@dataclass
class Kept:
    """What the file holds.

    Attributes:
        compared: Cells by row and peer.
        limited: Cells by row and quantity.
        why: The part written by hand, with its heading.
    """

    compared: Lines = field(default_factory=dict)
    limited: Lines = field(default_factory=dict)
    why: str = WHY


def record(
    outcomes: Iterable[Outcome | LimitOutcome], place: Place, command: str, rows: Mapping[str, AnyRow]
) -> None:
    """Put outcomes into the file; lines of rows and peers that no longer exist go."""
    known = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    RESULTS.write_text(merged(known, outcomes, place, command, rows), encoding="utf-8")


def merged(
    known: str,
    outcomes: Iterable[Outcome | LimitOutcome],
    place: Place,
    command: str,
    rows: Mapping[str, AnyRow],
) -> str:
    """Return the file's text with outcomes put in."""
    kept = parse(known)
    for outcome in outcomes:
        if isinstance(outcome, Outcome):
            kept.compared |= _lines_of(outcome, place, command)
        else:
            others = {key: each for key, each in kept.limited.items() if key[0] != outcome.row.name}
            kept.limited = others | _limit_lines_of(outcome, place, command)
    places = [(row.name, peer.name) for row in rows.values() if isinstance(row, Row) for peer in row.peers]
    compared = [kept.compared[each] for each in places if each in kept.compared]
    limited = [
        cells
        for name, row in rows.items()
        if not isinstance(row, Row)
        for key, cells in kept.limited.items()
        if key[0] == name
    ]
    return render(compared, limited, rows, kept.why)


def render(
    compared: Sequence[tuple[str, ...]], limited: Sequence[tuple[str, ...]], rows: Iterable[str], why: str
) -> str:
    """Write the file."""
    recorded = {cells[0] for cells in (*compared, *limited)}
    missing = ", ".join(f"`{name}`" for name in rows if name not in recorded)
    note = f"No figures recorded yet for: {missing}.\n\n" if missing else ""
    return f"{HEAD}{note}{_table(_COLUMNS, compared)}{LIMITS}{_table(_LIMIT_COLUMNS, limited)}\n{why}"


def parse(text: str) -> Kept:
    """Read both tables and what is written by hand."""
    tables, heading, by_hand = text.partition(WHY)
    lines = [
        tuple(cell.strip() for cell in line.strip().strip("|").split("|"))
        for line in tables.splitlines()
        if line.startswith("| ") and not line.startswith("| ---")
    ]
    heads = (_COLUMNS, _LIMIT_COLUMNS)
    compared, limited = (
        {(each[0], each[1]): each for each in lines if len(each) == len(head) and each != head}
        for head in heads
    )
    return Kept(compared, limited, heading + by_hand or WHY)


def _table(head: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, tuple("---" for _ in head), *lines))


def _tail(place: Place, command: str) -> tuple[str, str, str]:
    return f"`{command}`", place.date[:10], f"{place.machine}; {place.system}; {_versions(place)}"


def _limit_lines_of(outcome: LimitOutcome, place: Place, command: str) -> Lines:
    tail = _tail(place, command)
    return {
        (cells[0], cells[1]): (*(_clean(each) for each in cells), *tail) for cells in limit_cells(outcome)
    }


def _lines_of(outcome: Outcome, place: Place, command: str) -> Lines:
    row = outcome.row
    tail = _tail(place, command)
    found: Lines = {}
    for peer in row.peers:
        ratio = outcome.ratio(peer)
        ours, theirs = (_cell(outcome.measured.get(name)) for name in (row.ours.name, peer.name))
        if ratio is None:
            why = outcome.absent.get(peer.name) or outcome.absent.get(row.ours.name, "no round")
            middle = (ours, theirs, f"not run: {_clean(why)}", "")
        else:
            speed, cpu = ratio.speed_rounds, ratio.cpu_rounds
            middle = (
                ours,
                theirs,
                f"{ratio.speed:.2f}× ({speed.low:.2f} to {speed.high:.2f})",
                f"{ratio.cpu:.2f}× ({cpu.low:.2f} to {cpu.high:.2f})",
            )
        found[row.name, peer.name] = (row.name, peer.name, *middle, target_words(peer), *tail)
    return found


def _cell(rounds: Mapping[int, Measured] | None) -> str:
    speed = spread((rounds or {}).values(), lambda each: each.speed)
    cpu = spread((rounds or {}).values(), lambda each: each.cpu_us)
    servers = spread((rounds or {}).values(), lambda each: each.server_cpu_us)
    if speed is None or cpu is None or servers is None:
        return ""
    return f"{_range(speed)}; {cpu.median:.1f} µs" + (f" + {servers.median:.1f}" if servers.high else "")


def _range(found: Spread) -> str:
    return f"{found.median:,.0f} ({found.low:,.0f} to {found.high:,.0f})"


def _versions(place: Place) -> str:
    return ", ".join(f"{name} {each}" for name, each in place.versions.items())


def _clean(text: str) -> str:
    """Keep a reason from breaking the table."""
    return text.replace("|", "/").replace("\n", " ")
