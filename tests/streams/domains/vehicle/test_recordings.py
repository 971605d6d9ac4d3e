"""The readers of the vehicle formats: what is accepted, what is refused and why, and that nothing is lost."""

import csv
import gzip
import io
import json
import struct
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog import load_catalog
from streams.domains.vehicle.npy import parse
from streams.domains.vehicle.recordings import FORMATS
from streams.readers.formats import Accepted, Format, Item, Refused, Skipped
from streams.readers.source import open_source
from streams.replay.recordings import bundled, content, find
from streams.testing import MemoryProducer
from tests.recordings import whole
from tests.streams.domains.vehicle.drive import EXCERPTS
from tests.streams.readers.accounting import below_header

BY_NAME = {form.name: form for form in FORMATS}
ENVIROCAR, COMMA2K19 = BY_NAME["envirocar-track"], BY_NAME["comma2k19-log"]
NASS_CDS, HELMET_TEST = BY_NAME["nass-cds"], BY_NAME["helmet-test-pulse"]
MADE = {"gpx-track", "torque-log", "car-scanner-log"}
"""Formats of which no open recording is bundled: tests make theirs by hand."""

NASS_HEADER = (
    "rownames,dvcat,weight,dead,airbag,seatbelt,frontal,sex,ageOFocc,yearacc,yearVeh,abcat,occRole,deploy,"
    "injSeverity,caseid"
)
NASS_ROW = "1,25-39,25.069,alive,none,belted,1,f,26,1997,1990,unavail,driver,0,3,2:3:1"
PULSE_HEADER = "rownames,times,accel"


FRAMES = {
    "what stands around the features",
    "header of an array",
    "series that is not read",
    "series that is read beside the main one",
}


def without_frame(items: Iterable[Item]) -> list[Item]:
    """Tell the items without headers, and without what stands around the records."""
    return [item for item in below_header(items) if not (isinstance(item, Skipped) and item.reason in FRAMES)]


def read(form: Format, data: bytes) -> list[Item]:
    """Read a whole file."""
    return without_frame(form.read(io.BytesIO(data)))


def fields(item: Item) -> dict[str, Any]:
    """Tell the fields of the one event of an accepted record."""
    assert isinstance(item, Accepted), item
    (draft,) = item.drafts
    return dict(draft.fields)


def refusal(item: Item) -> Refused:
    """Tell that an item was refused."""
    assert isinstance(item, Refused), item
    return item


def feature(**changes: Any) -> dict[str, Any]:
    """Make a feature of a track."""
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [7.8, 51.7]},
        "properties": {
            "time": "2020-02-28T11:54:19Z",
            "phenomenons": {
                "Speed": {"value": 36.5, "unit": "km/h"},
                "Rpm": {"value": 900, "unit": "u/min"},
                "GPS Accuracy": {"value": 9.6, "unit": "%"},
            },
        },
        **changes,
    }


def track(*features: Any, **properties: Any) -> bytes:
    """Write a track."""
    car = {"type": "car", "properties": {"id": "abc"}}
    head = {"type": "FeatureCollection", "properties": {"id": "t", "sensor": car, **properties}}
    return json.dumps({**head, "features": list(features)}, indent=1).encode()


# enviroCar


def test_a_feature_becomes_a_signal_in_the_words_of_vss() -> None:
    """Longitude first, units as expected; what has no field keeps its own name and unit."""
    (item,) = read(ENVIROCAR, track(feature()))
    assert fields(item) == {
        "vehicle": "envirocar:abc",
        "current_location_longitude": 7.8,
        "current_location_latitude": 51.7,
        "speed": 36.5,
        "powertrain_combustion_engine_speed": 900.0,
        "other": {"GPS Accuracy [%]": 9.6},
        "flags": [],
        "ends": "RECORDING_ENDED",
    }
    assert isinstance(item, Accepted)
    assert item.drafts[0].occurred_at == 1_582_890_859_000_000


