"""Makes the outlines: clips Natural Earth's land to the boards' regions and simplifies it.

    npm pack world-atlas@2.0.2
    python -m dashboards.maps.make world-atlas-2.0.2.tgz

Natural Earth is in the public domain. world-atlas contains its version 4.1.0 as TopoJSON. The outlines are committed
beside this script, so nothing is downloaded when a board is built or shown.
"""

from __future__ import annotations

import hashlib
import json
import math
import operator
import sys
import tarfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Point = tuple[float, float]
"""Longitude and latitude in degrees, as GeoJSON writes them."""

Ring = list[Point]

PACKAGE_SHA256 = "032e7765f2ce00edaeafec23ff22bc3b77e42987c257da944cc585b452c05b97"
"""SHA-256 of `world-atlas-2.0.2.tgz`. Other files are refused."""

LEAST_CORNERS = 4
"""Fewest points of a closed ring with an area (RFC 7946, 3.1.6)."""

HALF_TURN = 180.0
"""Longest difference of longitude between two points of a ring, in degrees. A longer one crosses the date line."""


@dataclass(frozen=True)
class Region:
    """The region of one outline.

    Attributes:
        name: Name of its file.
        source: File of world-atlas, and the object in it.
        west: Western edge of its window, degrees.
        south: Southern edge, degrees.
        east: Eastern edge, degrees.
        north: Northern edge, degrees.
        tolerance: Largest distance of a dropped point from the simplified line, degrees.
        digits: Decimals of the coordinates.
    """

    name: str
    source: tuple[str, str]
    west: float
    south: float
    east: float
    north: float
    tolerance: float
    digits: int


REGIONS = (
    Region("world", ("countries-110m", "land"), -180, -60, 180, 84, 0.25, 1),
    Region("seoul", ("countries-10m", "countries"), 125.6, 36.8, 128.2, 38.4, 0.003, 3),
    Region("beijing", ("countries-10m", "countries"), 114.5, 38.2, 119.9, 41.6, 0.005, 3),
    Region("busan", ("countries-10m", "countries"), 128.0, 34.4, 130.0, 36.0, 0.003, 3),
)


def polygons(topology: dict[str, Any], name: str) -> Iterator[list[Ring]]:
    """Yield an object's polygons, the outer ring first.

    Args:
        topology: A TopoJSON 1.0 document (quantised, delta-encoded, shared arcs).
        name: The object's name.
    """
    (scale_x, scale_y), (move_x, move_y) = (topology["transform"][key] for key in ("scale", "translate"))
    arcs: list[Ring] = []
    for arc in topology["arcs"]:
        x = y = 0
        points: Ring = []
        for step_x, step_y in arc:
            x, y = x + step_x, y + step_y
            points.append((x * scale_x + move_x, y * scale_y + move_y))
        arcs.append(points)
    for geometry in topology["objects"][name]["geometries"]:
        several = geometry["type"] == "MultiPolygon"
        for polygon in geometry["arcs"] if several else [geometry["arcs"]]:
            yield [_joined(arcs, numbers) for numbers in polygon]


def _joined(arcs: list[Ring], numbers: Iterable[int]) -> Ring:
    ring: Ring = []
    for number in numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        ring.extend(arc[1:] if ring else arc)
    return ring


def unrolled(ring: Ring) -> Ring:
    """Return a ring without jumps at the date line: its longitudes continue beyond 180 degrees."""
    offset, made = 0.0, ring[:1]
    for before, point in pairwise(ring):
        offset += (
            360.0 if before[0] - point[0] > HALF_TURN else -360.0 if point[0] - before[0] > HALF_TURN else 0.0
        )
        made.append((point[0] + offset, point[1]))
    return made


