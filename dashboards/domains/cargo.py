"""The cargo board: containers and their stays, anomalies, ships, and permits.

A dot on the map of the world is the newest report of a ship that is heard now: within three of the longest interval at
which a ship reports by ITU-R M.1371. On the map of Busan it is any report of a ship in the waters of its port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import geomap, panels
from dashboards.geomap import View
from dashboards.outlines import outline
from dashboards.queries import table_of
from dashboards.style import NOW_WITHIN, ZERO_IS_GOOD, ages_of
from schemas.names import DATABASE, board_uid, topic_name

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard

    from schemas.catalog import Catalog

CONTAINERS = f"{DATABASE}.cargo_container_now"
VESSELS = f"{DATABASE}.cargo_vessel_now"
PERMITS = f"{DATABASE}.cargo_permit_now"
ABOUT_SIMULATED = "simulated: replayed from a recording or a scenario; it did not happen now."
LONG_STAY_H = 72
"""Hours after which a container's stay is too long."""

SPEED_COLOURS = ((0, "orange"), (0.5, "blue"))
"""Colours on maps, by speed over ground in knots: lying still, under way."""

REPORT_S = 180
"""Longest interval between a ship's position reports: class A at anchor or moored and class B up to 2 knots, 3 minutes
(ITU-R M.1371, annex 1, tables of reporting intervals). Under way it is 2 to 30 seconds."""
NARROW = 3
"""Width of a number that has to make room for the age of AIS."""
UNTIL = "least($__toTime, now())"
SHIPS = (
    "ifNull(station, 'VESSEL') IN ('VESSEL', 'AUXILIARY_CRAFT') AND ifNull(message_type, 0) NOT IN (4, 9, 21)"
)
"""Condition that a report is a ship's: not a base station's, an aircraft's or an aid to navigation's."""

BUSAN = View(128.6, 34.8, 129.5, 35.4)
ABOUT_SPEED = "Orange: lies still, or reports no speed. Blue: makes half a knot or more."

RAW = ("supply-event", "transport-event", "vessel-position", "vessel-message", "permit")


def board(catalog: Catalog) -> dashboard.Dashboard:
    """Return the board."""
    raw = {event: table_of(catalog.topics[topic_name("cargo", event)]) for event in RAW}
    state = table_of(catalog.topics[topic_name("cargo", "container-state")])
    anomaly = table_of(catalog.topics[topic_name("cargo", "anomaly")])
    return panels.board(
        board_uid("cargo"),
        "Cargo and ports",
        [
            boxes(),
            held(),
            vessels(),
            alarms(anomaly),
            age(raw),
            age_of_ais(raw["vessel-position"]),
            simulated(raw),
            ships(raw["vessel-position"]),
            busan(raw["vessel-position"]),
            by_state(),
            dwell(state),
            containers(),
            anomalies(anomaly),
            anomaly_kinds(anomaly),
            permits(),
            positions(),
            sources(raw),
            over_time(raw),
        ],
        variables=[
            panels.variable(
                "state", "State", f"SELECT DISTINCT state_now FROM {CONTAINERS} ORDER BY state_now"
            ),
        ],
        start="now-30d",
        about="Containers and where they stand, ships and where they are, permits, and reports that cannot be true.",
    )


def boxes() -> Builder[dashboard.Panel]:
    """Return the number of known containers."""
    return panels.stat("Containers", f"SELECT uniqExact(container) AS containers FROM {CONTAINERS}")


def held() -> Builder[dashboard.Panel]:
    """Return the number of containers that customs hold."""
    return panels.stat(
        "Held by customs",
        f"SELECT countIf(state_now = 'CUSTOMS_HOLD') AS held FROM {CONTAINERS}",
        steps=((0, "green"), (1, "orange")),
        span=NARROW,
    )


def vessels() -> Builder[dashboard.Panel]:
    """Return the number of ships with a report."""
    return panels.stat(
        "Vessels heard",
        f"SELECT uniqExact(mmsi) AS vessels FROM {VESSELS} WHERE $__timeFilter(seen_at)",
        span=NARROW,
        about="Ships and auxiliary craft; no base stations, aids to navigation, rescue aircraft and beacons.",
    )


def alarms(anomaly: str) -> Builder[dashboard.Panel]:
    """Return the number of alarms."""
    return panels.stat(
        "Alarms",
        f"SELECT countIf(NOT withdrawn) - countIf(withdrawn) AS alarms FROM {anomaly} "
        "WHERE severity = 'ALARM' AND $__timeFilter(occurred_at)",
        steps=ZERO_IS_GOOD,
        span=NARROW,
        about="Impossible transitions of containers, and identities that two ships share. An alarm that a late event "
        "explains is withdrawn, and does not count.",
    )