def test_only_the_last_accepted_feature_closes_the_recording() -> None:
    """Also when what follows it is refused."""
    items = read(ENVIROCAR, track(feature(), feature(), {"type": "nothing"}))
    assert [fields(item).get("ends") for item in items[:2]] == [None, "RECORDING_ENDED"]
    assert refusal(items[2]).record == 3


def test_another_unit_is_another_phenomenon() -> None:
    """Miles per hour are not guessed into km/h."""
    properties = {"time": "2020-02-28T11:54:19Z", "phenomenons": {"Speed": {"value": 30, "unit": "mph"}}}
    found = fields(read(ENVIROCAR, track(feature(properties=properties)))[0])
    assert "speed" not in found
    assert found["other"] == {"Speed [mph]": 30.0}


def test_missing_values_and_geometry_are_accepted() -> None:
    """Null is not told; a feature may have no place (RFC 7946, 3.2)."""
    properties = {"time": "2020-02-28T11:54:19Z", "phenomenons": {"Speed": {"value": None, "unit": "km/h"}}}
    found = fields(read(ENVIROCAR, track(feature(geometry=None, properties=properties)))[0])
    assert found == {"vehicle": "envirocar:abc", "other": {}, "flags": [], "ends": "RECORDING_ENDED"}


def test_odd_values_are_flagged() -> None:
    """A heading just above 360 degrees, as real tracks have it."""
    properties = {
        "time": "2020-02-28T11:54:19Z",
        "phenomenons": {"GPS Bearing": {"value": 360.1, "unit": "deg"}},
    }
    found = fields(read(ENVIROCAR, track(feature(properties=properties)))[0])
    assert found["flags"] == ["OUT_OF_RANGE:current_location_heading"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (7, "expected a GeoJSON Feature"),
        (feature(type="Point"), "expected a GeoJSON Feature"),
        (feature(properties=None), "properties: expected an object"),
        (feature(properties={"phenomenons": {}}), "time: expected ISO 8601"),
        (feature(properties={"time": "2020-02-28T11:54:19"}), "expected an offset"),
        (feature(properties={"time": "1960-02-28T11:54:19Z"}), "time before 1970"),
        (feature(geometry={"type": "LineString", "coordinates": []}), "expected a Point or null"),
        (feature(geometry={"type": "Point", "coordinates": [7.8, 91]}), "latitude within 90"),
        (feature(geometry={"type": "Point", "coordinates": [181, 9]}), "longitude within 180"),
        (feature(geometry={"type": "Point", "coordinates": ["7", 9]}), "expected longitude and latitude"),
        (
            feature(properties={"time": "2020-02-28T11:54:19Z", "phenomenons": []}),
            "phenomenons: expected an object",
        ),
        (
            feature(properties={"time": "2020-02-28T11:54:19Z", "phenomenons": {"Speed": {"value": "fast"}}}),
            "Speed: expected a number with a unit",
        ),
    ],
)
def test_a_feature_that_is_none_is_refused_with_the_reason(wrong: Any, reason: str) -> None:
    """Its bytes, number and line are told; its neighbours are accepted."""
    data = track(feature(), wrong, feature())
    first, bad, last = read(ENVIROCAR, data)
    assert isinstance(first, Accepted)
    assert isinstance(last, Accepted)
    found = refusal(bad)
    assert reason in found.reason
    assert json.loads(found.data) == wrong
    assert (found.record, found.rule) == (2, "read-envirocar-track@1")
    assert (
        data.splitlines()[(found.line or 0) - 1].strip().startswith(json.dumps(wrong, indent=1)[:1].encode())
    )


def test_a_damaged_track_gives_what_stands_before_the_damage() -> None:
    """The damaged feature is refused; what stands around all of them is no second one."""
    whole = track(*[feature()] * 5)
    items = read(ENVIROCAR, whole[: whole.rindex(b'"Feature"') + 5])
    assert [type(item) for item in items] == [Accepted] * 4 + [Refused]
    assert "ends inside" in refusal(items[-1]).reason
    assert fields(items[3])["ends"] == "RECORDING_ENDED"


