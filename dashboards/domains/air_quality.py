"""The air-quality board: the indices now and over time, where they are high, their changes, and their coverage.

A dot on its maps of Seoul and Beijing is a district with its worst station, in the district's middle, or a station. A
station lies at the coordinates of its readings, else at the quarter or town of its name (`air_quality_station_place`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import geomap, panels
from dashboards.geomap import View
from dashboards.outlines import outline
from dashboards.queries import table_of
from dashboards.style import CAI_COLOURS, US_AQI_COLOURS
from schemas.names import DATABASE, board_uid, topic_name

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard

    from schemas.catalog import Catalog

CHOICE = (
    "$__conditionalAll(city IN (${city:singlequote}), $city) "
    "AND $__conditionalAll(station IN (${station:singlequote}), $station)"
)
HOURLY = f"{DATABASE}.air_quality_reading_hourly"
DAILY = f"{DATABASE}.air_quality_reading_daily"
ROLL_UPS = {topic_name("air_quality", "reading"): DAILY}
PLACES = f"{DATABASE}.air_quality_station_place"
SEOUL = View(126.45, 37.3, 127.35, 37.75)
BEIJING = View(115.2, 38.9, 118.4, 40.8)
WHO_PM2_5_DAY = 15
"""WHO 2021 guideline for PM2.5 over 24 h, µg/m³."""


def board(catalog: Catalog) -> dashboard.Dashboard:
    """Return the board."""
    index = table_of(catalog.topics[topic_name("air_quality", "index")], final=False)
    change = table_of(catalog.topics[topic_name("air_quality", "category-change")])
    return panels.board(
        board_uid("air_quality"),
        "Air quality",
        [
            worst(index),
            stations(index),
            age(index),
            unhealthy(index),
            changes_count(change),
            simulated(),
            where(index, "Seoul now: worst station of each district", "seoul", SEOUL),
            where(index, "Beijing now: stations", "beijing", BEIJING),
            now(index),
            changes(change),
            us_aqi(index),
            cai(index),
            pm2_5(),
            daily(),
            guideline(),
        ],
        variables=[
            panels.variable("city", "City", f"SELECT DISTINCT city FROM {index} ORDER BY city"),
            panels.variable("station", "Station", f"SELECT DISTINCT station FROM {index} ORDER BY station"),
        ],
        start="now-30d",
        about="US AQI and Korean CAI of every station, the changes of category, and what they stand on.",
    )


def worst(index: str) -> Builder[dashboard.Panel]:
    """Return the highest US AQI of the stations' newest readings."""
    return panels.stat(
        "Highest US AQI now",
        f"SELECT max(aqi) AS us_aqi FROM (SELECT station, argMax(us_aqi, occurred_at) AS aqi FROM {index} "
        f"WHERE $__timeFilter(occurred_at) AND {CHOICE} GROUP BY station)",
        steps=US_AQI_COLOURS,
    )


def stations(index: str) -> Builder[dashboard.Panel]:
    """Return the number of stations with readings."""
    return panels.stat(
        "Stations",
        f"SELECT uniqExact(station) AS stations FROM {index} WHERE $__timeFilter(occurred_at) AND {CHOICE}",
    )


def age(index: str) -> Builder[dashboard.Panel]:
    """Return the age of the newest reading."""
    return panels.data_age(
        f"SELECT dateDiff('second', max(occurred_at), now64(3)) AS age FROM {index} WHERE {CHOICE}",
        about="Seconds from the start of the newest averaging interval to now; a daily mean is a day old at best.",
    )


def unhealthy(index: str) -> Builder[dashboard.Panel]:
    """Return the number of stations that are unhealthy or worse now."""
    return panels.stat(
        "Unhealthy or worse",
        f"SELECT countIf(aqi > 150) AS stations FROM (SELECT station, argMax(us_aqi, occurred_at) AS aqi "
        f"FROM {index} WHERE $__timeFilter(occurred_at) AND {CHOICE} GROUP BY station)",
        steps=((0, "green"), (1, "red")),
    )


def changes_count(change: str) -> Builder[dashboard.Panel]:
    """Return the number of category changes."""
    return panels.stat(
        "Category changes",
        f"SELECT count() AS changes FROM {change} WHERE $__timeFilter(occurred_at) AND {CHOICE}",
    )


def simulated() -> Builder[dashboard.Panel]:
    """Return the badge of simulated data from the roll-up: the share of readings from recordings."""
    return panels.simulated(
        f"SELECT sumIf(events, simulated) / sum(events) AS share FROM {HOURLY} WHERE $__timeFilter(last_at)",
    )


