"""Puts the measurements of sensors together into readings of a station's hour or day. Pure.

- Sensors of one location make one reading for each hour or day. A second sensor for the same pollutant is a station of
  its own, `<location> (sensor <id>)`.
- Parts of an hour are averaged over the hours of the local clock, flagged `MEAN_OF:<field>:<count>`. A part that no
  air has (-999, 9999) is left out, flagged `LEFT_OUT:<field>:<count>`. If the parts cover less than 75 % of the hour,
  or the source itself says so, the value is null, flagged `INCOMPLETE:<field>:<count>_OF_<expected>`.
- A part covers the time since the row before it, at most the usual gap of its sensor: the gap that three quarters of
  its gaps do not exceed.
- A part in the other unit of a gas than the parts before it is left out, flagged `OTHER_UNIT:<field>:<unit>`.
- A row that repeats a time of its sensor is flagged `REPEATED:<field>`, or `CONFLICT:<field>:<value>` if its value is
  another; the first one counts. A sensor with a single row has an hour, flagged `INTERVAL_ASSUMED:<field>`.
- Gases of one reading have one unit. If a location has both, µg/m³ become ppm, flagged `CONVERTED_AT_<°C>_C:<field>`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from schemas.names import topic_name
from streams.domains.air_quality.plausibility import anomalies, sound_parts
from streams.domains.air_quality.reference import by_network
from streams.domains.air_quality.units import GASES, MICRO, in_ppm, to_micro
from streams.readers.formats import Accepted, EventDraft, Item
from streams.zones import local_time, zone_or_utc

TOPIC = topic_name("air_quality", "reading")
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
MOST_GAPS = 1000
"""Distinct gaps of a sensor that are counted, in whole seconds."""
COMPLETENESS = Decimal("0.75")
"""Share of an hour that must be covered (docs/fields/air-quality.md#units-and-completeness)."""


class Place(NamedTuple):
    """Where a measurement was made.

    Attributes:
        name: Name of the location, with its id.
        city: Its city, or `unknown`.
        zone: Its IANA time zone, None if it is not known.
        latitude: Degrees north, WGS 84.
        longitude: Degrees east.
    """

    name: str
    city: str
    zone: str | None
    latitude: float | None
    longitude: float | None


class Measurement(NamedTuple):
    """What one sensor measured over one interval.

    Attributes:
        place: Where.
        sensor: Id of the sensor.
        field: Field of the reading; empty if a reading has no such field, or not in this unit.
        unit: `PPM` or `UG_M3` for gases, empty for the rest.
        value: In the unit of the field; None if it was not measured.
        end: End of the interval, µs since 1970 UTC.
        interval: Length of the interval in µs; None if the source does not say.
        flags: Flags of the value: its source's doubt, too little coverage.
    """

    place: Place
    sensor: str
    field: str
    unit: str
    value: Decimal | None
    end: int
    interval: int | None
    flags: tuple[str, ...]


def is_day(length: int) -> bool:
    """Return whether an interval in µs is a day, of 23 to 25 hours."""
    return DAY_US - HOUR_US <= length <= DAY_US + HOUR_US


def assembled(measured: Callable[[], Iterator[Item]]) -> Iterator[Item]:
    """Yield the records with the readings that their measurements make up, in the order of each station's time.

    A reading stands with the record that completes it and every earlier one of its station. The other records are
    accepted without an event. The records are read three times: for the intervals of the sensors, for the record that
    completes each reading, and for the values. The memory is one entry for each reading.

    Args:
        measured: Yields the source's records, from its beginning; those accepted with a draft that holds a
            `Measurement` in its field `measurement`.
    """
    sensors = _Sensors()
    for _, each in _accepted(measured()):
        sensors.learn(each)
    ends = _completed_by(measured, sensors)
    waiting: dict[Key, _Reading] = {}
    for item in measured():
        if not isinstance(item, Accepted):
            yield item
            continue
        found = _measurement_in(item)
        if found is not None and found.field:
            key = sensors.key(found)
            waiting.setdefault(key, _Reading(key, found.place)).add(found, sensors)
        drafts = tuple(waiting.pop(key).draft() for key in ends.pop(item.record, ()))
        yield replace(item, drafts=drafts)


def draft_of(found: Measurement) -> EventDraft:
    """Return a draft that carries a measurement to `assembled`."""
    return EventDraft(TOPIC, found.end, {"measurement": found})


Key = tuple[str, str, int]
"""Station, averaging interval and beginning of a reading."""


class _Sensors:
    """What the rows of each sensor have in common: their interval, and whether it is its pollutant's first one."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._gaps: dict[str, Counter[int]] = defaultdict(Counter)
        self._stated: dict[str, int] = {}
        self._first: dict[tuple[str, str], str] = {}
        self._common: dict[str, int] = {}
        self._usual: dict[str, int] = {}

    def learn(self, found: Measurement) -> None:
        """Take a measurement into account."""
        self._first.setdefault((found.place.name, found.field), found.sensor)
        if found.interval is not None:
            self._stated.setdefault(found.sensor, found.interval)
        gap = abs(found.end - self._last.get(found.sensor, found.end))
        self._last[found.sensor] = found.end
        if not gap:
            return
        gap = max(gap - gap % MICRO, MICRO)
        gaps = self._gaps[found.sensor]
        if gap in gaps or len(gaps) < MOST_GAPS:
            gaps[gap] += 1

    def interval(self, found: Measurement) -> tuple[int, bool]:
        """Return the length of a measurement's interval, and whether it is certain."""
        if found.interval is not None:
            return found.interval, True
        stated = self._stated.get(found.sensor)
        if stated is not None:
            return stated, True
        gaps = self._gaps.get(found.sensor)
        if not gaps:
            return HOUR_US, False
        length = self._common.get(found.sensor)
        if length is None:
            length = self._common[found.sensor] = min(gaps, key=lambda gap: (-gaps[gap], gap))
        return (length, True) if length <= HOUR_US or is_day(length) else (HOUR_US, False)

    def longest_part(self, found: Measurement) -> int:
        """Return the longest time in µs that a row covers: its interval, or the gap that 3/4 do not exceed."""
        length, _ = self.interval(found)
        if found.interval is not None or found.sensor in self._stated or length >= HOUR_US:
            return length
        usual = self._usual.get(found.sensor)
        if usual is None:
            usual = self._usual[found.sensor] = max(length, min(_usual(self._gaps[found.sensor]), HOUR_US))
        return usual

    def key(self, found: Measurement) -> Key:
        """Return the reading that a measurement belongs to."""
        length, _ = self.interval(found)
        place = found.place
        first = self._first[place.name, found.field] == found.sensor
        station = place.name if first else f"{place.name} (sensor {found.sensor})"
        if is_day(length):
            return station, "P1D", found.end - length
        if length >= HOUR_US:
            return station, "PT1H", found.end - HOUR_US
        local = local_time(found.end - 1, zone_or_utc(place.zone))
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return station, "PT1H", found.end - 1 - into // timedelta(microseconds=1)


def _usual(gaps: Counter[int]) -> int:
    """Return the gap that three quarters of the gaps do not exceed."""
    count, needed = 0, -(-3 * gaps.total() // 4)
    for gap in sorted(gaps):
        count += gaps[gap]
        if count >= needed:
            return gap
    return 0


@dataclass(slots=True)
class _Reading:
    """A reading that is put together."""

    key: Key
    place: Place
    parts: dict[str, dict[int, Decimal | None]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    longest: dict[str, dict[int, int]] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)

    def add(self, found: Measurement, sensors: _Sensors) -> None:
        """Add a measurement."""
        name, parts = found.field, self.parts.setdefault(found.field, {})
        if found.end in parts:
            same = found.value is None or found.value == parts[found.end]
            self.flags.append(f"REPEATED:{name}" if same else f"CONFLICT:{name}:{found.value}")
            return
        if not sensors.interval(found)[1]:
            self.flags.append(f"INTERVAL_ASSUMED:{name}")
        self.flags += found.flags
        self.longest.setdefault(name, {})[found.end] = sensors.longest_part(found)
        parts[found.end] = found.value
        if self.units.setdefault(name, found.unit) != found.unit:
            self.flags.append(f"OTHER_UNIT:{name}:{found.unit}")
            parts[found.end] = None

    def draft(self) -> EventDraft:
        """Return the reading."""
        station, averaging, begin = self.key
        gases = {self.units[gas] for gas in GASES if gas in self.units}
        fields: dict[str, Any] = {
            "station": station,
            "city": self.place.city,
            "zone": self.place.zone,
            "averaging": averaging,
            "gas_unit": "UG_M3" if gases == {"UG_M3"} else "PPM",
            "latitude": self.place.latitude,
            "longitude": self.place.longitude,
        }
        for name in self.parts:
            fields[name] = self._value(name, len(gases) > 1, begin)
        stated = list(dict.fromkeys(self.flags))
        fields["flags"] = [*stated, *anomalies({**fields, "occurred_at": begin})]
        return EventDraft(TOPIC, begin, fields)

    def _value(self, name: str, in_ppm_all: bool, begin: int) -> float | None:
        longest = self.longest[name]
        expected = max(1, round(HOUR_US / min(longest.values())))
        parts = self._sound(name) if expected > 1 else self.parts[name]
        values = [value for value in parts.values() if value is not None]
        if expected > 1:
            if _covered(parts, longest) < COMPLETENESS * HOUR_US:
                self.flags.append(f"INCOMPLETE:{name}:{len(values)}_OF_{expected}")
                return None
            self.flags.append(f"MEAN_OF:{name}:{len(values)}")
        if not values:
            return None
        value = (
            float(round(sum(values, Decimal(0)) / len(values), 6)) if len(values) > 1 else float(values[0])
        )
        if in_ppm_all and self.units[name] == "UG_M3":
            degrees = by_network(self.place.zone, self.place.city, begin)
            self.flags.append(f"CONVERTED_AT_{degrees:g}_C:{name}")
            above, below = in_ppm(name, (to_micro(value), MICRO), "UG_M3", degrees)
            return float(round(Decimal(above) / Decimal(below), 6))
        return value

    def _sound(self, name: str) -> dict[int, Decimal | None]:
        """Return the parts of an hour; those that no air has are null."""
        parts = self.parts[name]
        there = {end: value for end, value in parts.items() if value is not None}
        sound = sound_parts(name, list(there.values()), self.units[name])
        left_out = [end for end, each in zip(there, sound, strict=True) if not each]
        if left_out:
            self.flags.append(f"LEFT_OUT:{name}:{len(left_out)}")
        return {**parts, **dict.fromkeys(left_out)}


def _covered(parts: Mapping[int, Decimal | None], longest: Mapping[int, int]) -> int:
    """Return the time in µs that the parts with a value cover: each since the row before it, at most its longest."""
    covered, last = 0, None
    for end in sorted(parts):
        if parts[end] is not None:
            covered += longest[end] if last is None else min(end - last, longest[end])
        last = end
    return covered


def _completed_by(measured: Callable[[], Iterator[Item]], sensors: _Sensors) -> dict[int, list[Key]]:
    """Return the readings that each record completes, each station's in the order of time."""
    last: dict[Key, int] = {}
    for item, found in _accepted(measured()):
        if found.field:
            last[sensors.key(found)] = item.record
    ends: dict[int, list[Key]] = {}
    highest: dict[tuple[str, str], int] = {}
    for key in sorted(last):
        stream = key[:2]
        highest[stream] = max(highest.get(stream, 0), last[key])
        ends.setdefault(highest[stream], []).append(key)
    return ends


def _accepted(items: Iterator[Item]) -> Iterator[tuple[Accepted, Measurement]]:
    for item in items:
        if isinstance(item, Accepted):
            found = _measurement_in(item)
            if found is not None:
                yield item, found


def _measurement_in(item: Accepted) -> Measurement | None:
    found: Measurement | None = item.drafts[0].fields["measurement"] if item.drafts else None
    return found
