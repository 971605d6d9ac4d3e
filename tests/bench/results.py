"""`RESULTS.md`: one line for each row and peer, replaced when the row is measured again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.report import spread, target_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.bench.figures import Measured, Spread
    from tests.bench.harness import Outcome, Row
    from tests.bench.report import Place

RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = """\
# Results

Written by `city bench --record`, which replaces the lines of the rows that it measures; what they mean is told in
[README.md](README.md). Each cell is the median (smallest to largest round). Above 1× is better for us. µs are of the
side's own process; of broker and engine they stand behind `+`.

"""
_COLUMNS = (
    "row", "peer", "ours, events/s; CPU", "peer, events/s; CPU", "ratio, events/s", "ratio per CPU second",
    "target", "command", "date", "machine",
)  # fmt: skip
Lines = dict[tuple[str, str], tuple[str, ...]]


def record(outcomes: Iterable[Outcome], place: Place, command: str, rows: Mapping[str, Row]) -> None:
    """Put outcomes into the file; lines of rows and peers that no longer exist go."""
    known = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    RESULTS.write_text(merged(known, outcomes, place, command, rows), encoding="utf-8")


def merged(
    known: str, outcomes: Iterable[Outcome], place: Place, command: str, rows: Mapping[str, Row]
) -> str:
    """Return the file's text with outcomes put in."""
    lines = parse(known)
    for outcome in outcomes:
        lines |= _lines_of(outcome, place, command)
    places = [(row.name, peer.name) for row in rows.values() for peer in row.peers]
    told = [lines[each] for each in places if each in lines]
    return render(told, [name for name in rows if not any(cells[0] == name for cells in told)])


def render(told: Iterable[tuple[str, ...]], unrecorded: Iterable[str]) -> str:
    """Write the file."""
    missing = ", ".join(f"`{name}`" for name in unrecorded)
    note = f"No figures recorded yet for: {missing}.\n\n" if missing else ""
    table = [_COLUMNS, tuple("---" for _ in _COLUMNS), *told]
    return HEAD + note + "".join(f"| {' | '.join(cells)} |\n" for cells in table)


def parse(text: str) -> Lines:
    """Read the table's lines, by row and peer."""
    cells = [
        tuple(cell.strip() for cell in line.strip().strip("|").split("|"))
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    return {(each[0], each[1]): each for each in cells[2:] if len(each) == len(_COLUMNS)}


def _lines_of(outcome: Outcome, place: Place, command: str) -> Lines:
    row = outcome.row
    tail = (f"`{command}`", place.date[:10], f"{place.machine}; {place.system}; {_versions(place)}")
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