def where(index: str, title: str, region: str, view: View) -> Builder[dashboard.Panel]:
    """Return a map of a region with the highest newest US AQI at each place.

    Args:
        index: FROM text of the index table.
        title: Title of the panel.
        region: Name of the outline.
        view: The first view.
    """
    return geomap.places(
        title,
        f"SELECT place, any(latitude) AS latitude, any(longitude) AS longitude, max(aqi) AS us_aqi, "
        f"argMax(station, aqi) AS worst, count() AS stations, max(at) AS newest FROM ("
        f"SELECT city, station, argMax(us_aqi, occurred_at) AS aqi, max(occurred_at) AS at FROM {index} "
        f"WHERE $__timeFilter(occurred_at) AND {CHOICE} GROUP BY city, station) AS newest_of_each "
        f"INNER JOIN {PLACES} AS at_place USING (city, station) "
        f"GROUP BY place HAVING {outline(region).where()} ORDER BY us_aqi, place",
        over=region,
        view=view,
        colour_by="us_aqi",
        label="place",
        steps=US_AQI_COLOURS,
        about="A dot is the middle of a district, or the place in a station's readings; a station without either "
        "is in the table only.",
    )


def now(index: str) -> Builder[dashboard.Panel]:
    """Return each station's newest indices."""
    return panels.table(
        "Stations now",
        f"SELECT city, station, argMax(us_aqi, occurred_at) AS us_aqi, "
        f"argMax(us_aqi_category, occurred_at) AS us_category, argMax(us_aqi_pollutant, occurred_at) AS pollutant, "
        f"argMax(cai, occurred_at) AS cai, argMax(cai_category, occurred_at) AS cai_category, "
        f"argMax(basis, occurred_at) AS basis, max(occurred_at) AS at FROM {index} "
        f"WHERE $__timeFilter(occurred_at) AND {CHOICE} GROUP BY city, station ORDER BY us_aqi DESC LIMIT 200",
        colours={"us_aqi": US_AQI_COLOURS, "cai": CAI_COLOURS},
    )


def changes(change: str) -> Builder[dashboard.Panel]:
    """Return the latest category changes."""
    return panels.table(
        "Category changes",
        f"SELECT occurred_at AS at, station, scale, from_category, to_category, direction, index FROM {change} "
        f"WHERE $__timeFilter(occurred_at) AND {CHOICE} ORDER BY occurred_at DESC LIMIT 200",
        about="A change counts only when the index has left the old category clearly (hysteresis).",
    )


def us_aqi(index: str) -> Builder[dashboard.Panel]:
    """Return the US AQI of each city's highest station."""
    return panels.timeseries(
        "US AQI by city: highest station",
        f"SELECT $__timeInterval(occurred_at) AS time, city, max(us_aqi) AS highest FROM {index} "
        f"WHERE $__timeFilter(occurred_at) AND {CHOICE} GROUP BY time, city ORDER BY time",
    )


def cai(index: str) -> Builder[dashboard.Panel]:
    """Return the Korean index (CAI) of each city's highest station."""
    return panels.timeseries(
        "CAI by city: highest station",
        f"SELECT $__timeInterval(occurred_at) AS time, city, max(cai) AS highest FROM {index} "
        f"WHERE $__timeFilter(occurred_at) AND {CHOICE} AND cai IS NOT NULL GROUP BY time, city ORDER BY time",
    )


def pm2_5() -> Builder[dashboard.Panel]:
    """Return measured PM2.5 by station, from the roll-up."""
    return panels.timeseries(
        "PM2.5 by station",
        f"SELECT $__timeInterval(bucket) AS time, station, "
        f"sum(pm2_5_mean * pm2_5_count) / sum(pm2_5_count) AS mean FROM {HOURLY} "
        f"WHERE $__timeFilter(bucket) AND {CHOICE} AND pm2_5_count > 0 GROUP BY time, station ORDER BY time",
        unit="conμgm3",
        about="Means of hours at the finest.",
    )


def daily() -> Builder[dashboard.Panel]:
    """Return daily means with their coverage, from the roll-up."""
    return panels.table(
        "Days: PM2.5 and PM10, with coverage",
        f"SELECT toDate(bucket) AS day, station, round(pm2_5_mean, 1) AS pm2_5, round(pm10_mean, 1) AS pm10, "
        f"events, pm2_5_count / if(averaging = 'PT1H', 24, 1) AS coverage FROM {DAILY} "
        f"WHERE $__timeFilter(bucket) AND {CHOICE} ORDER BY day DESC, station LIMIT 500",
        units={"coverage": "percentunit"},
        about="A mean needs its coverage: 75 % of the hours are required.",
    )


def guideline() -> Builder[dashboard.Panel]:
    """Return the number of station-days over the WHO guideline."""
    return panels.timeseries(
        f"Station-days over the WHO guideline (PM2.5 > {WHO_PM2_5_DAY} µg/m³)",
        f"SELECT toDateTime(toDate(bucket)) AS time, countIf(pm2_5_mean > {WHO_PM2_5_DAY}) AS over, count() AS all "
        f"FROM {DAILY} WHERE $__timeFilter(bucket) AND {CHOICE} GROUP BY time ORDER BY time",
    )
