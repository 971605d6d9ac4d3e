"""A comma2k19 log → vehicle signals. Pure.

A log is a folder of pairs of NumPy arrays, `<group>/<series>/t` and `value` (with or without `.npy`): times in seconds
since the device booted, and the values measured then. The main series is the CAN speed, `CAN/speed/value`. Its digest
identifies the recording, and one source record is one of its samples. A sample also gets:

- the wheel speeds of its time (m/s → km/h), and the steering-wheel angle in force at its time;
- the u-blox position, used once: with the first speed sample at or after it. Its `utc` column, in milliseconds, is the
  only absolute time: the median of `utc` − `t` is added to all times.

Radar, the second receiver and the device's accelerometer and gyroscope are not read: the device is not calibrated to
the vehicle's axes, and no rule needs them. The log names no vehicle; its pseudonym is made from the digest.
"""

import hashlib
import math
import zipfile
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any, BinaryIO

from streams.domains.vehicle.npy import MAGIC, Array, parse
from streams.domains.vehicle.order import with_closing_signals
from streams.domains.vehicle.signals import SIGNAL, range_flags
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped

NAME = "comma2k19-log"
RULE = f"read-{NAME}@1"

TIMES, SPEED = "CAN/speed/t", "CAN/speed/value"
WHEELS, STEERING, GNSS = "CAN/wheel_speed", "CAN/steering_angle", "GNSS/live_gnss_ublox"
KMH = 3.6
"""km/h of one m/s."""

LONGEST_HOLD_S = 0.5
"""How long a steering-wheel angle stays in force after its time."""

GROUPS = ("CAN", "GNSS", "IMU")
_WHEEL_FIELDS = (
    "chassis_axle_row1_wheel_left_speed",
    "chassis_axle_row1_wheel_right_speed",
    "chassis_axle_row2_wheel_left_speed",
    "chassis_axle_row2_wheel_right_speed",
)
_MILLISECONDS_FROM = 1e11
"""A `utc` above this is in milliseconds: in seconds it would be past the year 5000."""

Arrays = Mapping[str, Array]


def matches(head: bytes) -> bool:
    """Return whether a file begins like a NumPy array."""
    return head.startswith(MAGIC)


def members(path: Path) -> Mapping[str, Path]:
    """Return the files of the log that an array belongs to.

    Args:
        path: Path of the array.

    Returns:
        Files by their names inside the log, the main series first; none if the array belongs to no log.
    """
    suffix = path.suffix
    if len(path.parents) < 3 or path.stem not in ("t", "value") or path.parents[1].name not in GROUPS:
        return {}
    root = path.parents[2]
    main = [(name, root / f"{name}{suffix}") for name in (SPEED, TIMES)]
    if not all(file.is_file() for _, file in main):
        return {}
    found = [
        (f"{group}/{series.name}/{stem}", series / f"{stem}{suffix}")
        for group in GROUPS
        for series in sorted((root / group).glob("*"))
        for stem in ("t", "value")
    ]
    return dict(main) | {name: file for name, file in found if file.is_file()}


def read(stream: BinaryIO) -> Iterator[Item]:
    """Read a log, given as a zip of its arrays; yield one item per sample of the CAN speed."""
    return with_closing_signals(lambda: _items(stream))


def _items(stream: BinaryIO) -> Iterator[Item]:
    stream.seek(0)
    contents = _unpacked(stream)
    begins = dict(zip(contents, accumulate(map(len, contents.values()), initial=0), strict=False))
    try:
        arrays = {name: _single(parse(contents[name])) for name in (SPEED, TIMES)}
    except (KeyError, ValueError) as error:
        yield from _files(contents, begins, besides=(SPEED,))
        data = contents.get(SPEED, b"")
        span = ((begins[SPEED], begins[SPEED] + len(data)),) if data else ()
        yield Refused(1, None, data, f"the main series cannot be read: {error}", RULE, span)
        return
    yield from _files(contents, begins, besides=(SPEED, TIMES))
    places = {name: begins[name] + len(contents[name]) - len(arrays[name].data) for name in (TIMES, SPEED)}
    for name, place in places.items():
        yield Skipped(None, "header of an array", ((begins[name], place),))
    problem = None
    for name in (f"{series}/{stem}" for series in (WHEELS, STEERING, GNSS) for stem in ("t", "value")):
        try:
            arrays[name] = parse(contents[name])
        except KeyError:
            continue
        except ValueError as error:
            problem = f"{name}: {error}"
    log = _Log(arrays, hashlib.sha256(contents[SPEED]).hexdigest()[:12])
    for index in range(max(len(arrays[SPEED].rows), len(arrays[TIMES].rows))):
        raw = {name: arrays[name].raw(index) for name in (TIMES, SPEED)}
        data = raw[TIMES] + raw[SPEED]
        spans = tuple(
            (places[name] + index * len(each), places[name] + (index + 1) * len(each))
            for name, each in raw.items()
            if each
        )
        try:
            if problem is not None:
                raise ValueError(problem)  # noqa: TRY301  every refusal leaves by the same except clause
            yield Accepted(index + 1, None, data, (log.draft(index),), spans)
        except ValueError as error:
            yield Refused(index + 1, None, data, str(error), RULE, spans)