def age(raw: dict[str, str]) -> Builder[dashboard.Panel]:
    """Return the age of the newest event of any kind."""
    newest = " UNION ALL ".join(f"SELECT max(occurred_at) AS at FROM {each}" for each in raw.values())
    return panels.data_age(
        f"SELECT dateDiff('second', max(at), now64(3)) AS age FROM ({newest})",
        about="Since the newest supply, transport, permit or AIS event happened.",
    )


def age_of_ais(position: str) -> Builder[dashboard.Panel]:
    """Return the age of the newest position that a ship reported."""
    return panels.stat(
        "Age of AIS",
        f"SELECT dateDiff('second', maxOrNull(occurred_at), now64(3)) AS age FROM {position} "
        f"WHERE NOT has(flags, 'NO_TIME') AND {SHIPS}",
        unit="s",
        steps=ages_of(REPORT_S),
        about="Since the newest position report of a ship. A ship reports every 3 minutes or more often "
        "(ITU-R M.1371): orange from two, red from three such intervals on.",
    )


def simulated(raw: dict[str, str]) -> Builder[dashboard.Panel]:
    """Return the badge of simulated data: the share of events from recordings and scenarios."""
    counts = " UNION ALL ".join(
        f"SELECT countIf(simulated) AS made, count() AS every FROM {each} WHERE $__timeFilter(occurred_at)"
        for each in raw.values()
    )
    return panels.simulated(
        f"SELECT sum(made) / sum(every) AS share FROM ({counts})",
        span=NARROW,
    )


def ships(position: str) -> Builder[dashboard.Panel]:
    """Return a map of the newest report of each ship that is heard now.

    Args:
        position: FROM text of the table of positions.
    """
    within = NOW_WITHIN * REPORT_S
    return geomap.places(
        "Vessels now",
        f"SELECT argMax(position.latitude, occurred_at) AS latitude, argMax(position.longitude, occurred_at) AS "
        f"longitude, ifNull(argMax(tuple(sog), occurred_at).1, 0) AS knots, argMax(name, occurred_at) AS vessel, mmsi, "
        f"max(occurred_at) AS seen_at, toBool(match(stream, '^(replay|scenario):')) AS simulated, "
        f"splitByChar('#', source)[1] AS stream FROM {position.removesuffix(' FINAL')} AS position "
        f"WHERE occurred_at >= {UNTIL} - toIntervalSecond({within}) AND occurred_at <= {UNTIL} "
        f"AND position.latitude IS NOT NULL AND NOT has(flags, 'NO_TIME') AND {SHIPS} "
        f"GROUP BY mmsi, stream ORDER BY seen_at DESC, mmsi LIMIT 5000",
        over="world",
        colour_by="knots",
        steps=SPEED_COLOURS,
        unit="velocityknot",
        about=f"{ABOUT_SPEED} Ships heard in the last {within // 60} minutes: three of the longest interval at which a "
        "ship reports (ITU-R M.1371: 3 minutes at anchor). The 5,000 heard last.",
    )


def busan(position: str) -> Builder[dashboard.Panel]:
    """Return a map of the tracks in the waters of Busan."""
    return geomap.places(
        "Port of Busan: ways in and out",
        f"SELECT latitude, longitude, ifNull(sog, 0) AS knots, mmsi, occurred_at AS at, simulated FROM {position} "
        f"WHERE $__timeFilter(occurred_at) AND {outline('busan').where()} "
        f"AND {SHIPS} "
        "ORDER BY occurred_at DESC, mmsi LIMIT 5000",
        over="busan",
        view=BUSAN,
        colour_by="knots",
        steps=SPEED_COLOURS,
        unit="velocityknot",
        about=f"{ABOUT_SPEED} Every report in the time shown.",
    )


def by_state() -> Builder[dashboard.Panel]:
    """Return containers by state."""
    return panels.table(
        "Containers by state",
        f"SELECT state_now AS state, count() AS containers, countIf(events_illegal > 0) AS with_anomaly, "
        f"min(since) AS longest_since FROM {CONTAINERS} "
        "WHERE $__conditionalAll(state_now IN (${state:singlequote}), $state) GROUP BY state_now "
        "ORDER BY containers DESC, state",
        about="A container in several recordings stands here once for each.",
    )


def dwell(state: str) -> Builder[dashboard.Panel]:
    """Return how long containers stayed in each state."""
    return panels.table(
        "Dwell: time spent in a state, once left",
        f"SELECT previous_state AS stayed_in, count() AS stays, "
        f"round(quantileExact(0.5)(in_previous_s) / 3600, 1) AS median_h, "
        f"round(max(in_previous_s) / 3600, 1) AS longest_h, "
        f"countIf(in_previous_s > {LONG_STAY_H} * 3600) AS over_limit "
        f"FROM {state} WHERE in_previous_s IS NOT NULL AND previous_state != state "
        f"AND $__timeFilter(occurred_at) GROUP BY previous_state ORDER BY median_h DESC",
        colours={"over_limit": ZERO_IS_GOOD},
        about=f"over_limit: stays of more than {LONG_STAY_H} hours.",
    )


