"""Reads the outlines of land from `maps/`, for boards and terminal.

A board contains its outline as a `data:` URL. The browser loads it, not Grafana, and the browser may run anywhere. So
no address has to be reachable, no server has to allow it (CORS), and nothing is loaded from the internet.
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
        name: Name of its file.
        text: Its GeoJSON.
        west: Western edge of its window, degrees.
        south: Southern edge, degrees.
        east: Eastern edge, degrees.
        north: Northern edge, degrees.
        lines: Coastlines and borders, each a sequence of points.
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
        """Return the SQL condition that coordinates lie in the window.

        Args:
            latitude: Name of the column of latitudes.
            longitude: Name of the column of longitudes.
        """
        return (
            f"{latitude} BETWEEN {self.south} AND {self.north} "
            f"AND {longitude} BETWEEN {self.west} AND {self.east}"
        )


@cache
def outline(name: str) -> Outline:
    """Return an outline by name."""
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
