"""Draws maps in a terminal: an outline and points over it, in web Mercator as in Grafana's map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from dashboards.geomap import TILE_PX, WIDE_PX
from dashboards.outlines import known, outline
from dashboards.terminal.canvas import Canvas
from dashboards.terminal.words import colour, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.outlines import Outline
    from dashboards.terminal.query_result import QueryResult

ROWS = 18
LAND_STYLE = "#5c6b78"
MARKED = 300
"""Most points that are drawn as discs. More are drawn as dots."""
LABELLED = 6
"""Most points that are labelled on the map."""
LISTED = 4
"""Number of points that are listed below the map, those of the highest value."""
MARGIN = 0.08
"""Share of the map's width and height that stays free on each side."""
LEAST_DEGREES = 0.02
"""Smallest width and height of a window, in degrees."""


@dataclass(frozen=True)
class Frame:
    """Conversion from degrees to dots of the canvas.

    Attributes:
        left: Longitude of the left edge, degrees.
        top: Mercator latitude of the upper edge (see `mercator`), degrees.
        scale: Dots per Mercator degree.
    """

    left: float
    top: float
    scale: float

    def place(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Return the canvas position of coordinates in degrees."""
        return (longitude - self.left) * self.scale, (self.top - mercator(latitude)) * self.scale


def mercator(latitude: float) -> float:
    """Return a latitude's distance from the equator in web Mercator, in degrees of longitude."""
    return math.degrees(math.asinh(math.tan(math.radians(max(-85.0, min(85.0, latitude))))))


def frame_of(view: Mapping[str, Any], points: Sequence[tuple[float, float]], canvas: Canvas) -> Frame:
    """Return the frame of a panel's view.

    Args:
        view: The panel's view in Grafana's JSON: a centre with a zoom, or `fit` for all points.
        points: Longitude and latitude of each point, degrees.
        canvas: What is drawn on.
    """
    if view["id"] == "coords":
        degrees = WIDE_PX / TILE_PX * 360 / 2 ** view["zoom"]
        middle = (view["lon"], mercator(view["lat"]))
        scale = canvas.width / degrees
    else:
        west, east = min(x for x, _ in points), max(x for x, _ in points)
        south, north = min(mercator(y) for _, y in points), max(mercator(y) for _, y in points)
        middle = ((west + east) / 2, (south + north) / 2)
        wide, high = max(LEAST_DEGREES, east - west), max(LEAST_DEGREES, north - south)
        scale = min(canvas.width / wide, canvas.height / high) * (1 - 2 * MARGIN)
    return Frame(middle[0] - canvas.width / scale / 2, middle[1] + canvas.height / scale / 2, scale)


def land_of(panel: Mapping[str, Any]) -> Outline:
    """Return the outline of a panel's base map."""
    source = panel["options"]["basemap"]["config"]["src"]
    return next(each for each in map(outline, known()) if each.url == source)


def atlas(panel: Mapping[str, Any], result: QueryResult, columns: int) -> Group:
    """Draw a panel's map.

    Args:
        panel: A geomap panel as Grafana's JSON.
        result: Result of its query.
        columns: Width in characters.
    """
    style = panel["options"]["layers"][0]["config"]["style"]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    if not result.rows:
        return Group(Text("no place in this time", style="dim"))
    points = [
        (float(longitude), float(latitude))
        for longitude, latitude in zip(result.column("longitude"), result.column("latitude"), strict=True)
    ]
    canvas = Canvas(columns, ROWS)
    frame = frame_of(panel["options"]["view"], points, canvas)
    for line in land_of(panel).lines:
        placed = [frame.place(*point) for point in line]
        for start, end in pairwise(placed):
            canvas.line(start, end, LAND_STYLE)
    for point, value in zip(points, result.column(style["color"]["field"]), strict=True):
        x, y = frame.place(*point)
        if len(points) <= MARKED:
            canvas.mark(x, y, "●", colour(value, steps))
        else:
            canvas.dot(x, y, colour(value, steps))
    label = style.get("text", {}).get("field")
    if label and len(points) <= LABELLED:
        for point, name in zip(points, result.column(label), strict=True):
            canvas.label(*frame.place(*point), str(name))
    return Group(*canvas.lines(), _scale(frame, canvas), *_highest(style, result, _unit(panel)))


def _unit(panel: Mapping[str, Any]) -> str:
    return str(panel["fieldConfig"]["defaults"].get("unit", "short"))


def _scale(frame: Frame, canvas: Canvas) -> Text:
    """Return a scale bar of a round length, exact in the middle of the map."""
    high = frame.top - canvas.height / frame.scale / 2
    km_per_degree = 111.32 / math.cosh(math.radians(high))
    per_character = 2 / frame.scale * km_per_degree
    rough = per_character * canvas.columns / 5
    power = 10 ** math.floor(math.log10(rough))
    length = next(factor * power for factor in (5, 2, 1) if factor * power <= rough)
    bar = max(2, round(length / per_character))
    return Text(f"├{'─' * (bar - 2)}┤ {length:g} km", style="dim")


def _highest(style: Mapping[str, Any], result: QueryResult, unit: str) -> list[Text]:
    label = style.get("text", {}).get("field")
    if not label:
        return []
    named = dict(zip(result.column(label), result.column(style["color"]["field"]), strict=True))
    first = sorted(named.items(), key=lambda each: -each[1])[:LISTED]
    return [Text("highest: " + ", ".join(f"{name} {words(value, unit)}" for name, value in first))]
