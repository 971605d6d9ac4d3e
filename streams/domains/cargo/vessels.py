"""One vessel's track → positions and identities that cannot be true. Pure.

- `VESSEL_JUMP`: two positions need more than 50 kn over more than half a nautical mile. The receiver, the position or
  the identity is wrong. The track continues from the new position.
- `DUPLICATE_MMSI`: two positions at one time lie more than a nautical mile apart, or the IMO number of an MMSI changed.
  Two transmitters share an identity.

A position older than the track's is ignored, one of the same time never is a jump. A repeat gives the same findings or
none. Positions without a time (`NO_TIME`) are ignored, and those of stations that are no vessels: a search and rescue
aircraft is fast, a virtual aid to navigation may be sent from elsewhere. The thresholds are the platform's own.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from streams.domains.cargo.mmsi import VESSELS, station_of

FASTEST_KN = 50.0
SHORTEST_JUMP_NM = 0.5
SAME_PLACE_NM = 1.0
EARTH_RADIUS_NM = 3440.065
"""Mean radius of the earth: 6371.009 km."""

_SECOND_US = 1_000_000
_HOUR_S = 3600


class Finding(NamedTuple):
    """One anomaly, in the fields of `cargo.anomaly`.

    Attributes:
        kind: Its kind, such as `VESSEL_JUMP`.
        severity: `INFO`, `WARNING` or `ALARM`.
        detail: What was found, in one line.
        value: The measured value that decided, or None.
        unit: Its unit.
    """

    kind: str
    severity: str
    detail: str
    value: float | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """Persisted state of one vessel.

    Attributes:
        occurred_at: Time of its newest position, µs since 1970 UTC.
        latitude: Degrees north.
        longitude: Degrees east.
        imo: The last IMO number that it reported.
    """

    occurred_at: int
    latitude: float
    longitude: float
    imo: str | None = None

    def to_value(self) -> list[Any]:
        """Return the track as a JSON array, in the order of the attributes."""
        return [self.occurred_at, self.latitude, self.longitude, self.imo]


def distance_nm(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the great-circle distance in nautical miles of two positions (latitude, longitude in degrees)."""
    lat_1, lon_1, lat_2, lon_2 = map(math.radians, (*one, *other))
    half = math.sin((lat_2 - lat_1) / 2) ** 2
    half += math.cos(lat_1) * math.cos(lat_2) * math.sin((lon_2 - lon_1) / 2) ** 2
    return 2 * EARTH_RADIUS_NM * math.asin(min(1.0, math.sqrt(half)))


def apply_position(track: Track | None, report: Mapping[str, Any]) -> tuple[Track | None, list[Finding]]:
    """Extend a track by one position report.

    Args:
        track: State before; None before the vessel's first position.
        report: Fields of `cargo.vessel-position`, `occurred_at` in µs since 1970 UTC.

    Returns:
        State after, and the anomalies that the report shows.
    """
    latitude, longitude = report.get("latitude"), report.get("longitude")
    if latitude is None or longitude is None or "NO_TIME" in report.get("flags", ()):
        return track, []
    if (
        report.get("station") or station_of(report.get("mmsi", ""), report.get("message_type"))
    ) not in VESSELS:
        return track, []
    now = Track(report["occurred_at"], latitude, longitude, report.get("imo"))
    if track is None:
        return now, []
    if now.occurred_at < track.occurred_at:
        return track, []
    found = list(_findings(track, now))
    if now.occurred_at == track.occurred_at:
        return track, found
    return Track(now.occurred_at, latitude, longitude, now.imo or track.imo), found


def _findings(track: Track, now: Track) -> Iterator[Finding]:
    if now.imo and track.imo and now.imo != track.imo:
        detail = f"IMO number {track.imo} before, {now.imo} now under the same MMSI"
        yield Finding("DUPLICATE_MMSI", "ALARM", detail)
    miles = distance_nm((track.latitude, track.longitude), (now.latitude, now.longitude))
    seconds = (now.occurred_at - track.occurred_at) / _SECOND_US
    if seconds == 0:
        if miles > SAME_PLACE_NM:
            detail = f"two positions {miles:.1f} NM apart at the same time"
            yield Finding("DUPLICATE_MMSI", "ALARM", detail, round(miles, 3), "NM")
        return
    speed = miles / seconds * _HOUR_S
    if speed > FASTEST_KN and miles > SHORTEST_JUMP_NM:
        detail = (
            f"{speed:.1f} kn over {miles:.1f} NM in {seconds:.0f} s, expected at most {FASTEST_KN:.0f} kn"
        )
        yield Finding("VESSEL_JUMP", "WARNING", detail, round(speed, 1), "kn")