@pytest.mark.parametrize("last", [feature(), feature(type="Point"), feature(geometry={"type": "Line"})])
def test_tracks_that_were_joined_are_refused_behind_the_first(last: Any) -> None:
    """Whatever became of the last feature of the first: no feature is skipped untold."""
    items = read(ENVIROCAR, track(feature(), last) + track(*[feature()] * 3))
    assert isinstance(items[0], Accepted)
    assert "the text goes on behind its value" in refusal(items[-1]).reason
    assert [each.record for each in items if isinstance(each, Accepted | Refused)] == [1, 2, 3]


def cars(*ids: Any) -> bytes:
    """Write a collection whose features name their cars: in turn one second each."""
    found = []
    for second, car in enumerate(ids):
        properties = {"time": f"2020-02-28T11:54:{second:02}Z", "phenomenons": {}}
        found.append(feature(properties=properties if car is None else {**properties, "sensor": car}))
    return track(*found, sensor=None, id=None)


@pytest.mark.parametrize(
    ("sensor", "vehicle"),
    [
        ("51bc53ab5064ba7f336ef920", "envirocar:51bc53ab5064ba7f336ef920"),
        (4711, "envirocar:4711"),
        (4711.0, "envirocar:4711"),
        ({"id": "a b"}, "envirocar:a b"),
        ({"type": "car", "properties": {"id": 7}}, "envirocar:7"),
        ({"type": "car", "properties": {"id": "차-1"}}, "envirocar:차-1"),
        ({"properties": {"model": "Picanto"}, "id": "x"}, "envirocar:x"),
    ],
)
def test_a_car_is_known_by_its_id_as_given(sensor: Any, vehicle: str) -> None:
    """Text, number or object; the collection's or the feature's own, which goes first."""
    own = {"time": "2020-02-28T11:54:19Z", "sensor": sensor}
    for data in (track(feature(), sensor=sensor), track(feature(properties=own), sensor="another")):
        (item,) = read(ENVIROCAR, data)
        assert (fields(item)["vehicle"], fields(item)["flags"]) == (vehicle, [])


@pytest.mark.parametrize("sensor", [None, "", " ", True, [], {}, {"properties": {}}, "x" * 201, "a\nb", 1.5])
def test_a_track_without_a_car_is_flagged(sensor: Any) -> None:
    """The track's id stands in for the car's; without one the car is unknown."""
    (item,) = read(ENVIROCAR, track(feature(), sensor=sensor))
    assert (fields(item)["vehicle"], fields(item)["flags"]) == ("envirocar:t", ["NO_VEHICLE_ID"])
    (item,) = read(ENVIROCAR, track(feature(), sensor=sensor, id=None))
    assert (fields(item)["vehicle"], fields(item)["flags"]) == ("envirocar:unknown", ["NO_VEHICLE_ID"])


def test_the_sensor_may_stand_behind_the_features() -> None:
    """As JSON allows: members have no order."""
    head = {"features": [feature(), feature()], "properties": {"sensor": 9}, "type": "FeatureCollection"}
    for item in read(ENVIROCAR, json.dumps(head).encode()):
        assert fields(item)["vehicle"] == "envirocar:9"


def test_two_cars_in_a_collection_are_two_recordings() -> None:
    """Interleaved: each has its own signals and its own closing one; the order is that of the file."""
    items = [fields(item) for item in read(ENVIROCAR, cars("a", {"id": 2}, "a", {"id": 2}, "a"))]
    assert [each["vehicle"] for each in items] == [f"envirocar:{name}" for name in "a2a2a"]
    assert [each.get("ends") for each in items] == [None, None, None, "RECORDING_ENDED", "RECORDING_ENDED"]


@pytest.mark.parametrize("token", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"nan", b"01", b"", b"x"])
def test_a_number_that_is_none_costs_its_feature_only(token: bytes) -> None:
    """The trip goes on, and its last feature closes it."""
    data = track(*[feature()] * 5)
    place = [at for at in range(len(data)) if data.startswith(b"36.5", at)][2]
    items = read(ENVIROCAR, data[:place] + token + data[place + 4 :])
    assert [type(item) for item in items] == [Accepted, Accepted, Refused, Accepted, Accepted]
    assert [item.record for item in items if not isinstance(item, Skipped)] == [1, 2, 3, 4, 5]
    assert fields(items[4])["ends"] == "RECORDING_ENDED"


