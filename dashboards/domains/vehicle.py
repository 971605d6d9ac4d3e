"""The vehicle board: accidents and their severity, hard braking, trips, recorded occurrences, and historical crashes.

A dot on its maps of the world and of Seoul is a place driven past (to 11 m), a hard braking, or an accident.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import geomap, panels
from dashboards.geomap import View
from dashboards.outlines import outline
from dashboards.queries import table_of
from dashboards.style import ZERO_IS_GOOD
from schemas.names import DATABASE, board_uid, topic_name

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard

    from schemas.catalog import Catalog

CHOICE = "$__conditionalAll(vehicle IN (${vehicle:singlequote}), $vehicle)"
WHERE = f"WHERE $__timeFilter(occurred_at) AND {CHOICE}"
OUTCOMES = f"{DATABASE}.vehicle_crash_outcomes"
DELTA_V_COLOURS = ((0, "green"), (8, "yellow"), (15, "orange"), (30, "red"), (50.000001, "dark-red"))
"""Lower bound of each severity band of delta-V, km/h (`delta-v-bands@1`)."""

PLACE_COLOURS = ((0, "blue"), (1, "orange"), (2, "red"))
"""Colours on maps: driven past, braked hard, accident or suspected accident."""

SEOUL = View(126.45, 37.3, 127.35, 37.75)
ABOUT_PLACES = (
    "Blue: driven past. Orange: braked hard. Red: an accident, or a coarse track's suspicion of one."
)


def board(catalog: Catalog) -> dashboard.Dashboard:
    """Return the board."""
    signal, crash_record, dssad, trip, braking, accident = (
        table_of(catalog.topics[topic_name("vehicle", event)])
        for event in ("signal", "crash-record", "dssad-event", "trip", "hard-braking", "accident")
    )
    signals = table_of(catalog.topics[topic_name("vehicle", "signal")], final=False)
    return panels.board(
        board_uid("vehicle"),
        "Vehicles",
        [
            accidents_count(accident),
            braking_count(braking),
            distance(trip),
            vehicles(signals),
            age(signals),
            simulated(signal),
            accidents(accident),
            tracks(signals, braking, accident),
            in_seoul(signals, braking, accident),
            dssad_events(dssad),
            over_time(accident, braking),
            brakings(braking),
            trips(trip),
            per_100_km(trip, braking),
            speed(signals),
            outcomes(),
            crash_years(crash_record),
        ],
        variables=[
            panels.variable(
                "vehicle", "Vehicle", f"SELECT DISTINCT vehicle FROM {signals} ORDER BY vehicle LIMIT 1000"
            )
        ],
        start="now-30d",
        about="Accidents with their severity, hard braking, trips, and what automated cars recorded.",
    )


def accidents_count(accident: str) -> Builder[dashboard.Panel]:
    """Return the number of crash triggers, without suspicions from coarse tracks."""
    return panels.stat(
        "Accidents",
        f"SELECT countIf(NOT coarse) AS accidents FROM {accident} {WHERE}",
        steps=ZERO_IS_GOOD,
        about="8 km/h or more within 150 ms (49 CFR 563), or an air bag. Suspicions from coarse tracks do not count.",
    )


def braking_count(braking: str) -> Builder[dashboard.Panel]:
    """Return the number of hard brakings."""
    return panels.stat("Hard braking", f"SELECT count() AS hard_braking FROM {braking} {WHERE}")


def distance(trip: str) -> Builder[dashboard.Panel]:
    """Return the distance of all trips that ended."""
    return panels.stat("Driven", f"SELECT sum(distance_km) AS distance FROM {trip} {WHERE}", unit="lengthkm")


def vehicles(signal: str) -> Builder[dashboard.Panel]:
    """Return the number of vehicles with signals."""
    return panels.stat("Vehicles", f"SELECT uniqExact(vehicle) AS vehicles FROM {signal} {WHERE}")


def age(signal: str) -> Builder[dashboard.Panel]:
    """Return the age of the newest signal."""
    return panels.data_age(
        f"SELECT dateDiff('second', max(occurred_at), now64(3)) AS age FROM {signal} WHERE {CHOICE}",
    )


def simulated(signal: str) -> Builder[dashboard.Panel]:
    """Return the badge of simulated data: the share of signals from recordings and scenarios."""
    return panels.simulated(
        f"SELECT countIf(simulated) / count() AS share FROM {signal} WHERE $__timeFilter(occurred_at)",
    )


def accidents(accident: str) -> Builder[dashboard.Panel]:
    """Return the accidents with severity, direction of force and origin."""
    return panels.table(
        "Accidents",
        f"SELECT occurred_at AS at, vehicle, severity, round(max_delta_v, 1) AS delta_v, pdof_clock, "
        f"round(speed_before, 1) AS speed_before, restraint, autonomy_level, trigger, coarse, "
        f"splitByChar(':', source)[1] AS origin FROM {accident} {WHERE} ORDER BY occurred_at DESC LIMIT 200",
        units={"delta_v": "velocitykmh", "speed_before": "velocitykmh"},
        colours={"delta_v": DELTA_V_COLOURS},
        span=panels.WIDE,
        about="pdof_clock: where the force came from, 12 is the front. Coarse ones are suspicions without delta-V.",
    )


def tracks(signal: str, braking: str, accident: str) -> Builder[dashboard.Panel]:
    """Return a map of drives, hard brakings and accidents, in the window of all points."""
    return geomap.places(
        "Where vehicles drove, braked and crashed",
        _places(signal, braking, accident, "1"),
        over="world",
        colour_by="weight",
        steps=PLACE_COLOURS,
        about=f"{ABOUT_PLACES} Choose a vehicle to see its track.",
    )


def in_seoul(signal: str, braking: str, accident: str) -> Builder[dashboard.Panel]:
    """Return a map of drives, hard brakings and accidents in Seoul."""
    return geomap.places(
        "Seoul: hard braking and accidents",
        _places(signal, braking, accident, outline("seoul").where()),
        over="seoul",
        view=SEOUL,
        colour_by="weight",
        steps=PLACE_COLOURS,
        about=ABOUT_PLACES,
    )


def _places(signal: str, braking: str, accident: str, condition: str) -> str:
    """Return the query of a map: places driven past to 0.0001 degree (11 m), below hard brakings and accidents."""
    latitude, longitude = "current_location_latitude", "current_location_longitude"
    return (
        f"SELECT * FROM (SELECT round({latitude}, 4) AS latitude, round({longitude}, 4) AS longitude, vehicle, "
        f"'driven past' AS what, 0 AS weight, max(occurred_at) AS at FROM {signal} {WHERE} "
        f"AND {latitude} IS NOT NULL GROUP BY latitude, longitude, vehicle ORDER BY at DESC LIMIT 5000 UNION ALL "
        f"SELECT latitude, longitude, vehicle, 'hard braking' AS what, 1 AS weight, occurred_at AS at "
        f"FROM {braking} {WHERE} AND latitude IS NOT NULL UNION ALL "
        f"SELECT latitude, longitude, vehicle, if(coarse, 'suspicion', 'accident') AS what, 2 AS weight, "
        f"occurred_at AS at FROM {accident} {WHERE} AND latitude IS NOT NULL) WHERE {condition} ORDER BY weight"
    )


def dssad_events(dssad: str) -> Builder[dashboard.Panel]:
    """Return the occurrences that automated driving systems recorded."""
    return panels.table(
        "Automated driving: recorded occurrences (DSSAD)",
        f"SELECT occurred_at AS at, vehicle, sequence, occurrence, reason, speed, software_version FROM {dssad} "
        f"{WHERE} ORDER BY occurred_at DESC, vehicle, sequence DESC LIMIT 200",
        units={"speed": "velocitykmh"},
        about="UN R157, 8.2.1. Time stamps are whole seconds; the sequence gives the order within one.",
    )


def over_time(accident: str, braking: str) -> Builder[dashboard.Panel]:
    """Return accidents and hard braking over time."""
    return panels.timeseries(
        "Hard braking and accidents",
        f"SELECT time, what, sum(n) AS events FROM ("
        f"SELECT $__timeInterval(occurred_at) AS time, if(coarse, 'suspicion', 'accident') AS what, count() AS n "
        f"FROM {accident} {WHERE} GROUP BY time, what UNION ALL "
        f"SELECT $__timeInterval(occurred_at) AS time, 'hard braking' AS what, count() AS n "
        f"FROM {braking} {WHERE} GROUP BY time, what) GROUP BY time, what ORDER BY time",
        draw="bars",
    )


def brakings(braking: str) -> Builder[dashboard.Panel]:
    """Return the latest hard brakings."""
    return panels.table(
        "Hard braking",
        f"SELECT occurred_at AS at, vehicle, round(peak_deceleration, 2) AS peak, speed_before, speed_after, "
        f"duration_s AS duration, basis FROM {braking} {WHERE} ORDER BY occurred_at DESC LIMIT 200",
        units={
            "peak": "accMS2",
            "speed_before": "velocitykmh",
            "speed_after": "velocitykmh",
            "duration": "s",
        },
        about="SPEED_STEP: the mean over a step of some seconds; the peak was higher.",
    )


def trips(trip: str) -> Builder[dashboard.Panel]:
    """Return the latest trips."""
    return panels.table(
        "Trips",
        f"SELECT started_at AS started, vehicle, round(distance_km, 2) AS distance, duration_s AS duration, "
        f"standing_s AS standing, round(mean_speed, 1) AS mean, round(max_speed, 1) AS fastest, "
        f"round(fuel_l / nullIf(distance_km, 0) * 100, 1) AS l_per_100_km, ended_by FROM {trip} "
        f"{WHERE} ORDER BY occurred_at DESC LIMIT 200",
        units={
            "distance": "lengthkm",
            "duration": "s",
            "standing": "s",
            "mean": "velocitykmh",
            "fastest": "velocitykmh",
        },
    )


def per_100_km(trip: str, braking: str) -> Builder[dashboard.Panel]:
    """Return hard braking per 100 km of each vehicle."""
    return panels.table(
        "Hard braking per 100 km",
        f"SELECT vehicle, round(sum(km), 2) AS distance, sum(n) AS hard_braking, "
        f"if(sum(km) >= 1, round(100 * sum(n) / sum(km), 1), NULL) AS per_100_km FROM ("
        f"SELECT vehicle, sum(distance_km) AS km, 0 AS n FROM {trip} {WHERE} GROUP BY vehicle UNION ALL "
        f"SELECT vehicle, 0 AS km, count() AS n FROM {braking} {WHERE} GROUP BY vehicle) "
        f"GROUP BY vehicle ORDER BY per_100_km DESC LIMIT 200",
        units={"distance": "lengthkm"},
        about="A count without the distance it was driven cannot be compared; below 1 km there is no rate.",
    )


def speed(signal: str) -> Builder[dashboard.Panel]:
    """Return the highest speed of each vehicle."""
    return panels.timeseries(
        "Speed by vehicle: highest",
        f"SELECT $__timeInterval(occurred_at) AS time, vehicle, max(speed) AS highest FROM {signal} {WHERE} "
        f"AND speed IS NOT NULL GROUP BY time, vehicle ORDER BY time",
        unit="velocitykmh",
        draw="points",
    )


def outcomes() -> Builder[dashboard.Panel]:
    """Return the share of occupants killed in historical crashes, by impact speed and belt."""
    return panels.table(
        "Crashes of the past: killed by impact speed and belt",
        f"SELECT impact_speed_class, belted, sum(records) AS sampled, round(sum(occupants)) AS stand_for, "
        f"sum(killed) / nullIf(sum(occupants), 0) AS died FROM {OUTCOMES} "
        f"GROUP BY impact_speed_class, belted "
        "ORDER BY toUInt8OrZero(extract(impact_speed_class, '[0-9]+')), impact_speed_class, belted",
        units={"died": "percentunit"},
        about="US tow-away crashes of 1997 and 1998 (NASS-CDS), weighted; all years, whatever the time range.",
    )


def crash_years(crash_record: str) -> Builder[dashboard.Panel]:
    """Return the number of historical crash records by year."""
    return panels.table(
        "Crash records by year",
        f"SELECT toString(year) AS year, count() AS records, countIf(notEmpty(flags)) AS flagged FROM {crash_record} "
        f"GROUP BY year ORDER BY year",
        about="Only the year of these crashes is known.",
    )