def containers() -> Builder[dashboard.Panel]:
    """Return every container with its state and place."""
    return panels.table(
        "Containers now",
        f"SELECT container, state_now AS state, since, place, facility, on_vessel, last_code AS code, "
        f"last_legal AS legal, events_illegal AS illegal, seals_now AS seals, "
        f"toBool(simulated) AS simulated FROM {CONTAINERS} "
        "WHERE $__conditionalAll(state_now IN (${state:singlequote}), $state) ORDER BY since DESC LIMIT 200",
        colours={"illegal": ZERO_IS_GOOD},
        about=ABOUT_SIMULATED,
        span=panels.WIDE,
    )


def anomalies(anomaly: str) -> Builder[dashboard.Panel]:
    """Return the newest anomalies."""
    return panels.table(
        "Anomalies",
        f"SELECT occurred_at AS at, severity, kind, subject, detail, rule, simulated FROM {anomaly} "
        "WHERE $__timeFilter(occurred_at) "
        "GROUP BY occurred_at, severity, kind, subject, detail, rule, simulated, cause_event_id "
        "HAVING countIf(NOT withdrawn) > countIf(withdrawn) "
        "ORDER BY severity = 'ALARM' DESC, occurred_at DESC LIMIT 200",
        about="Each wrong number is reported once per subject; a jump and a shared identity every time; withdrawn ones "
        "are left out. " + ABOUT_SIMULATED,
        span=panels.WIDE,
    )


def anomaly_kinds(anomaly: str) -> Builder[dashboard.Panel]:
    """Return anomalies by kind."""
    return panels.table(
        "Anomalies by kind",
        f"SELECT kind, severity, countIf(NOT withdrawn) - countIf(withdrawn) AS anomalies, "
        f"uniqExact(subject) AS subjects, "
        f"round(max(value), 1) AS highest, "
        f"any(unit) AS in_unit FROM {anomaly} WHERE $__timeFilter(occurred_at) GROUP BY kind, severity "
        f"HAVING anomalies > 0 ORDER BY anomalies DESC",
        about="highest: the speed that a jump would have needed, or the distance of two ships under one number; "
        "thousands of knots mean that two ships use one number.",
    )


def positions() -> Builder[dashboard.Panel]:
    """Return each ship's newest position."""
    return panels.table(
        "Vessels: newest report of each",
        f"SELECT vessel, mmsi, imo_number AS imo, lat, lon, speed, course, "
        f"transform(status, [0, 1, 2, 3, 5, 6, 7, 8], ['under way', 'at anchor', 'not under command', 'restricted', "
        f"'moored', 'aground', 'fishing', 'sailing'], '') AS doing, type_code, seen_at, reports, "
        "toBool(simulated) AS simulated "
        f"FROM {VESSELS} WHERE $__timeFilter(seen_at) ORDER BY seen_at DESC, mmsi LIMIT 500",
        units={"speed": "velocityknot", "course": "degree", "lat": "degree", "lon": "degree"},
        about=ABOUT_SIMULATED,
        span=panels.WIDE,
    )


def permits() -> Builder[dashboard.Panel]:
    """Return the permits with their status."""
    return panels.table(
        "Permits",
        f"SELECT permit, about, status_now AS status, since, decided_by, why, permit_id, "
        f"toBool(simulated) AS simulated FROM {PERMITS} "
        f"WHERE $__timeFilter(since) ORDER BY since DESC LIMIT 200",
        about=ABOUT_SIMULATED,
    )


def sources(raw: dict[str, str]) -> Builder[dashboard.Panel]:
    """Return events per source."""
    each = " UNION ALL ".join(
        f"SELECT '{event}' AS event, splitByChar('#', source)[1] AS stream, count() AS n, max(occurred_at) AS newest "
        f"FROM {table} WHERE $__timeFilter(occurred_at) GROUP BY stream"
        for event, table in raw.items()
    )
    return panels.table(
        "Events per source",
        f"SELECT stream, event, n AS events, newest FROM ({each}) ORDER BY events DESC LIMIT 200",
    )


def over_time(raw: dict[str, str]) -> Builder[dashboard.Panel]:
    """Return events over time, by kind."""
    each = " UNION ALL ".join(
        f"SELECT $__timeInterval(occurred_at) AS time, '{event}' AS event, count() AS events FROM {table} "
        f"WHERE $__timeFilter(occurred_at) GROUP BY time"
        for event, table in raw.items()
    )
    return panels.timeseries("Events over time", f"SELECT * FROM ({each}) ORDER BY time", draw="bars")
