"""Draws a board in a terminal: its badges, then its panels in Grafana's grid, each with its title."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.box import Box
from rich.console import Console, Group
from rich.markdown import Markdown
from rich.measure import Measurement
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from dashboards.panels import AGE, SIMULATED, WIDE
from dashboards.terminal.atlas import atlas
from dashboards.terminal.chart import chart
from dashboards.terminal.words import colour, mapped, on, words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import RenderableType

    from dashboards.terminal.query_result import QueryResult

LINE_ABOVE = Box(" ── \n    \n    \n    \n    \n    \n    \n    \n")
"""A panel's frame: a line with its title. Lines at the sides would double the size of a picture."""
FRAME = 4
"""Width of a frame and its padding in characters."""
BADGE = "black on #ff9830"
CELL = 38
"""Widest cell of a table in characters."""


@dataclass(frozen=True)
class Size:
    """The size of a drawn board.

    Attributes:
        columns: Width in characters.
        rows: Most rows of a table.
    """

    columns: int = 140
    rows: int = 10


def board(panels: Mapping[str, Any], ask: Callable[[str], QueryResult], size: Size, time_range: str) -> Group:
    """Run a board's queries and draw its panels.

    Args:
        panels: The board as Grafana's JSON.
        ask: Runs a panel's query text.
        size: Size of the drawing.
        time_range: The time range in words.
    """
    results = {
        number: ask(panel["targets"][0]["rawSql"])
        for number, panel in enumerate(panels["panels"])
        if panel.get("targets")
    }
    drawn: list[RenderableType] = [_head(panels, results, time_range)]
    numbered = list(enumerate(panels["panels"]))
    for _, row in groupby(numbered, key=lambda each: each[1]["gridPos"]["y"]):
        drawn += _row([(panel, results.get(number)) for number, panel in row], size)
    return Group(*drawn)


def _head(board: Mapping[str, Any], results: Mapping[int, QueryResult], time_range: str) -> Text:
    """Return the title, the badge of simulated data, the age of the data, and the time range."""
    text = Text.assemble((board["title"], "bold"), "  ")
    for number, panel in enumerate(board["panels"]):
        value = _single(results[number]) if number in results else None
        if panel["title"] == SIMULATED and value:
            text.append(f" SIMULATED {words(value, 'percentunit')} ", BADGE)
            text.append("  ")
        if panel["title"] in AGE and value is not None:
            text.append(f"data {words(value, 's')} old  ")
    return text.append(time_range, "dim")


def _row(panels: Sequence[tuple[Mapping[str, Any], QueryResult | None]], size: Size) -> list[RenderableType]:
    """Return panels side by side. A table that is too wide gets a row of its own."""
    beside, below = [], []
    for panel, result in panels:
        left = panel["gridPos"]["x"]
        width = _at(left + panel["gridPos"]["w"], size) - _at(left, size)
        content = _content(panel, result, width - FRAME, size)
        if isinstance(content, Table) and _wants(content) > width - FRAME:
            content.padding = (0, 1, 0, 0)
        if width < size.columns and _wants(content) > width - FRAME:
            below.append((panel, content, size.columns))
        else:
            beside.append((panel, content, width))
    if below and len(beside) == 1:
        ((panel, _, _),) = beside
        result = next(result for each, result in panels if each is panel)
        beside = [(panel, _content(panel, result, size.columns - FRAME, size), size.columns)]
    grid = Table.grid(padding=0)
    tall = max((_lines(content, width - FRAME) for _, content, width in beside), default=0)
    for _ in beside:
        grid.add_column()
    if beside:
        grid.add_row(*(_framed(panel, content, width, tall + 2) for panel, content, width in beside))
    return [*([grid] if beside else []), *(_framed(*each, None) for each in below)]


def _at(unit: int, size: Size) -> int:
    return round(unit * size.columns / WIDE)


def _framed(panel: Mapping[str, Any], content: RenderableType, width: int, height: int | None) -> Panel:
    return Panel(
        content,
        box=LINE_ABOVE,
        title=Text(panel["title"], style="bold"),
        title_align="left",
        width=width,
        height=height,
        border_style="dim",
    )


def _wants(content: RenderableType) -> int:
    if not isinstance(content, Table):
        return 0
    console = Console(width=1000)
    return Measurement.get(console, console.options, content).maximum


def _lines(content: RenderableType, width: int) -> int:
    console = Console(width=width)
    return len(console.render_lines(content, console.options.update(width=width)))


def _content(
    panel: Mapping[str, Any], result: QueryResult | None, columns: int, size: Size
) -> RenderableType:
    if result is None:
        return Markdown(panel["options"]["content"])
    if result.error:
        return Text(result.error, style="red")
    unit = panel["fieldConfig"]["defaults"].get("unit", "short")
    match panel["type"]:
        case "stat":
            return stat(panel, result, unit)
        case "timeseries":
            draw = panel["fieldConfig"]["defaults"]["custom"].get("drawStyle", "line")
            return chart(result, unit, columns, draw)
        case "geomap":
            return atlas(panel, result, columns)
        case _:
            return table(panel, result, size.rows)


def stat(panel: Mapping[str, Any], result: QueryResult, unit: str) -> Text:
    """Draw one value on its colour.

    Args:
        panel: A stat panel as Grafana's JSON.
        result: Result of its query.
        unit: Grafana's unit of the value.
    """
    value, defaults = _single(result), panel["fieldConfig"]["defaults"]
    text, shade = mapped(value, defaults.get("mappings", [])) or (
        words(value, unit),
        colour(value, defaults["thresholds"]["steps"]) if value is not None else "",
    )
    if panel["options"]["colorMode"] == "none":
        shade = ""
    return Text(f" {text} ", style=f"bold {on(shade)}" if shade else "bold")


def table(panel: Mapping[str, Any], result: QueryResult, rows: int) -> RenderableType:
    """Draw the first rows, each column in its unit and colours.

    Args:
        panel: A table panel as Grafana's JSON.
        result: Result of its query.
        rows: Most rows to draw.
    """
    if not result.rows:
        return Text("no rows in this time", style="dim")
    units, steps = _overrides(panel)
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold dim")
    for index, name in enumerate(result.columns):
        right = all(isinstance(row[index], int | float) or row[index] is None for row in result.rows)
        made.add_column(name, justify="right" if right else "left", no_wrap=True, max_width=CELL)
    for row in result.rows[:rows]:
        cells = []
        for name, value in zip(result.columns, row, strict=True):
            shade = colour(value, steps[name]) if name in steps and value is not None else ""
            cells.append(Text(words(value, units.get(name, "short")), style=on(shade) if shade else ""))
        made.add_row(*cells)
    if len(result.rows) > rows:
        made.add_row(Text(f"… {len(result.rows) - rows:,} more", style="dim"))
    return made


def _overrides(panel: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, list[dict[str, Any]]]]:
    units, steps = {}, {}
    for override in panel["fieldConfig"].get("overrides", []):
        for each in override["properties"]:
            if each["id"] == "unit":
                units[override["matcher"]["options"]] = each["value"]
            if each["id"] == "thresholds":
                steps[override["matcher"]["options"]] = each["value"]["steps"]
    return units, steps


def _single(result: QueryResult) -> Any:
    """Return the last value that is not null, as a stat panel does."""
    return next((v for row in reversed(result.rows) for v in reversed(row) if v is not None), None)