def test_a_single_feature_is_a_record() -> None:
    """A measurement by itself."""
    (item,) = read(ENVIROCAR, json.dumps(feature()).encode())
    assert (fields(item)["speed"], fields(item)["vehicle"]) == (36.5, "envirocar:unknown")


@given(st.binary(max_size=300))
def test_whatever_the_bytes_are_a_track_is_read_or_refused(body: bytes) -> None:
    """Nothing is raised; records are numbered 1, 2, 3 …."""
    for data in (body, track(feature())[:-10] + body):
        items = read(ENVIROCAR, data)
        assert [getattr(item, "record", 0) for item in items] == list(range(1, len(items) + 1))


# comma2k19


def npy(
    values: Sequence[tuple[float, ...]], *, descr: str = "<f8", version: int = 1, flat: bool = False
) -> bytes:
    """Write an array as NumPy does."""
    width = len(values[0]) if values else 1
    shape = f"({len(values)},)" if flat else f"({len(values)}, {width})"
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (117 - len(header)) + b"\n"
    size = len(header).to_bytes(2 if version == 1 else 4, "little")
    data = b"".join(struct.pack(f"<{width}d", *row) for row in values)
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + data


TIMES = [(100.0 + n / 100,) for n in range(50)]
LOG = {
    "CAN/speed/value": npy([(10.0 + n,) for n in range(50)]),
    "CAN/speed/t": npy(TIMES, flat=True),
    "CAN/wheel_speed/t": npy(TIMES, flat=True),
    "CAN/wheel_speed/value": npy([(1.0, 2.0, 3.0, 4.0)] * 50),
    "CAN/steering_angle/t": npy([(99.9,)], flat=True),
    "CAN/steering_angle/value": npy([(-5.0,)], flat=True),
    "GNSS/live_gnss_ublox/t": npy([(100.105,), (100.205,)], flat=True),
    "GNSS/live_gnss_ublox/value": npy(
        [
            (37.7, -122.4, 10.0, 1_533_226_488_105.0, 33.0, 2.0),
            (37.8, -122.4, 10.0, 1_533_226_488_205.0, 33.0, 2.0),
        ]
    ),
}