def clip(ring: Ring, region: Region) -> Ring:
    """Return a ring clipped to the region's window, closed again (Sutherland and Hodgman, 1974)."""
    sides: tuple[tuple[int, float, Callable[[float, float], bool]], ...] = (
        (0, region.west, operator.ge),
        (0, region.east, operator.le),
        (1, region.south, operator.ge),
        (1, region.north, operator.le),
    )
    for axis, bound, inside in sides:
        kept: Ring = []
        for start, end in zip(ring, [*ring[1:], *ring[:1]], strict=True):
            if inside(start[axis], bound):
                kept.append(start)
            if inside(start[axis], bound) != inside(end[axis], bound):
                kept.append(_crossing(start, end, axis, bound))
        ring = kept
    return [*ring, ring[0]] if ring and ring[0] != ring[-1] else ring


def _crossing(start: Point, end: Point, axis: int, bound: float) -> Point:
    share = (bound - start[axis]) / (end[axis] - start[axis])
    other = start[1 - axis] + share * (end[1 - axis] - start[1 - axis])
    return (bound, other) if axis == 0 else (other, bound)


def thin(line: Ring, tolerance: float) -> Ring:
    """Return a line without the points that change it by less than the tolerance (Douglas and Peucker, 1973).

    Args:
        line: Points in degrees.
        tolerance: Degrees.
    """
    if not line:
        return []
    keep = {0, len(line) - 1}
    spans = [(0, len(line) - 1)]
    while spans:
        first, last = spans.pop()
        apart, index = max(
            ((_distance(line[i], line[first], line[last]), i) for i in range(first + 1, last)),
            default=(0.0, 0),
        )
        if apart > tolerance:
            keep.add(index)
            spans += [(first, index), (index, last)]
    return [line[index] for index in sorted(keep)]


def _distance(point: Point, start: Point, end: Point) -> float:
    """Return the distance of a point from a line segment, in degrees."""
    along = (end[0] - start[0], end[1] - start[1])
    length = along[0] ** 2 + along[1] ** 2
    share = ((point[0] - start[0]) * along[0] + (point[1] - start[1]) * along[1]) / length if length else 0.0
    share = min(1.0, max(0.0, share))
    return math.dist(point, (start[0] + share * along[0], start[1] + share * along[1]))


def outline(topology: dict[str, Any], region: Region) -> dict[str, Any]:
    """Return a region's land as GeoJSON (RFC 7946), with its window as `bbox`."""
    land = []
    for polygon in polygons(topology, region.source[1]):
        for turn in (-360.0, 0.0, 360.0):
            moved = [[(x + turn, y) for x, y in unrolled(ring)] for ring in polygon]
            kept = [flat for ring in moved if len(flat := _flat(ring, region)) >= LEAST_CORNERS]
            land += [kept] if kept else []
    window = [region.west, region.south, region.east, region.north]
    geometry = {"type": "MultiPolygon", "coordinates": land}
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    return {"type": "FeatureCollection", "bbox": window, "features": [feature]}


def _flat(ring: Ring, region: Region) -> list[list[float]]:
    """Return the part of a ring in the window, simplified and rounded."""
    cut = clip(ring, region)
    points = [[round(value, region.digits) for value in point] for point in thin(cut, region.tolerance)]
    return [point for i, point in enumerate(points) if not i or point != points[i - 1]]


def main(package: Path, folder: Path) -> None:
    """Write every outline.

    Args:
        package: The archive of world-atlas.
        folder: Folder of the outlines.

    Raises:
        SystemExit: The package is not the pinned one.
    """
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    if digest != PACKAGE_SHA256:
        raise SystemExit(
            f"{package}: expected SHA-256 {PACKAGE_SHA256}, got {digest}; take world-atlas@2.0.2"
        )
    with tarfile.open(package) as archive:
        for region in REGIONS:
            member = archive.extractfile(f"package/{region.source[0]}.json")
            assert member is not None  # noqa: S101 - the digest says what is in it
            made = outline(json.load(member), region)
            text = json.dumps(made, separators=(",", ":")) + "\n"
            (folder / f"{region.name}.geojson").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)
