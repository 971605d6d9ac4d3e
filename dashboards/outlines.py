"""Outlines of land under the maps, read from `maps/`, in the forms that boards and terminal need.

A board carries its outline inside (`data:` URL): a browser asks for it, not Grafana, and the browser may sit anywhere;
so no address has to be right, no server has to allow it (CORS), and nothing is asked of the internet.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "maps"

Point = tuple[float, float]
"""Longitude and latitude in degrees."""


@dataclass(frozen=True)
class Outline:
    """The land of one region.

    Attributes:
        name: Of the file.
        text: GeoJSON.
        west, south, east, north: Its window in degrees.
        lines: Borders of land and water, each a chain of points.
    """

    name: str
    text: str
    west: float
    south: float
    east: float
    north: float
    lines: tuple[tuple[Point, ...], ...]

    @property
    def url(self) -> str:
        """The GeoJSON as a URL that needs no server (RFC 2397)."""
        return "data:application/geo+json;base64," + base64.b64encode(self.text.encode()).decode()

    def where(self, latitude: str = "latitude", longitude: str = "longitude") -> str:
        """Return the SQL condition that a place lies in the window."""
        return (
            f"{latitude} BETWEEN {self.south} AND {self.north} "
            f"AND {longitude} BETWEEN {self.west} AND {self.east}"
        )


@cache
def outline(name: str) -> Outline:
    """Return the outline of that name."""
    text = (FOLDER / f"{name}.geojson").read_text(encoding="utf-8").strip()
    content = json.loads(text)
    west, south, east, north = content["bbox"]
    lines = tuple(
        tuple((point[0], point[1]) for point in ring)
        for feature in content["features"]
        for polygon in feature["geometry"]["coordinates"]
        for ring in polygon
    )
    return Outline(name, text, west, south, east, north, lines)


def known() -> tuple[str, ...]:
    """Return the names of all outlines."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.geojson")))
