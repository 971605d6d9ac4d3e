"""The air-quality board: the indices now and over time, where they are high, their changes, and their coverage.

A station is "now" while its newest interval ended at most three intervals before the end of the time range; a silent
station is listed without an index. Ages count from the end of an interval. Days are those of the station's own clock.
An index of daily means is shown apart from an index of hours and named so.

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
INTERVAL_S = "if(averaging = 'P1D', 86400, 3600)"
"""Length of an averaging interval, in seconds."""
NOW_WITHIN = 3
"""Intervals after which a station is silent."""
UNTIL = "least($__toTime, now())"
HOUR_AGES = ((0, "green"), (2 * 3600, "orange"), (NOW_WITHIN * 3600, "red"))
DAY_AGES = ((0, "green"), (2 * 86400, "orange"), (NOW_WITHIN * 86400, "red"))
"""Colours by seconds since the end of the newest interval: from two and from three intervals on."""
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
            age_of_days(index),
            unhealthy(index),
            simulated(),
            where(index, "Seoul now: worst station of each district", "seoul", SEOUL),
            where(index, "Beijing now: stations", "beijing", BEIJING),
            now(index),
            changes(change),
            us_aqi(index),
            cai(index),
            cai_of_daily_means(index),
            pm2_5(),
            daily(),
            guideline(),
        ],
        variables=[
            panels.variable("city", "City", f"SELECT DISTINCT city FROM {index} ORDER BY city"),
            panels.variable("station", "Station", f"SELECT DISTINCT station FROM {index} ORDER BY station"),
        ],
        start="now-30d",
        about="US AQI and Korean CAI of every station (of daily means where that is all there is), the changes of "
        "category, and what they stand on.",
    )


def newest(index: str) -> str:
    """Return a SELECT of each station's newest index, by averaging interval, and whether it is one of now.

    Args:
        index: FROM text of the index table.
    """
    return (
        f"SELECT city, station, averaging, argMax(tuple(us_aqi), occurred_at).1 AS aqi, "
        f"argMax(tuple(us_aqi_pollutant), occurred_at).1 AS aqi_pollutant, "
        f"argMax(tuple(cai), occurred_at).1 AS korean, argMax(basis, occurred_at) AS stands_on, "
        f"max(occurred_at) + toIntervalSecond({INTERVAL_S}) AS ended, "
        f"ended >= {UNTIL} - toIntervalSecond({NOW_WITHIN} * {INTERVAL_S}) AS is_now "
        f"FROM {index} WHERE $__timeFilter(occurred_at) AND {CHOICE} GROUP BY city, station, averaging"
    )


def worst(index: str) -> Builder[dashboard.Panel]:
    """Return the highest US AQI of the stations that report now."""
    return panels.stat(
        "Highest US AQI now",
        f"SELECT maxIf(aqi, is_now) AS us_aqi FROM ({newest(index)})",
        steps=US_AQI_COLOURS,
        about="Stations whose newest interval ended at most three intervals ago.",
    )


def stations(index: str) -> Builder[dashboard.Panel]:
    """Return the number of stations that report now."""
    return panels.stat(
        "Stations now: count",
        f"SELECT uniqExactIf((city, station), is_now) AS stations FROM ({newest(index)})",
        about="Stations whose newest interval ended at most three intervals ago.",
    )


def age(index: str) -> Builder[dashboard.Panel]:
    """Return the age of the newest hour."""
    return panels.data_age(
        f"SELECT dateDiff('second', maxOrNull(occurred_at) + toIntervalHour(1), now64(3)) AS age FROM {index} "
        f"WHERE averaging = 'PT1H' AND {CHOICE}",
        about="From the end of the newest hour to now; empty if there are no hourly readings.",
        steps=HOUR_AGES,
    )


def age_of_days(index: str) -> Builder[dashboard.Panel]:
    """Return the age of the newest daily mean."""
    return panels.stat(
        "Age of daily means",
        f"SELECT dateDiff('second', maxOrNull(occurred_at) + toIntervalDay(1), now64(3)) AS age FROM {index} "
        f"WHERE averaging = 'P1D' AND {CHOICE}",
        unit="s",
        steps=DAY_AGES,
        about="From the end of the newest day to now; empty if there are no daily means.",
    )


def unhealthy(index: str) -> Builder[dashboard.Panel]:
    """Return the number of stations that are unhealthy or worse now."""
    return panels.stat(
        "Unhealthy or worse now",
        f"SELECT uniqExactIf((city, station), is_now AND aqi > 150) AS stations FROM ({newest(index)})",
        steps=((0, "green"), (1, "red")),
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
        f"argMax(station, aqi) AS worst, uniqExact(station) AS stations, max(ended) AS until "
        f"FROM ({newest(index)}) AS newest_of_each "
        f"INNER JOIN {PLACES} AS at_place USING (city, station) WHERE is_now AND aqi IS NOT NULL "
        f"GROUP BY place HAVING {outline(region).where()} ORDER BY us_aqi, place",
        over=region,
        view=view,
        colour_by="us_aqi",
        label="place",
        steps=US_AQI_COLOURS,
        about="A dot is the middle of a district, or the place in a station's readings; a station without either, "
        "and one that is silent, is in the table only.",
    )


def now(index: str) -> Builder[dashboard.Panel]:
    """Return each station's newest indices, those of now first; a silent station has none."""
    hourly, daily = "is_now AND stands_on != 'daily-mean'", "is_now AND stands_on = 'daily-mean'"
    return panels.table(
        "Stations now",
        f"SELECT station, if(is_now, 'now', 'silent') AS state, if(is_now, aqi, NULL) AS us_aqi, "
        f"if(is_now, aqi_pollutant, NULL) AS pollutant, if({hourly}, korean, NULL) AS cai, "
        f"if({daily}, korean, NULL) AS cai_of_daily_means, ended AS until, city "
        f"FROM ({newest(index)}) ORDER BY is_now DESC, us_aqi DESC, city, station LIMIT 200",
        colours={"us_aqi": US_AQI_COLOURS, "cai": CAI_COLOURS, "cai_of_daily_means": CAI_COLOURS},
        about="Now: the newest interval ended at most three intervals ago. Silent: it ended before that.",
    )