def _files(
    contents: Mapping[str, bytes], begins: Mapping[str, int], besides: Collection[str]
) -> Iterator[Skipped]:
    """Yield the files of a log that hold no source record of their own."""
    for name, data in contents.items():
        if name not in besides and data:
            read_too = name.rpartition("/")[0] in (WHEELS, STEERING, GNSS)
            reason = "series that is read beside the main one" if read_too else "series that is not read"
            yield Skipped(None, reason, ((begins[name], begins[name] + len(data)),))


def _single(array: Array) -> Array:
    if array.width != 1:
        raise ValueError(f"expected one number for each time, got {array.width}")
    return array


def _unpacked(stream: BinaryIO) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(stream) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, ValueError, EOFError):
        return {}


class _Log:
    """The series of a log. `draft` must be called for the samples in order."""

    def __init__(self, arrays: Arrays, digest: str) -> None:
        self._speed, self._times = arrays[SPEED], arrays[TIMES]
        self._vehicle = f"comma2k19:{digest}"
        self._wheels = _series(arrays, WHEELS, width=len(_WHEEL_FIELDS))
        self._steering = _series(arrays, STEERING, width=1)
        self._gnss = _series(arrays, GNSS, width=6)
        self._positions_used = 0  # number of GNSS fixes up to the last one used
        offsets = [_seconds(row[3]) - t for t, row in self._gnss if math.isfinite(row[3])]
        self._offset_s = median(offsets) if offsets else None

    def draft(self, index: int) -> EventDraft:
        """Return the signal of a sample.

        Args:
            index: Its index in the main series, from 0.

        Raises:
            ValueError: Its time or value is missing or invalid, or the log has no absolute time.
        """
        if index >= len(self._times.rows):
            raise ValueError(f"{TIMES} has no time for sample {index + 1}")
        if index >= len(self._speed.rows):
            raise ValueError(f"{SPEED} has no value for sample {index + 1}")
        t = self._times.rows[index][0]
        if not math.isfinite(t):
            raise ValueError(f"{TIMES}: expected seconds, got {t}")
        if self._offset_s is None:
            raise ValueError(f"no absolute time: {GNSS} tells no utc")
        since_us = (t + self._offset_s) * 1e6
        if not 0 <= since_us < 1 << 53:
            raise ValueError(f"{TIMES}: no such time, got {t}")
        occurred_us = round(since_us)
        speed = self._speed.rows[index][0]
        fields: dict[str, Any] = {"vehicle": self._vehicle}
        if math.isfinite(speed):
            fields["speed"] = speed * KMH
        fields |= self._wheel_speeds(t) | self._steering_angle(t) | self._position(t)
        return EventDraft(SIGNAL, occurred_us, {**fields, "flags": range_flags(fields)})

    def _wheel_speeds(self, t: float) -> dict[str, float]:
        row = _latest(self._wheels, t, 0.0)
        return {
            name: value * KMH for name, value in zip(_WHEEL_FIELDS, row, strict=False) if math.isfinite(value)
        }

    def _steering_angle(self, t: float) -> dict[str, float]:
        row = _latest(self._steering, t, LONGEST_HOLD_S)
        return {"chassis_steering_wheel_angle": row[0]} if row and math.isfinite(row[0]) else {}

    def _position(self, t: float) -> dict[str, float]:
        count = bisect_right(self._gnss, t, key=_time)
        if count <= self._positions_used:
            return {}
        self._positions_used = count
        latitude, longitude, speed, _, altitude, heading = self._gnss[count - 1][1]
        if not -90 <= latitude <= 90 or not -180 <= longitude <= 180:
            return {}
        found = {
            "current_location_latitude": latitude,
            "current_location_longitude": longitude,
            "gnss_speed": speed * KMH,
            "current_location_altitude": altitude,
            "current_location_heading": heading,
        }
        return {name: value for name, value in found.items() if math.isfinite(value)}


Sample = tuple[float, tuple[float, ...]]


def _time(sample: Sample) -> float:
    return sample[0]


def _series(arrays: Arrays, name: str, *, width: int) -> list[Sample]:
    """Return times and values of a series in the order of time; none if its arrays have another shape."""
    times, values = arrays.get(f"{name}/t"), arrays.get(f"{name}/value")
    if times is None or values is None or values.width != width or times.width != 1:
        return []
    pairs = ((row[0], value) for row, value in zip(times.rows, values.rows, strict=False))
    return sorted((pair for pair in pairs if math.isfinite(pair[0])), key=_time)


def _latest(series: list[Sample], t: float, hold_s: float) -> tuple[float, ...]:
    """Return the newest value at a time, or none if it is older than `hold_s`."""
    place = bisect_right(series, t, key=_time)
    if place == 0 or t - series[place - 1][0] > hold_s:
        return ()
    return series[place - 1][1]


def _seconds(utc: float) -> float:
    return utc / 1000 if utc > _MILLISECONDS_FROM else utc
