"""The air-quality board: the indices now and over time, where they are high, their changes, and their coverage.

A station is "now" while its newest interval ended at most three intervals before the end of the time range; a silent
station is listed without an index. Ages count from the end of an interval. Days are those of the station's own clock.
An index of daily means is shown apart from an index of hours and named so: a day's mean hides the worst hours of a gas.

A dot on its maps of Seoul and Beijing is a district with its worst station, in the district's middle, or a station. A
map is of hours; where no station of its region has hours now, it is of daily means and says so at each dot. A station
lies at the coordinates of its readings, else at the quarter or town of its name (`air_quality_station_place`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import geomap, panels
from dashboards.geomap import View
from dashboards.outlines import outline
from dashboards.queries import table_of
from dashboards.style import CAI_COLOURS, NOW_WITHIN, US_AQI_COLOURS, ages_of
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
INTERVALS = {topic_name("air_quality", event): "averaging" for event in ("reading", "index")}
PLACES = f"{DATABASE}.air_quality_station_place"
SEOUL = View(126.45, 37.3, 127.35, 37.75)
BEIJING = View(115.2, 38.9, 118.4, 40.8)
INTERVAL_S = "if(averaging = 'P1D', 86400, 3600)"
"""Length of an averaging interval, in seconds."""
UNTIL = "least($__toTime, now())"
HOURS, DAILY_MEANS = "stands_on != 'daily-mean'", "stands_on = 'daily-mean'"
"""Conditions on what an index of `newest` stands on."""
QUARTER = 6
"""Width of the numbers at the top."""
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
            unhealthy(index),
            stations(index),
            age(index),
            worst_of_daily_means(index),
            unhealthy_of_daily_means(index),
            simulated(),
            age_of_days(index),
            where(index, "Seoul now: worst station of each district", "seoul", SEOUL),
            where(index, "Beijing now: stations", "beijing", BEIJING),
            now(index),
            now_of_daily_means(index),
            changes(change),
            us_aqi(index),
            us_aqi_of_daily_means(index),
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
    """Return the highest US AQI of the stations that report hours now."""
    return panels.stat(
        "Highest US AQI now",
        f"SELECT maxIf(aqi, is_now AND {HOURS}) AS us_aqi FROM ({newest(index)})",
        steps=US_AQI_COLOURS,
        about="Of hours. Stations whose newest hour ended at most three hours ago.",
        span=QUARTER,
    )


def worst_of_daily_means(index: str) -> Builder[dashboard.Panel]:
    """Return the highest US AQI of daily means of the stations that report days now."""
    return panels.stat(
        "Daily means: highest US AQI",
        f"SELECT maxIf(aqi, is_now AND {DAILY_MEANS}) AS us_aqi_of_daily_means FROM ({newest(index)})",
        steps=US_AQI_COLOURS,
        about="Stations whose newest day ended at most three days ago. A daily mean stands in every row of the table, "
        "also where it asks for hours: for gases lower than the US AQI.",
        span=QUARTER,
    )


def stations(index: str) -> Builder[dashboard.Panel]:
    """Return the number of stations that report now."""
    return panels.stat(
        "Stations now: count",
        f"SELECT uniqExactIf((city, station), is_now) AS stations FROM ({newest(index)})",
        about="Stations whose newest interval ended at most three intervals ago.",
        span=QUARTER,
    )


def age(index: str) -> Builder[dashboard.Panel]:
    """Return the age of the newest hour."""
    return panels.data_age(
        f"SELECT dateDiff('second', maxOrNull(occurred_at) + toIntervalHour(1), now64(3)) AS age FROM {index} "
        f"WHERE averaging = 'PT1H' AND {CHOICE}",
        about="From the end of the newest hour to now; empty if there are no hourly readings.",
        steps=ages_of(3600),
        span=QUARTER,
    )


def age_of_days(index: str) -> Builder[dashboard.Panel]:
    """Return the age of the newest daily mean."""
    return panels.stat(
        "Age of daily means",
        f"SELECT dateDiff('second', maxOrNull(occurred_at) + toIntervalDay(1), now64(3)) AS age FROM {index} "
        f"WHERE averaging = 'P1D' AND {CHOICE}",
        unit="s",
        steps=ages_of(86400),
        about="From the end of the newest day to now; empty if there are no daily means.",
        span=QUARTER,
    )


def unhealthy(index: str) -> Builder[dashboard.Panel]:
    """Return the number of stations whose hours are unhealthy or worse now."""
    return panels.stat(
        "Unhealthy or worse now",
        f"SELECT uniqExactIf((city, station), is_now AND aqi > 150 AND {HOURS}) AS stations FROM ({newest(index)})",
        steps=((0, "green"), (1, "red")),
        about="Stations with a US AQI of hours above 150.",
        span=QUARTER,
    )


def unhealthy_of_daily_means(index: str) -> Builder[dashboard.Panel]:
    """Return the number of stations whose daily means are unhealthy or worse now."""
    return panels.stat(
        "Daily means: unhealthy or worse",
        f"SELECT uniqExactIf((city, station), is_now AND aqi > 150 AND {DAILY_MEANS}) AS stations "
        f"FROM ({newest(index)})",
        steps=((0, "green"), (1, "red")),
        about="Stations with a US AQI of daily means above 150.",
        span=QUARTER,
    )


def simulated() -> Builder[dashboard.Panel]:
    """Return the badge of simulated data from the roll-up: the share of readings from recordings."""
    return panels.simulated(
        f"SELECT sumIf(events, simulated) / sum(events) AS share FROM {HOURLY} WHERE $__timeFilter(last_at)",
        span=QUARTER,
    )


def where(index: str, title: str, region: str, view: View) -> Builder[dashboard.Panel]:
    """Return a map of a region with the highest newest US AQI at each place: of hours, else of daily means.

    Args:
        index: FROM text of the index table.
        title: Title of the panel.
        region: Name of the outline.
        view: The first view.
    """
    return geomap.places(
        title,
        f"SELECT if(of_daily_means, concat(at, ' (daily mean)'), at) AS place, latitude, longitude, us_index, "
        f"if(of_daily_means, 'daily means', 'hours') AS index_of, worst, stations, until FROM ("
        f"SELECT place AS at, {DAILY_MEANS} AS of_daily_means, any(latitude) AS latitude, "
        f"any(longitude) AS longitude, max(aqi) AS us_index, "
        f"argMax(station, aqi) AS worst, uniqExact(station) AS stations, max(ended) AS until, "
        f"min(of_daily_means) OVER () AS no_hours "
        f"FROM ({newest(index)}) AS newest_of_each "
        f"INNER JOIN {PLACES} AS at_place USING (city, station) WHERE is_now AND aqi IS NOT NULL "
        f"GROUP BY at, of_daily_means HAVING {outline(region).where()}"
        f") WHERE of_daily_means = no_hours ORDER BY us_index, place",
        over=region,
        view=view,
        colour_by="us_index",
        label="place",
        steps=US_AQI_COLOURS,
        about="US AQI of hours; of daily means, and named so, where no station of the region has hours now. A dot is "
        "the middle of a district, or the place in a station's readings; a station without either, and one that is "
        "silent, is in the table only.",
    )


def now(index: str) -> Builder[dashboard.Panel]:
    """Return each station's newest indices of hours, those of now first; a silent station has none."""
    return _stations(index, "Stations now", HOURS, "")


