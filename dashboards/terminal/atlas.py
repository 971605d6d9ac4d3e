"""Maps in a terminal: an outline and places over it, in web Mercator as Grafana's map shows them."""

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
    from dashboards.terminal.answer import Answer

ROWS = 18
LAND_STYLE = "#5c6b78"
MARKED = 300
"""Up to so many places are marked with a disc each; more are dots."""
LABELLED = 6
"""Up to so many places are labelled on the map."""
LISTED = 4
"""Places named below the map, those of the highest value."""
MARGIN = 0.08
LEAST_DEGREES = 0.02
"""A single place is shown within a window of this size."""


@dataclass(frozen=True)
class Frame:
    """Turns degrees into dots: what is at the left, at the top, and how many dots a Mercator degree has."""

    left: float
    top: float
    scale: float

    def place(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Return where a place lies on the canvas."""
        return (longitude - self.left) * self.scale, (self.top - mercator(latitude)) * self.scale


def mercator(latitude: float) -> float:
    """Return a latitude's distance from the equator on the map, in degrees of longitude."""
    return math.degrees(math.asinh(math.tan(math.radians(max(-85.0, min(85.0, latitude))))))


def frame_of(view: Mapping[str, Any], points: Sequence[tuple[float, float]], canvas: Canvas) -> Frame:
    """Return the frame of a panel's view: around its centre at its zoom, or around the points (longitude, latitude)."""
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
    """Return the outline that a panel's base map shows."""
    source = panel["options"]["basemap"]["config"]["src"]
    return next(each for each in map(outline, known()) if each.url == source)


def atlas(panel: Mapping[str, Any], answer: Answer, columns: int) -> Group:
    """Return a panel's map, `columns` characters wide."""
    style = panel["options"]["layers"][0]["config"]["style"]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    if not answer.rows:
        return Group(Text("no place in this time", style="dim"))
    points = [
        (float(longitude), float(latitude))
        for longitude, latitude in zip(answer.column("longitude"), answer.column("latitude"), strict=True)
    ]
    canvas = Canvas(columns, ROWS)
    frame = frame_of(panel["options"]["view"], points, canvas)
    for line in land_of(panel).lines:
        placed = [frame.place(*point) for point in line]
        for start, end in pairwise(placed):
            canvas.line(start, end, LAND_STYLE)
    for point, value in zip(points, answer.column(style["color"]["field"]), strict=True):
        x, y = frame.place(*point)
        if len(points) <= MARKED:
            canvas.mark(x, y, "●", colour(value, steps))
        else:
            canvas.dot(x, y, colour(value, steps))
    label = style.get("text", {}).get("field")
    if label and len(points) <= LABELLED:
        for point, name in zip(points, answer.column(label), strict=True):
            canvas.label(*frame.place(*point), str(name))
    return Group(*canvas.lines(), _scale(frame, canvas), *_highest(style, answer, _unit(panel)))


def _unit(panel: Mapping[str, Any]) -> str:
    return str(panel["fieldConfig"]["defaults"].get("unit", "short"))


def _scale(frame: Frame, canvas: Canvas) -> Text:
    """Return a bar of a round length, true in the middle of the map."""
    high = frame.top - canvas.height / frame.scale / 2
    km_per_degree = 111.32 / math.cosh(math.radians(high))
    per_character = 2 / frame.scale * km_per_degree
    rough = per_character * canvas.columns / 5
    power = 10 ** math.floor(math.log10(rough))
    length = next(factor * power for factor in (5, 2, 1) if factor * power <= rough)
    bar = max(2, round(length / per_character))
    return Text(f"├{'─' * (bar - 2)}┤ {length:g} km", style="dim")


def _highest(style: Mapping[str, Any], answer: Answer, unit: str) -> list[Text]:
    label = style.get("text", {}).get("field")
    if not label:
        return []
    named = dict(zip(answer.column(label), answer.column(style["color"]["field"]), strict=True))
    first = sorted(named.items(), key=lambda each: -each[1])[:LISTED]
    return [Text("highest: " + ", ".join(f"{name} {words(value, unit)}" for name, value in first))]