def changes(change: str) -> Builder[dashboard.Panel]:
    """Return the latest category changes."""
    return panels.table(
        "Category changes",
        f"SELECT occurred_at AS at, station, if(basis = 'daily-mean', concat(scale, ' of daily means'), scale) "
        f"AS scale, from_category, to_category, direction, index FROM {change} "
        f"WHERE $__timeFilter(occurred_at) AND {CHOICE} ORDER BY occurred_at DESC LIMIT 200",
        about="A change counts when the index is 5 points past the boundary, or on its other side for three hours.",
    )


def us_aqi(index: str) -> Builder[dashboard.Panel]:
    """Return the US AQI of each city's highest station."""
    return panels.timeseries(
        "US AQI by city: highest station",
        f"SELECT $__timeInterval(occurred_at) AS time, city, max(us_aqi) AS highest FROM {index} "
        f"WHERE $__timeFilter(occurred_at) AND {CHOICE} GROUP BY time, city ORDER BY time",
    )


def cai(index: str) -> Builder[dashboard.Panel]:
    """Return the Korean index (CAI) of each city's highest station, from hourly readings."""
    return _korean(
        index,
        "CAI by city: highest station",
        "basis != 'daily-mean'",
        "Of hours: gases of the hour, particles by their predicted 24 h value.",
    )


def cai_of_daily_means(index: str) -> Builder[dashboard.Panel]:
    """Return the CAI of daily means of each city's highest station."""
    return _korean(
        index,
        "CAI of daily means by city: highest station",
        "basis = 'daily-mean'",
        "A daily mean in every row of the table, also where it asks for an hour: lower than the CAI for gases. "
        "Air Korea publishes no such index.",
    )


def _korean(index: str, title: str, basis: str, about: str) -> Builder[dashboard.Panel]:
    return panels.timeseries(
        title,
        f"SELECT $__timeInterval(occurred_at) AS time, city, max(cai) AS highest FROM {index} "
        f"WHERE $__timeFilter(occurred_at) AND {CHOICE} AND {basis} AND cai IS NOT NULL "
        f"GROUP BY time, city ORDER BY time",
        about=about,
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
        f"SELECT day, zone, station, round(pm2_5_mean, 1) AS pm2_5, round(pm10_mean, 1) AS pm10, "
        f"events, pm2_5_count / if(averaging = 'PT1H', seconds / 3600, 1) AS coverage FROM {DAILY} "
        f"WHERE $__timeFilter(bucket) AND {CHOICE} ORDER BY day DESC, station LIMIT 500",
        units={"coverage": "percentunit"},
        about="Days of the station's own clock. A mean needs its coverage: 75 % of the day's hours are required.",
    )


def guideline() -> Builder[dashboard.Panel]:
    """Return the number of station-days over the WHO guideline."""
    return panels.timeseries(
        f"Station-days over the WHO guideline (PM2.5 > {WHO_PM2_5_DAY} µg/m³)",
        f"SELECT toDateTime(day, 'UTC') AS time, countIf(pm2_5_mean > {WHO_PM2_5_DAY}) AS over, count() AS all "
        f"FROM {DAILY} WHERE $__timeFilter(bucket) AND {CHOICE} GROUP BY time ORDER BY time",
        about="Days of the station's own clock, each drawn at 00:00 UTC of its date.",
    )
