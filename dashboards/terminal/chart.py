"""Lines over time: the answer of a time-series query as a chart of dots with its axes and legend."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC as _UTC
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from dashboards.terminal.canvas import Canvas
from dashboards.terminal.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.terminal.answer import Answer

Point = tuple[float, float]

PALETTE = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#b877d9", "#5794f2", "#c0d8ff")
"""Grafana's classic palette, repeated."""
NAMED = 6
"""Series that the legend tells; of the others only how many."""
AXIS = 12
"""Characters of the y axis."""
ROWS = 8


@dataclass
class Series:
    """One line."""

    name: str
    points: list[tuple[float, float]] = field(default_factory=list)


def series_of(answer: Answer) -> list[Series]:
    """Return the lines of an answer: one per number column and combination of texts, as the plug-in does."""
    found: dict[str, Series] = {}
    numbers = [i for i, name in enumerate(answer.columns) if i and _is_number(answer.rows, i)]
    labels = [i for i in range(1, len(answer.columns)) if i not in numbers]
    for row in answer.rows:
        at = _seconds(row[0])
        for index in numbers:
            if at is None or row[index] is None:
                continue
            parts = [words(row[i]) for i in labels] + (
                [answer.columns[index]] if len(numbers) > 1 or not labels else []
            )
            name = " ".join(parts)
            found.setdefault(name, Series(name)).points.append((at, float(row[index])))
    return list(found.values())


def chart(answer: Answer, unit: str, columns: int, draw: str = "line") -> Group:
    """Return the chart of an answer, `columns` characters wide, as lines, bars or points."""
    series = series_of(answer)
    points = [point for each in series for point in each.points]
    if not points:
        return Group(Text("no data in this time", style="dim"))
    canvas = Canvas(max(10, columns - AXIS), ROWS)
    low, high = min(0.0, *(y for _, y in points)), max(y for _, y in points)
    start, end = min(x for x, _ in points), max(x for x, _ in points)
    tall, wide = (high - low) or 1.0, (end - start) or 1.0

    def place(point: Point) -> Point:
        x = (point[0] - start) / wide * (canvas.width - 1)
        return x, (canvas.height - 1) * (1 - (point[1] - low) / tall)

    for number, each in enumerate(series):
        style = PALETTE[number % len(PALETTE)]
        placed = [place(point) for point in sorted(each.points)]
        for one, other in _strokes(placed, place((start, 0.0))[1], draw):
            canvas.line(one, other, style)
    drawn = [
        Text(_axis(row, low, high, unit).rjust(AXIS - 1) + " ", style="dim").append_text(line)
        for row, line in enumerate(canvas.lines())
    ]
    return Group(*drawn, _times(start, end, columns), *_legend(series, unit, columns))


def _strokes(placed: Sequence[Point], floor: float, draw: str) -> list[tuple[Point, Point]]:
    """Return what to draw: from each point to the next, down to zero, or to itself."""
    match draw:
        case "bars":
            return [(each, (each[0], floor)) for each in placed]
        case "points":
            return [(each, each) for each in placed]
    return list(zip(placed, placed[1:] or placed, strict=False))


def _axis(row: int, low: float, high: float, unit: str) -> str:
    ends = {0: high, ROWS - 1: low}
    return words(ends[row], unit)[: AXIS - 1] if row in ends else ""


def _times(start: float, end: float, columns: int) -> Text:
    long = end - start >= 86_400
    first, last = (
        datetime.fromtimestamp(at, tz=_UTC).strftime("%Y-%m-%d" if long else "%m-%d %H:%M:%S")
        for at in (start, end)
    )
    gap = max(1, columns - AXIS - len(first) - len(last))
    return Text(" " * AXIS + first + " " * gap + last, style="dim", no_wrap=True)


def _legend(series: Sequence[Series], unit: str, columns: int) -> list[Text]:
    """Return each line's colour, name and newest value; an entry is never torn apart."""
    entries = [
        Text.assemble(
            ("━ ", PALETTE[number % len(PALETTE)]), f"{each.name} {words(max(each.points)[1], unit)}   "
        )
        for number, each in enumerate(series[:NAMED])
    ]
    if len(series) > NAMED:
        entries.append(Text(f"… {len(series) - NAMED} more", "dim"))
    lines = [Text(" " * AXIS, no_wrap=True)]
    for entry in entries:
        if lines[-1].cell_len > AXIS and lines[-1].cell_len + entry.cell_len > columns:
            lines.append(Text(" " * AXIS, no_wrap=True))
        lines[-1].append_text(entry)
    return lines


def _is_number(rows: Sequence[Sequence[Any]], index: int) -> bool:
    seen = [row[index] for row in rows if row[index] is not None]
    return bool(seen) and all(isinstance(v, int | float | Decimal) and not isinstance(v, bool) for v in seen)


def _seconds(value: Any) -> float | None:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=_UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=_UTC).timestamp()
    return None
