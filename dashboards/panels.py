"""Makes panels: one function per kind, with the defaults that all boards share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from grafana_foundation_sdk.builders import common as common_build
from grafana_foundation_sdk.builders import dashboard as board_build
from grafana_foundation_sdk.builders import stat as stat_build
from grafana_foundation_sdk.builders import table as table_build
from grafana_foundation_sdk.builders import text as text_build
from grafana_foundation_sdk.builders import timeseries as timeseries_build
from grafana_foundation_sdk.models import common, dashboard, text

from dashboards.queries import Target
from dashboards.style import (
    AGE_COLOURS,
    ANY_IS_MARKED,
    DATASOURCE_TYPE,
    DATASOURCE_UID,
    INTERVAL_COLOURS,
    NO_DATA,
    NO_REPORT,
    mappings,
    thresholds,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from grafana_foundation_sdk.cog.builder import Builder

    from dashboards.style import Words

Steps = tuple[tuple[float, str], ...]
Draw = Literal["line", "bars", "points"]
DATASOURCE = common.DataSourceRef(type_val=DATASOURCE_TYPE, uid=DATASOURCE_UID)
WIDE, HALF, THIRD, SIXTH, EIGHTH = 24, 12, 8, 4, 3
SIMULATED = "Simulated data"
"""Title of the badge of simulated data."""
AGE = ("Data age", "Since the last record")
"""Titles of the panels that show the age of the data."""
NOT_NOW = "Share of events that were replayed from a recording or a scenario; they did not happen now."


def timeseries(
    title: str, sql: str, *, unit: str = "short", about: str = "", span: int = HALF, draw: Draw = "line"
) -> Builder[dashboard.Panel]:
    """Return a chart of values over time.

    Lines suit continuous values, bars counts, points sporadic values: a line would join values that are days apart.

    Args:
        title: Title of the panel.
        sql: Query whose first column is `time`.
        unit: Grafana's unit of the values.
        about: Description of the panel.
        span: Width in columns of Grafana's grid.
        draw: Lines, bars or points.
    """
    return (
        timeseries_build.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .with_target(Target(sql, "timeseries"))
        .unit(unit)
        .span(span)
        .height(8)
        .draw_style(common.GraphDrawStyle(draw))
        .fill_opacity(60 if draw == "bars" else 8)
        .line_width(1)
        .show_points(common.VisibilityMode.NEVER if draw == "line" else common.VisibilityMode.AUTO)
        .span_nulls(False)
        .legend(
            common_build.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common_build.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
    )


def stat(
    title: str,
    sql: str,
    *,
    unit: str = "short",
    steps: Steps = (),
    words: Words | None = None,
    about: str = "",
    span: int = SIXTH,
) -> Builder[dashboard.Panel]:
    """Return a panel of one large number.

    Args:
        title: Title of the panel.
        sql: Query. The last value of its result that is not null is shown.
        unit: Grafana's unit of the number.
        steps: Colours by lower bound. None: the number says neither good nor bad, and has no colour.
        words: Text and colour in place of values; null is `NO_DATA` if it is not among them.
        about: Description of the panel.
        span: Width in columns of Grafana's grid.
    """
    shown: Words = {None: (NO_DATA, ""), **(words or {})}
    return (
        stat_build.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .with_target(Target(sql, "table"))
        .unit(unit)
        .span(span)
        .height(4)
        .thresholds(thresholds(steps or ((0, "text"),)))
        .mappings(mappings(shown))
        .no_value(shown[None][0])
        .reduce_options(common_build.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_mode(common.BigValueColorMode.BACKGROUND if steps or words else common.BigValueColorMode.NONE)
        .graph_mode(common.BigValueGraphMode.NONE)
    )


def reported(
    title: str, sql: str, *, unit: str = "short", steps: Steps = (), about: str = "", span: int = SIXTH
) -> Builder[dashboard.Panel]:
    """Return a panel of one figure that the platform reports of itself. Null is red: nobody reports it.

    Args:
        title: Title of the panel.
        sql: Query of the figure; null where it is not reported.
        unit: Grafana's unit of the number.
        steps: Colours by lower bound.
        about: Description of the panel.
        span: Width in columns of Grafana's grid.
    """
    return stat(title, sql, unit=unit, steps=steps, words={None: (NO_REPORT, "red")}, about=about, span=span)


def data_age(
    sql: str, *, about: str = "", steps: Steps = AGE_COLOURS, span: int = SIXTH
) -> Builder[dashboard.Panel]:
    """Return the panel of the newest data's age, which every board has.

    Args:
        sql: Query of the age in seconds.
        about: Description of the panel.
        steps: Colours by lower bound in seconds.
        span: Width in columns of Grafana's grid.
    """
    return stat(AGE[0], sql, unit="s", steps=steps, about=about, span=span)


def age_in_intervals(sql: str, *, about: str = "", span: int = SIXTH) -> Builder[dashboard.Panel]:
    """Return the panel of the newest data's age in its own intervals; red from three on.

    Args:
        sql: Query of the age in intervals.
        about: Description of the panel.
        span: Width in columns of Grafana's grid.
    """
    return stat("Age in intervals", sql, steps=INTERVAL_COLOURS, about=about, span=span)


def simulated(sql: str, *, about: str = NOT_NOW, span: int = SIXTH) -> Builder[dashboard.Panel]:
    """Return the badge of simulated data: the share of events from recordings and scenarios.

    Args:
        sql: Query of the share, 0 to 1.
        about: Description of the panel.
        span: Width in columns of Grafana's grid.
    """
    return stat(SIMULATED, sql, unit="percentunit", steps=ANY_IS_MARKED, about=about, span=span)


def table(
    title: str,
    sql: str,
    *,
    about: str = "",
    span: int = HALF,
    units: Mapping[str, str] | None = None,
    colours: Mapping[str, Steps] | None = None,
) -> Builder[dashboard.Panel]:
    """Return a table of rows.

    Args:
        title: Title of the panel.
        sql: Query of the rows.
        about: Description of the panel.
        span: Width in columns of Grafana's grid.
        units: Grafana's units by column.
        colours: Colours by lower bound, by column.
    """
    panel = (
        table_build.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .with_target(Target(sql, "table"))
        .span(span)
        .height(9)
    )
    for column, unit in (units or {}).items():
        panel = panel.override_by_name(column, [dashboard.DynamicConfigValue(id_val="unit", value=unit)])
    for column, steps in (colours or {}).items():
        panel = panel.override_by_name(
            column,
            [
                dashboard.DynamicConfigValue(id_val="thresholds", value=thresholds(steps).build().to_json()),
                dashboard.DynamicConfigValue(
                    id_val="custom.cellOptions", value={"type": "color-background", "mode": "basic"}
                ),
            ],
        )
    return panel


def note(title: str, markdown: str, *, span: int = WIDE, height: int = 3) -> Builder[dashboard.Panel]:
    """Return a panel of text.

    Args:
        title: Title of the panel.
        markdown: The text.
        span: Width in columns of Grafana's grid.
        height: Height in rows of Grafana's grid.
    """
    return (
        text_build.Panel()
        .title(title)
        .mode(text.TextMode.MARKDOWN)
        .content(markdown)
        .span(span)
        .height(height)
    )


def variable(name: str, label: str, sql: str) -> board_build.QueryVariable:
    """Return a template variable with multiple choice, «All» at first.

    Args:
        name: Its name in queries.
        label: Its name for people.
        sql: Query of its values.
    """
    return (
        board_build.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query({"rawSql": sql, "refId": "variable", "queryType": "table", "format": 1})
        .multi(True)
        .include_all(True)
        .current(dashboard.VariableOption(selected=True, text="All", value="$__all"))
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
    )


def board(
    uid: str,
    title: str,
    panels: Iterable[Builder[dashboard.Panel]],
    *,
    variables: Iterable[board_build.QueryVariable] = (),
    start: str = "now-1h",
    refresh: str = "10s",
    about: str = "",
) -> dashboard.Dashboard:
    """Return a board with links to all other boards. The links keep the time range.

    Args:
        uid: Its id in Grafana.
        title: Its title.
        panels: Its panels, in order.
        variables: Its template variables.
        start: Start of its time range, as Grafana writes it.
        refresh: Interval of its refresh, as Grafana writes it.
        about: Its description.
    """
    made = (
        board_build.Dashboard(title)
        .uid(uid)
        .description(about)
        .tags(["city"])
        .timezone("browser")
        .time(start, "now")
        .refresh(refresh)
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .link(
            board_build.DashboardLink("City")
            .type(dashboard.DashboardLinkType.DASHBOARDS)
            .tags(["city"])
            .as_dropdown(True)
            .keep_time(True)
        )
    )
    for each in variables:
        made = made.with_variable(each)
    for panel in panels:
        made = made.with_panel(panel)
    return _laid(made.build())


def _laid(board: dashboard.Dashboard) -> dashboard.Dashboard:
    """Lay a board's panels in rows, from left to right; a panel that does not fit begins the next row."""
    left = top = height = 0
    for panel in board.panels or []:
        place = panel.grid_pos or dashboard.GridPos()
        if left + place.w > WIDE:
            left, top, height = 0, top + height, 0
        place.x, place.y = left, top
        left, height = left + place.w, max(height, place.h)
    return board
