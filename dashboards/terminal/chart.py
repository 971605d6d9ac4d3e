"""Draws the result of a time-series query as a chart of dots with axes and legend."""

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

    from dashboards.terminal.query_result import QueryResult

Point = tuple[float, float]

PALETTE = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#b877d9", "#5794f2", "#c0d8ff")
"""Grafana's classic palette, repeated."""
NAMED = 6
"""Most series in the legend. Of further ones it states the number."""
AXIS = 12
"""Width of the y axis in characters."""
ROWS = 8


@dataclass
class Series:
    """One line of a chart.

    Attributes:
        name: Its name in the legend.
        points: Time in seconds since 1970, and value.
    """

    name: str
    points: list[tuple[float, float]] = field(default_factory=list)


def series_of(result: QueryResult) -> list[Series]:
    """Return the lines of a result: one per numeric column and combination of text values, as the plug-in does.

    Args:
        result: Its first column is the time.
    """
    found: dict[str, Series] = {}
    numbers = [i for i, name in enumerate(result.columns) if i and _is_number(result.rows, i)]
    labels = [i for i in range(1, len(result.columns)) if i not in numbers]
    for row in result.rows:
        at = _seconds(row[0])
        for index in numbers:
            if at is None or row[index] is None:
                continue
            parts = [words(row[i]) for i in labels] + (
                [result.columns[index]] if len(numbers) > 1 or not labels else []
            )
            name = " ".join(parts)
            found.setdefault(name, Series(name)).points.append((at, float(row[index])))
    return list(found.values())


def chart(result: QueryResult, unit: str, columns: int, draw: str = "line") -> Group:
    """Draw a result as a chart.

    Args:
        result: Its first column is the time.
        unit: Grafana's unit of the values.
        columns: Width in characters.
        draw: `line`, `bars` or `points`.
    """
    series = series_of(result)
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
    """Return the strokes of a series: from each point to the next, down to zero, or to itself."""
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
    """Return each line's colour, name and newest value. An entry is never split over two lines."""
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
