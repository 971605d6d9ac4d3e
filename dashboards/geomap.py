"""Makes map panels: points over a packaged outline, in Grafana's geomap, without a tile server.

The outline is the base map itself (a `geojson` layer), because all of Grafana's base maps need a tile server on the
internet. The query's columns `latitude` and `longitude` (WGS 84, degrees) are the points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders import common as common_build
from grafana_foundation_sdk.builders import dashboard as board_build
from grafana_foundation_sdk.builders import geomap as geomap_build
from grafana_foundation_sdk.models import common, dashboard, geomap

from dashboards.outlines import outline
from dashboards.panels import DATASOURCE, HALF, Steps
from dashboards.queries import Target
from dashboards.style import thresholds

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder

    from dashboards.outlines import Outline

LAYER = "Places"
LAND = "#8899a6"
HEIGHT = 12
DOT, LABEL_PX, LABEL_ABOVE_PX = 6, 11, -14
TILE_PX, WIDE_PX, HIGH_PX = 256, 700, 400
"""Size of a tile at zoom 0 in web Mercator, and width and height of a panel on a usual screen, in pixels."""


@dataclass(frozen=True)
class View:
    """The window that a map shows at first, in degrees."""

    west: float
    south: float
    east: float
    north: float


def places(
    title: str,
    sql: str,
    *,
    over: str,
    steps: Steps,
    colour_by: str,
    label: str = "",
    view: View | None = None,
    about: str = "",
    unit: str = "short",
    span: int = HALF,
) -> Builder[dashboard.Panel]:
    """Return a map of points.

    Args:
        title: Title of the panel.
        sql: Query with the columns `latitude`, `longitude`, and those named below.
        over: Name of the outline below the points.
        steps: Colours by lower bound.
        colour_by: Numeric column that decides a point's colour.
        label: Column written at each point. Empty: no labels.
        view: The first view. None: the window of all points.
        about: Description of the panel.
        unit: Grafana's unit of `colour_by`.
        span: Width in columns of Grafana's grid.
    """
    return (
        geomap_build.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .with_target(Target(sql, "table"))
        .span(span)
        .height(HEIGHT)
        .unit(unit)
        .thresholds(thresholds(steps))
        .color_scheme(board_build.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .basemap(_Land(outline(over)))
        .layers([_Markers(colour_by, label)])
        .view(_first_view(view))
        .controls(
            geomap_build.ControlsOptions()
            .show_zoom(True)
            .mouse_wheel_zoom(True)
            .show_attribution(False)
            .show_scale(True)
            .show_measure(False)
            .show_debug(False)
        )
        .tooltip(geomap_build.TooltipOptions().mode(geomap.TooltipMode.DETAILS))
    )


class _Land(common_build.MapLayerOptions):
    """The base map: an outline's land."""

    def __init__(self, land: Outline) -> None:
        super().__init__()
        style = _style({"fixed": LAND}, size=DOT, opacity=0.25)
        self._internal = common.MapLayerOptions(
            type_val="geojson",
            name=f"Land: {land.name}",
            config={"src": land.url, "rules": [], "style": style},
            tooltip=False,
        )


class _Markers(common_build.MapLayerOptions):
    """A dot at each row's coordinates."""

    def __init__(self, colour_by: str, label: str) -> None:
        super().__init__()
        style = _style({"field": colour_by, "fixed": "blue"}, size=DOT, opacity=0.8)
        if label:
            style["text"] = {"field": label, "fixed": "", "mode": "field"}
        self._internal = common.MapLayerOptions(
            type_val="markers",
            name=LAYER,
            config={"showLegend": False, "style": style},
            location=common.FrameGeometrySource(
                mode=common.FrameGeometrySourceMode.COORDS, latitude="latitude", longitude="longitude"
            ),
            tooltip=True,
        )


def _style(colour: dict[str, str], *, size: int, opacity: float) -> dict[str, Any]:
    return {
        "color": colour,
        "opacity": opacity,
        "lineWidth": 1,
        "size": {"fixed": size, "min": 2, "max": 15},
        "rotation": {"fixed": 0, "mode": "mod", "min": -360, "max": 360},
        "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
        "symbolAlign": {"horizontal": "center", "vertical": "center"},
        "textConfig": {
            "fontSize": LABEL_PX,
            "offsetX": 0,
            "offsetY": LABEL_ABOVE_PX,
            "textAlign": "center",
            "textBaseline": "middle",
        },
    }


class _Fit(geomap_build.MapViewConfig):
    """A window that fits the points. It has no `zoom`: Grafana would take it in place of `maxZoom` at each refresh."""

    def __init__(self) -> None:
        super().__init__()
        self._internal.zoom = None


def _first_view(view: View | None) -> geomap_build.MapViewConfig:
    if view is None:
        return _Fit().id("fit").all_layers(False).layer(LAYER).padding(10).max_zoom(14)
    latitude, longitude = (view.south + view.north) / 2, (view.west + view.east) / 2
    # Grafana's schema says float64 where the SDK says int.
    return geomap_build.MapViewConfig().id("coords").lat(latitude).lon(longitude).zoom(zoom(view))  # type: ignore[arg-type]


def zoom(view: View) -> float:
    """Return the web Mercator zoom at which a window fits into a panel of `WIDE_PX` by `HIGH_PX`."""
    wide = WIDE_PX / TILE_PX * 360 / (view.east - view.west)
    high = HIGH_PX / TILE_PX * 2 * math.pi / (_mercator(view.north) - _mercator(view.south))
    return round(math.log2(min(wide, high)), 2)


def _mercator(latitude: float) -> float:
    return math.asinh(math.tan(math.radians(latitude)))