def log(**changes: bytes | None) -> bytes:
    """Pack a log; a change to None leaves a file out."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in {
            **LOG,
            **{key.replace("__", "/"): value for key, value in changes.items()},
        }.items():
            if data is not None:
                archive.writestr(name, data)
    return packed.getvalue()


def test_a_sample_of_the_can_speed_becomes_a_signal() -> None:
    """m/s become km/h; time is that of the receiver, whose utc is in milliseconds; a position is told once."""
    items = read(COMMA2K19, log())
    assert len(items) == 50
    first = fields(items[0])
    assert first.pop("vehicle").startswith("comma2k19:")
    assert first == {
        "speed": 36.0,
        "chassis_axle_row1_wheel_left_speed": 3.6,
        "chassis_axle_row1_wheel_right_speed": 7.2,
        "chassis_axle_row2_wheel_left_speed": pytest.approx(10.8),
        "chassis_axle_row2_wheel_right_speed": 14.4,
        "chassis_steering_wheel_angle": -5.0,
        "flags": [],
    }
    assert isinstance(items[0], Accepted)
    assert items[0].drafts[0].occurred_at == 1_533_226_488_000_000
    placed = [n for n, item in enumerate(items) if "current_location_latitude" in fields(item)]
    assert placed == [11, 21]
    assert fields(items[-1])["ends"] == "RECORDING_ENDED"


@pytest.mark.parametrize(
    ("changes", "count", "reason"),
    [
        ({"CAN__speed__value": b"\x93NUMPY"}, 1, "the main series cannot be read: not a NumPy array"),
        ({"CAN__speed__t": None}, 1, "the main series cannot be read"),
        ({"CAN__speed__t": npy([(1.0, 2.0)])}, 1, "expected one number for each time"),
        ({"GNSS__live_gnss_ublox__value": None}, 50, "no absolute time"),
        ({"CAN__steering_angle__t": b"\x93NUMPY\x01\x00zz"}, 50, "CAN/steering_angle/t: "),
    ],
)
def test_a_log_that_cannot_be_read_is_refused_with_the_reason(
    changes: dict[str, bytes | None], count: int, reason: str
) -> None:
    """Sample by sample where their number is known."""
    items = read(COMMA2K19, log(**changes))
    assert len(items) == count
    assert all(reason in refusal(item).reason for item in items)


def test_samples_without_time_or_value_are_refused_one_by_one() -> None:
    """A series that is longer than the other, a time that is none; a value that is none is null."""
    items = read(COMMA2K19, log(CAN__speed__t=npy([*TIMES[:48], (float("nan"),)], flat=True)))
    assert [type(item) for item in items] == [Accepted] * 48 + [Refused] * 2
    assert "expected seconds" in refusal(items[48]).reason
    assert "has no time for sample 50" in refusal(items[49]).reason
    (item, *_) = read(COMMA2K19, log(CAN__speed__value=npy([(float("nan"),)] * 50)))
    assert "speed" not in fields(item)


def test_a_log_is_one_recording_known_by_its_main_series(tmp_path: Path) -> None:
    """The other files are parts of it, with or without the suffix; a lone array belongs to nothing."""
    for suffix in (".npy", ""):
        root = tmp_path / f"log{suffix}"
        for name, data in LOG.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / f"{name}{suffix}").write_bytes(data)
        found = find([root])
        (main,) = [each for each in found if each.part_of is None]
        assert main.path == root / f"CAN/speed/value{suffix}"
        assert {each.part_of for each in found if each is not main} == {main.path}
        assert {each.format.name for each in found if each.format} == {"comma2k19-log"}
        assert [each.path for each in find([root / f"CAN/speed/t{suffix}"]) if each.part_of is None] == [
            main.path
        ]
        assert main.format is not None
        with content(main) as stream:
            of_folder = without_frame(main.format.read(stream))
        of_zip = read(COMMA2K19, log())
        assert [
            (each.record, each.data, each.drafts) for each in of_folder if isinstance(each, Accepted)
        ] == [(each.record, each.data, each.drafts) for each in of_zip if isinstance(each, Accepted)]
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "t.npy").write_bytes(LOG["CAN/speed/t"])
    (lone,) = find([tmp_path / "alone"])
    assert "main files are not there" in (lone.problem or "")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no magic string"),
        (npy(TIMES, descr=">f8"), "expected little-endian float64"),
        (npy(TIMES, descr="|O"), "expected little-endian float64"),
        (npy(TIMES, version=3), "expected 1 or 2, got 3"),
        (npy(TIMES)[:-1], "expected 400 bytes for its shape, got 399"),
        (npy(TIMES) + b"x", "expected 400 bytes for its shape, got 401"),
        (npy(TIMES)[:60], "NumPy header: expected 118 bytes"),
        (npy(TIMES).replace(b"'shape'", b"'shap' "), "expected one or two dimensions"),
        (npy(TIMES).replace(b"(50, 1)", b"(50, 0)"), "expected one or two dimensions"),
        (npy(TIMES).replace(b"{'descr'", b"{'descr("), "not a Python literal"),
    ],
)
def test_an_array_that_is_not_one_is_refused(data: bytes, reason: str) -> None:
    """Version, type, shape and length are looked at."""
    with pytest.raises(ValueError, match=reason):
        parse(data)


def test_arrays_are_read_as_numpy_reads_them() -> None:
    """Both versions, one and two dimensions, not-a-number included."""
    numpy = pytest.importorskip("numpy")
    for values in ([(1.5, float("nan")), (-0.0, 1e300)], [(2.5,)], []):
        for version in (1, 2):
            data = npy(values, version=version)
            expected = numpy.load(io.BytesIO(data))
            found = numpy.array(parse(data).rows).reshape(expected.shape)
            assert numpy.array_equal(found, expected, equal_nan=True)


@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_an_array_is_read_or_refused(body: bytes) -> None:
    """Its own error, nothing else."""
    for data in (body, npy(TIMES)[:40] + body):
        with suppress(ValueError):
            parse(data)
        assert read(COMMA2K19, log(CAN__speed__value=data))
    (found,) = read(COMMA2K19, body)
    assert isinstance(found, Refused)


# tables


def test_a_crash_row_becomes_a_crash_record() -> None:
    """The year alone is known; a case is unique only within it; injury is KABCO."""
    (item,) = read(NASS_CDS, f"{NASS_HEADER}\n{NASS_ROW}\n".encode())
    assert fields(item) == {
        "case": "1997:2:3:1",
        "year": 1997,
        "impact_speed_class": "KMH_25_39",
        "weight": 25.069,
        "dead": False,
        "injury": "A",
        "airbag": "UNAVAILABLE",
        "belted": True,
        "frontal": True,
        "role": "DRIVER",
        "sex": "FEMALE",
        "age": 26,
        "model_year": 1990,
        "flags": [],
    }
    assert isinstance(item, Accepted)
    assert item.drafts[0].occurred_at == 852_076_800_000_000


@pytest.mark.parametrize("missing", ["NA", ""])
def test_what_was_not_told_is_null(missing: str) -> None:
    """Injury, age and model year may be missing."""
    row = NASS_ROW.replace(",3,2:", f",{missing},2:").replace("1990", missing).replace(",26,", f",{missing},")
    found = fields(read(NASS_CDS, f"{NASS_HEADER}\n{row}\n".encode())[0])
    assert (found["injury"], found["model_year"], found["age"]) == (None, None, None)


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ((",0,3,", ",0,4,"), "KILLED_BUT_ALIVE"),
        (("alive", "dead"), "DEAD_BUT_NOT_KILLED"),
        (("25.069", "0"), "STANDS_FOR_NOBODY"),
        (("1990", "1999"), "MODEL_OF_THE_FUTURE"),
    ],
)
def test_what_does_not_fit_together_is_flagged(change: tuple[str, str], flag: str) -> None:
    """Implausible is not refused."""
    found = fields(read(NASS_CDS, f"{NASS_HEADER}\n{NASS_ROW.replace(*change)}\n".encode())[0])
    assert found["flags"] == [flag]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("25-39", "26-39"), "column dvcat: expected one of"),
        (("alive", "asleep"), "column dead: expected one of alive, dead"),
        (("25.069", "nan"), "column weight: expected a number"),
        (("25.069", "1e999"), "column weight: expected a number"),
        ((",1997,", ",97,"), "column yearacc: expected a year"),
        ((",1997,", ",1960,"), "time before 1970"),
        (("2:3:1", "2:3"), "column caseid: expected unit:case:vehicle"),
        ((",0,3,", ",0,9,"), "column injSeverity: expected one of"),
        ((",26,", ",old,"), "column ageOFocc: expected an age"),
        ((",0,3,", ",3,"), "expected 16 cells"),
    ],
)
def test_a_row_that_is_none_is_refused_with_the_reason(change: tuple[str, str], reason: str) -> None:
    """Its neighbours are accepted."""
    lines = [NASS_HEADER, NASS_ROW, NASS_ROW.replace(*change), "", NASS_ROW]
    first, bad, blank, last = read(NASS_CDS, "\n".join(lines).encode())
    assert isinstance(first, Accepted)
    assert isinstance(blank, Skipped)
    assert isinstance(last, Accepted)
    found = refusal(bad)
    assert reason in found.reason
    assert (found.record, found.line, found.rule) == (2, 3, "read-nass-cds@1")


def test_a_pulse_row_counts_from_the_impact() -> None:
    """Milliseconds from impact; there is no day, and the event says so."""
    first, bad = read(HELMET_TEST, f"{PULSE_HEADER}\n2,2.6,-1.3\n3,-1,0\n".encode())
    assert fields(first) == {
        "test": "mcycle",
        "from_impact_ms": 2.6,
        "acceleration_g": -1.3,
        "flags": ["NO_DATE"],
    }
    assert isinstance(first, Accepted)
    assert first.drafts[0].occurred_at == 2600
    assert "expected milliseconds from impact" in refusal(bad).reason


# all of them


def test_a_format_is_told_by_its_head_alone() -> None:
    """Each format matches its own files and no other."""
    heads = {
        "envirocar-track": track(feature()),
        "comma2k19-log": LOG["CAN/speed/t"],
        "nass-cds": NASS_HEADER.encode(),
        "helmet-test-pulse": PULSE_HEADER.encode(),
        "gpx-track": b'<?xml version="1.0"?>\n<!-- <a> -->\n<gpx version="1.1"><trk/></gpx>',
        "torque-log": b"GPS Time, Device Time, Longitude, Latitude,GPS Speed (Meters/second)\n",
        "car-scanner-log": b'"SECONDS";"PID";"VALUE";"UNITS";\n',
    }
    assert {form.name for form in FORMATS} == set(heads)
    for form in FORMATS:
        assert {name for name, head in heads.items() if form.matches(head)} == {form.name}
        assert not any(form.matches(head) for head in (b"", b"{}", b"a,b\n", b"times,accel,more\n", b"\xff"))


def independent_count(path: Path) -> int:
    """Count the source records of a file with nothing but the standard library."""
    raw = path.read_bytes()
    data = gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
    if data.startswith(b"{"):
        return len(json.loads(data)["features"])
    if data.startswith(b"\x93"):
        return (len(data) - data.index(b"\n") - 1) // 8  # one float64 each
    return len(list(csv.reader(data.decode().splitlines()))) - 1


def check_recordings(root: Path) -> int:
    """Compare what is read with what other code counts; return how many recordings there are."""
    door = MemoryProducer(load_catalog())
    envelope = {"event_id": "018f0000-0000-7000-8000-000000000001", "salt": bytes(16), "source": "replay:0#1"}
    recordings = [found for found in find([root]) if found.format is not None and found.part_of is None]
    for found in recordings:
        assert found.format is not None
        with content(found) as stream:
            items = without_frame(found.format.read(stream))
        assert len(items) == independent_count(found.path)
        for number, item in enumerate(items, start=1):
            assert isinstance(item, Accepted), item
            assert item.record == number
            (draft,) = item.drafts
            door.prepare(draft.topic, {**envelope, "occurred_at": draft.occurred_at, **draft.fields})
    return len(recordings)


@pytest.mark.parametrize("root", [*bundled("vehicle"), *EXCERPTS], ids=lambda path: path.name)
def test_recordings_are_read_to_the_last_record(root: Path) -> None:
    """As many records as other code counts, all accepted, and every event fits its schema."""
    assert check_recordings(root) == 1


@pytest.mark.nightly
def test_whole_recordings_are_read_to_the_last_record() -> None:
    """Eight tracks, a log, the crashes and a pulse."""
    (root,) = whole("vehicle")
    assert check_recordings(root) == 11


def test_a_diesel_tells_other_phenomenons() -> None:
    """No fuel rate; the lambda sensor and the mass of air in litres keep their own names and units."""
    (track,) = EXCERPTS
    with open_source(track) as stream:
        found = [fields(item) for item in without_frame(ENVIROCAR.read(stream))]
    assert len(found) == 40
    assert all("fuel_consumption" not in each for each in found)
    assert all({"MAF [l/s]", "O2 Lambda Voltage [V]"} <= each["other"].keys() for each in found)


def test_bundled_recordings_are_small_and_of_every_format() -> None:
    """Less than 300 kB."""
    files = [
        file for path in bundled("vehicle") for file in ([path] if path.is_file() else path.rglob("*.npy"))
    ]
    assert sum(file.stat().st_size for file in files) < 300_000
    assert {each.format.name for each in find(bundled("vehicle")) if each.format} == set(BY_NAME) - MADE