def now_of_daily_means(index: str) -> Builder[dashboard.Panel]:
    """Return each station's newest indices of daily means, those of now first; a silent station has none."""
    return _stations(index, "Stations now: daily means", DAILY_MEANS, "_of_daily_means")


def _stations(index: str, title: str, stands_on: str, suffix: str) -> Builder[dashboard.Panel]:
    us, korean = f"us_aqi{suffix}", f"cai{suffix}"
    return panels.table(
        title,
        f"SELECT station, if(is_now, 'now', 'silent') AS state, if(is_now, aqi, NULL) AS {us}, "
        f"if(is_now, aqi_pollutant, NULL) AS pollutant, if(is_now, korean, NULL) AS {korean}, "
        f"ended AS until, city FROM ({newest(index)}) WHERE {stands_on} "
        f"ORDER BY is_now DESC, {us} DESC, city, station LIMIT 200",
        colours={us: US_AQI_COLOURS, korean: CAI_COLOURS},
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
    """Return the US AQI of each city's highest station, from hourly readings."""
    return _over_time(
        index, "US AQI by city: highest station", "us_aqi", "basis != 'daily-mean'", "Of hours."
    )


def us_aqi_of_daily_means(index: str) -> Builder[dashboard.Panel]:
    """Return the US AQI of daily means of each city's highest station."""
    return _over_time(
        index,
        "US AQI of daily means by city: highest station",
        "us_aqi",
        "basis = 'daily-mean'",
        "A daily mean in every row of the table, also where it asks for hours: for gases lower than the US AQI.",
    )


def cai(index: str) -> Builder[dashboard.Panel]:
    """Return the Korean index (CAI) of each city's highest station, from hourly readings."""
    return _over_time(
        index,
        "CAI by city: highest station",
        "cai",
        "basis != 'daily-mean'",
        "Of hours: gases of the hour, particles by their predicted 24 h value.",
    )


def cai_of_daily_means(index: str) -> Builder[dashboard.Panel]:
    """Return the CAI of daily means of each city's highest station."""
    return _over_time(
        index,
        "CAI of daily means by city: highest station",
        "cai",
        "basis = 'daily-mean'",
        "A daily mean in every row of the table, also where it asks for an hour: lower than the CAI for gases. "
        "Air Korea publishes no such index.",
    )


def _over_time(index: str, title: str, column: str, basis: str, about: str) -> Builder[dashboard.Panel]:
    return panels.timeseries(
        title,
        f"SELECT $__timeInterval(occurred_at) AS time, city, max({column}) AS highest FROM {index} "
        f"WHERE $__timeFilter(occurred_at) AND {CHOICE} AND {basis} AND {column} IS NOT NULL "
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
