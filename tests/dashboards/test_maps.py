"""Maps without internet: the bundled outlines, the script that made them, and the panels over them."""

from __future__ import annotations

import base64
import json
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from dashboards.build import boards
from dashboards.geomap import HIGH_PX, TILE_PX, WIDE_PX, View, zoom
from dashboards.maps.make import LEAST_CORNERS, REGIONS, Region, clip, outline, thin, unrolled
from dashboards.outlines import FOLDER, known
from dashboards.outlines import outline as read
from schemas.catalog import load_catalog

if TYPE_CHECKING:
    from pathlib import Path

BOARDS = boards(load_catalog())
MAPS = [
    pytest.param(panel, id=f"{uid}: {panel['title']}")
    for uid, board in BOARDS.items()
    for panel in board["panels"]
    if panel["type"] == "geomap"
]
WITH_PLACES = {"city-air-quality", "city-cargo", "city-vehicle"}
WITHOUT_PLACES = {"city-energy", "city-health"}
MOST_BYTES = 60_000
SQUARE = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0), (0.0, 0.0)]


def test_boards_of_events_with_places_have_maps_and_those_of_homes_and_persons_have_none() -> None:
    """Air quality, cargo and vehicles have maps; a place of energy or health would be a person's."""
    found = {uid for uid, board in BOARDS.items() if any(p["type"] == "geomap" for p in board["panels"])}
    assert found >= WITH_PLACES
    assert not found & WITHOUT_PLACES


@pytest.mark.parametrize("panel", MAPS)
def test_a_map_asks_nothing_of_the_internet(panel: dict[str, Any]) -> None:
    """Its base map is an outline that the board itself carries; no layer is one of tiles."""
    layers = [panel["options"]["basemap"], *panel["options"]["layers"]]
    assert [layer["type"] for layer in layers] == ["geojson", "markers"]
    source = panel["options"]["basemap"]["config"]["src"]
    head, _, content = source.partition(",")
    assert head == "data:application/geo+json;base64"
    assert json.loads(base64.b64decode(content))["type"] == "FeatureCollection"
    assert "://" not in json.dumps(panel["options"]["layers"])


@pytest.mark.parametrize("panel", MAPS)
def test_a_window_that_fits_its_points_has_no_zoom(panel: dict[str, Any]) -> None:
    """Grafana takes `zoom` in place of `maxZoom`, so a map with `zoom: 1` would show the whole world."""
    view = panel["options"]["view"]
    assert ("zoom" in view) == (view["id"] == "coords")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.geojson")), ids=lambda path: path.stem)
def test_an_outline_is_small_closed_and_within_its_window(path: Path) -> None:
    """Rings end where they begin and have an inside (RFC 7946); no file weighs more than 60 kB."""
    content = json.loads(path.read_text())
    west, south, east, north = content["bbox"]
    rings = [
        ring for f in content["features"] for polygon in f["geometry"]["coordinates"] for ring in polygon
    ]
    assert path.stat().st_size <= MOST_BYTES
    assert rings
    for ring in rings:
        assert ring[0] == ring[-1]
        assert len(ring) >= LEAST_CORNERS
        assert all(west <= x <= east and south <= y <= north for x, y in ring)


def test_there_is_one_outline_per_region_and_each_is_shown() -> None:
    """The script makes the files that are there, and boards use all of them."""
    shown = {panel.values[0]["options"]["basemap"]["config"]["src"] for panel in MAPS}  # type: ignore[index]
    assert known() == tuple(sorted(region.name for region in REGIONS))
    assert shown == {read(name).url for name in known()}


@pytest.mark.parametrize(
    ("name", "inside", "sea"),
    [("seoul", (127.0, 37.56), (126.0, 37.2)), ("busan", (129.0, 35.2), (129.6, 34.9))],
)
def test_cities_stand_on_land_and_harbours_lie_before_the_sea(
    name: str, inside: tuple[float, float], sea: tuple[float, float]
) -> None:
    """Counted by rays through the rings, not by the code that cut them."""
    assert crossings(name, inside) % 2 == 1
    assert crossings(name, sea) % 2 == 0


def crossings(name: str, point: tuple[float, float]) -> int:
    """Count the borders between a point and what lies east of it."""
    x, y = point
    count = 0
    for line in read(name).lines:
        for (x1, y1), (x2, y2) in pairwise(line):
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                count += 1
    return count


def test_a_ring_is_cut_at_the_window_and_closed_again() -> None:
    """What lies outside is gone; what is left has the area of the overlap."""
    window = Region("some", ("table", "object"), 1, 1, 9, 3, 0.0, 3)
    cut = clip(SQUARE, window)
    assert cut[0] == cut[-1]
    area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(cut)) / 2
    assert math.isclose(area, 3 * 2)
    assert clip(SQUARE, Region("far", ("table", "object"), 10, 10, 11, 11, 0.0, 3)) == []


def test_thinning_keeps_ends_and_corners() -> None:
    """A point on the straight is left out, a corner farther than the tolerance stays."""
    assert thin([(0.0, 0.0), (1.0, 0.01), (2.0, 0.0), (2.0, 2.0)], 0.1) == [
        (0.0, 0.0),
        (2.0, 0.0),
        (2.0, 2.0),
    ]
    assert thin([], 0.1) == []


def test_a_ring_over_the_date_line_does_not_cross_the_world() -> None:
    """Its longitudes go on beyond 180 degrees, so no line is drawn around the globe."""
    ring = unrolled([(179.0, 0.0), (-179.0, 0.0), (-179.0, 1.0), (179.0, 1.0), (179.0, 0.0)])
    assert [x for x, _ in ring] == [179.0, 181.0, 181.0, 179.0, 179.0]


def test_topojson_is_read_with_its_shared_arcs() -> None:
    """Arcs are summed, scaled, turned round where asked, and joined to one ring (TopoJSON 1.0)."""
    topology = {
        "transform": {"scale": [0.5, 0.5], "translate": [10.0, 20.0]},
        "arcs": [[[0, 0], [4, 0], [0, 4]], [[0, 0], [0, 4], [4, 0]]],
        "objects": {"land": {"geometries": [{"type": "Polygon", "arcs": [[0, -2]]}]}},
    }
    made = outline(topology, Region("some", ("table", "land"), 0, 0, 90, 90, 0.0, 1))
    (polygon,) = made["features"][0]["geometry"]["coordinates"]
    assert polygon == [[[10.0, 20.0], [12.0, 20.0], [12.0, 22.0], [10.0, 22.0], [10.0, 20.0]]]


def test_a_first_view_fits_into_the_panel() -> None:
    """At the zoom found, the window is no wider and no higher than a usual panel, and nearly fills one of the two."""
    view = View(126.45, 37.3, 127.35, 37.75)
    pixels = TILE_PX * 2 ** zoom(view)
    wide = (view.east - view.west) / 360 * pixels
    high = (
        (math.asinh(math.tan(math.radians(view.north))) - math.asinh(math.tan(math.radians(view.south))))
        / (2 * math.pi)
        * pixels
    )
    assert wide <= WIDE_PX * 1.01
    assert high <= HIGH_PX * 1.01
    assert max(wide / WIDE_PX, high / HIGH_PX) > 0.98
