"""NHANES as CDC publishes it: components of every cycle, joined with the persons of DEMO."""

import gzip
import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.health.rules import assess
from streams.domains.health.survey_files import RULE, demographics_of, matches, members, read
from streams.identity.secret import DeploymentSecret
from streams.readers.formats import Accepted, Item, Refused, Skipped
from streams.replay.checkpoint import ReplayCheckpoint
from streams.replay.input import Input
from streams.replay.recordings import content, find
from streams.replay.records import RecordWriter
from tests.streams.domains.health.people import door
from tests.streams.domains.health.transport import as_text, library, member

BMX: list[dict[str, Any]] = [
    {"SEQN": 93_703.0, "BMDSTATS": 1.0, "BMXWT": 13.7, "BMXHT": 88.6, "BMXBMI": 17.5, "BMXWAIST": 48.2},
    {"SEQN": 93_705.0, "BMDSTATS": 1.0, "BMXWT": 79.5, "BMXHT": 158.3, "BMXBMI": 31.7, "BMXWAIST": None},
]
DEMO: list[dict[str, Any]] = [
    {"SEQN": 93_703.0, "RIAGENDR": 2.0, "RIDAGEYR": 2.0, "RIDAGEMN": None},
    {"SEQN": 93_704.0, "RIAGENDR": 1.0, "RIDAGEYR": 0.0, "RIDAGEMN": 5.0},
    {"SEQN": 93_705.0, "RIAGENDR": 2.0, "RIDAGEYR": 66.0, "RIDAGEMN": None},
]


def items(data: bytes) -> list[Item]:
    """Read a file alone."""
    return list(read(io.BytesIO(data)))


def fields(found: list[Item]) -> list[dict[str, Any]]:
    """Return what was measured, without what is null; everything is accepted."""
    assert not [item for item in found if isinstance(item, Refused)]
    return [
        {name: value for name, value in item.drafts[0].fields.items() if value is not None}
        for item in found
        if isinstance(item, Accepted)
    ]


def survey(name: str, *rows: Mapping[str, Any]) -> bytes:
    """Make a component."""
    return library(member(name, rows))


def replayed(path: Path) -> list[dict[str, Any]]:
    """Return what a replay of a file reads."""
    (recording,) = find([path])
    assert recording.format is not None
    assert recording.format.name == "nhanes-xpt"
    with content(recording) as stream:
        return fields(list(recording.format.read(stream)))


def test_body_measures_alone_are_read_and_their_unknown_age_is_flagged() -> None:
    """Weight, height, BMI, waist; no sex and no age."""
    first, second = fields(items(survey("BMX_J", *BMX)))
    assert first == {
        "person": "nhanes:93703",
        "cycle": "nhanes-2017-2018",
        "period": "2017-01-01/2018-12-31",
        "body_weight": 13.7,
        "body_height": 88.6,
        "bmi": 17.5,
        "waist_circumference": 48.2,
    }
    assert "waist_circumference" not in second
    assert assess(second).flags == ("AGE_UNKNOWN",)


@pytest.mark.parametrize(
    ("name", "demo", "compress"),
    [
        ("BMX_J.XPT", "DEMO_J.XPT", False),
        ("bmx_j.xpt", "demo_j.xpt.gz", True),
        ("x.xpt", "MyDemo.XPT", False),
    ],
)
def test_sex_and_age_are_joined_if_demo_lies_beside(
    tmp_path: Path, name: str, demo: str, compress: bool
) -> None:
    """By SEQN; the data set's own name decides which DEMO it is. So a child of two has no adult's class."""
    (tmp_path / name).write_bytes(survey("BMX_J", *BMX))
    (tmp_path / "DEMO_I.XPT").write_bytes(survey("DEMO_I", {**DEMO[0], "RIDAGEYR": 99.0}))
    data = survey("DEMO_J", *DEMO)
    (tmp_path / demo).write_bytes(gzip.compress(data) if compress else data)
    first, second = replayed(tmp_path / name)
    assert (first["sex"], first["age"]) == ("FEMALE", 2.0)
    assert (second["sex"], second["age"]) == ("FEMALE", 66.0)
    assert assess(first).who is None
    assert assess(second).who == "OBESE_I"


def test_a_program_that_calls_every_data_set_the_same_is_joined_by_file_names(tmp_path: Path) -> None:
    """ReadStat's own name is DATASET."""
    for name, rows in (("bmx_j.xpt", BMX), ("demo_j.xpt", DEMO), ("demo_i.xpt", DEMO[:1])):
        pyreadstat.write_xport(pd.DataFrame(rows), tmp_path / name, file_format_version=5)
    assert [each["age"] for each in replayed(tmp_path / "bmx_j.xpt")] == [2.0, 66.0]
    assert len(replayed(tmp_path / "demo_j.xpt")) == 3


def test_a_demo_of_another_cycle_tells_nothing(tmp_path: Path) -> None:
    """P_DEMO numbers the same persons anew."""
    (tmp_path / "BMX_J.XPT").write_bytes(survey("BMX_J", *BMX))
    (tmp_path / "P_DEMO.XPT").write_bytes(survey("P_DEMO", *DEMO))
    assert all("age" not in each for each in replayed(tmp_path / "BMX_J.XPT"))
    assert list(members(tmp_path / "BMX_J.XPT").values()) == [tmp_path / "BMX_J.XPT"]


def test_demo_itself_becomes_events_of_sex_and_age(tmp_path: Path) -> None:
    """A zero age is the infant's, not 5.4e-79."""
    path = tmp_path / "DEMO_J.XPT"
    path.write_bytes(survey("DEMO_J", *DEMO))
    assert [(each["sex"], each["age"]) for each in replayed(path)] == [
        ("FEMALE", 2.0),
        ("MALE", 0.0),
        ("FEMALE", 66.0),
    ]
    infant = {**DEMO[1], "RIDAGEYR": None, "RIDAGEMN": 18.0}
    assert fields(items(survey("DEMO", infant)))[0]["age"] == 1.5


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("BMX", "DEMO"),
        ("DXX", "DEMO"),
        ("BMX_B", "DEMO_B"),
        ("DXX_D", "DEMO_D"),
        ("BPXO_J", "DEMO_J"),
        ("BMX_L", "DEMO_L"),
        ("P_BMX", "P_DEMO"),
        ("P_BPXO", "P_DEMO"),
        ("Y_BMX", "Y_DEMO"),
        ("DEMO_J", None),
        ("P_DEMO", None),
        ("DATASET", None),
        (None, None),
    ],
)
def test_each_data_set_has_the_demo_of_its_cycle(name: str | None, wanted: str | None) -> None:
    """1999-2000 has no letter; P_ is 2017 to March 2020, L August 2021 to August 2023, Y_ the youth survey of 2012."""
    assert demographics_of(name) == wanted


@pytest.mark.parametrize(
    ("name", "row", "want"),
    [
        (
            "DXX_J",
            {"SEQN": 93_705.0, "DXXTRFAT": 10_020.2, "DXDTRPF": 33.1, "DXDTOFAT": 25_000.5, "DXDTOLI": 48_000.0,
             "DXDTOPF": 34.2},
            {"cycle": "nhanes-2017-2018", "trunk_fat_mass": 10.0202, "trunk_percent_fat": 33.1,
             "body_fat_mass": 25.0005, "lean_body_mass": 48.0, "percent_body_fat": 34.2},
        ),
        (
            "BIX_B",
            {"SEQN": 9_966.0, "BIDECF": 15.1, "BIDTBW": 38.2, "BIDICF": 23.1, "BIDFFM": 52.0, "BIDFAT": 20.0,
             "BIDPFAT": 27.8},
            {"cycle": "nhanes-2001-2002", "extracellular_water": 15.1, "total_body_water": 38.2,
             "intracellular_water": 23.1, "lean_body_mass": 52.0, "body_fat_mass": 20.0, "percent_body_fat": 27.8},
        ),
        (
            "P_BMX",
            {"SEQN": 109_263.0, "BMXWT": 42.2, "BMXHT": 154.7, "BMXHIP": 85.0},
            {"cycle": "nhanes-2017-2020", "body_weight": 42.2, "body_height": 154.7, "hip_circumference": 85.0},
        ),
        (
            "BMX_L",
            {"SEQN": 130_378.0, "BMXWT": 86.9, "BMXHT": 179.5},
            {"cycle": "nhanes-2021-2023", "body_weight": 86.9, "body_height": 179.5},
        ),
        (
            "BPX",
            {"SEQN": 1.0, "BPXPLS": 68.0, "BPXSY1": 106.0, "BPXDI1": 0.0},
            {"cycle": "nhanes-1999-2000", "resting_heart_rate": 68.0, "systolic_blood_pressure": 106.0,
             "diastolic_blood_pressure": 0.0},
        ),
        (
            "BPXO_L",
            {"SEQN": 130_378.0, "BPXOSY1": 135.0, "BPXODI1": 98.0, "BPXOPLS1": 82.0},
            {"cycle": "nhanes-2021-2023", "systolic_blood_pressure": 135.0, "diastolic_blood_pressure": 98.0,
             "resting_heart_rate": 82.0},
        ),
    ],
)  # fmt: skip
def test_each_component_is_read_in_the_units_of_the_schema(
    name: str, row: dict[str, Any], want: dict[str, Any]
) -> None:
    """Grams of the X-ray are kilograms, exactly; litres, mmHg and beats stay."""
    data = survey(name, row)
    assert matches(data)
    (found,) = fields(items(data))
    assert {key: value for key, value in found.items() if key not in ("person", "period")} == want


@pytest.mark.parametrize(
    ("readings", "counts"),
    [
        ((0.0, 66.0, 68.0), 66.0),
        ((0.0, 0.0, 70.0, None), 70.0),
        ((0.0, None, None, 54.0), 54.0),
        ((62.0, 0.0, 60.0), 62.0),
        ((0.0, 0.0, 0.0), 0.0),
        ((0.0,), 0.0),
        ((0.0, None), 0.0),
        ((None, 66.0), None),
    ],
)
def test_a_diastolic_zero_counts_only_if_no_reading_is_above_it(
    readings: tuple[float | None, ...], counts: float | None
) -> None:
    """CDC's means leave such a zero out (BPX, data documentation); the systolic pressure stays that of the first."""
    row = {f"BPXDI{number}": value for number, value in enumerate(readings, 1)}
    (found,) = fields(items(survey("BPX_D", {"SEQN": 31_131.0, "BPXSY1": 110.0, "BPXSY2": 118.0, **row})))
    assert (found["systolic_blood_pressure"], found.get("diastolic_blood_pressure")) == (110.0, counts)


def test_of_five_imputations_of_a_person_the_first_is_an_event() -> None:
    """DXX of 1999 to 2006 imputes what could not be scanned five times: no five measurements."""
    rows = [
        {"SEQN": 5.0 + person, "_MULT_": float(version), "DXDTOPF": 30.0 + version}
        for person in range(3)
        for version in range(1, 6)
    ]
    found = items(survey("DXX", *rows))
    assert [each["percent_body_fat"] for each in fields(found)] == [31.0] * 3
    assert [item.record for item in found if isinstance(item, Accepted)] == [1, 2, 3]
    kinds = Counter(type(item) for item in found)
    assert kinds[Skipped] >= 12


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"SEQN": None, "BMXWT": 98.7654}, "variable SEQN: expected the number of a person"),
        ({"SEQN": 0.0, "BMXWT": 98.7654}, "variable SEQN: expected the number of a person"),
        ({"SEQN": 93_703.5, "BMXWT": 98.7654}, "variable SEQN: expected the number of a person"),
        ({"SEQN": 105_000.0, "BMXWT": 98.7654}, "of no survey cycle that can be dated"),
        ({"SEQN": 93_703.0, "RIAGENDR": 9.0, "BMXWT": 98.7654}, "variable RIAGENDR: expected 1"),
        ({"SEQN": "heavy", "BMXWT": 98.7654}, "variable SEQN: expected a number"),
    ],
)
def test_what_cannot_be_read_is_refused_without_telling_the_value(row: dict[str, Any], words: str) -> None:
    """The reason names the variable only."""
    refused = [item for item in items(survey("BMX_J", row)) if isinstance(item, Refused)]
    assert [item.rule for item in refused] == [RULE]
    assert words in refused[0].reason
    assert "98.7654" not in refused[0].reason
    assert "93703" not in refused[0].reason


def test_numbers_that_a_program_wrote_as_text_are_read() -> None:
    """Missing ones, too."""
    row = {"SEQN": "93703", "BMXWT": "70.2", "BMXHT": "."}
    assert fields(items(survey("BMX_J", row)))[0]["body_weight"] == 70.2


def test_what_readstat_writes_of_a_survey_is_read(tmp_path: Path) -> None:
    """Both versions."""
    for version in (5, 8):
        path = tmp_path / f"v{version}.xpt"
        pyreadstat.write_xport(pd.DataFrame(BMX), path, table_name="BMX_J", file_format_version=version)
        assert [each["body_weight"] for each in replayed(path)] == [13.7, 79.5]


def test_a_damaged_file_is_one_refused_record_that_says_what_to_do() -> None:
    """Copied as text: recognised all the same."""
    rows = [{**BMX[0], **{f"BMX{name}": 10.0 for name in range(12)}} for _ in range(4)]
    found = items(as_text(survey("BMX_J", *rows)))
    (refused,) = [item for item in found if not isinstance(item, Skipped)]
    assert isinstance(refused, Refused)
    assert "copied as text" in refused.reason


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (
            b"**COMPRESSED** **COMPRESSED** **COMPRESSED** **COMPRESSED** **COMPRESSED********",
            "a SAS CPORT file",
        ),
        (b"STUDYID,DOMAIN,USUBJID\n1,DM,2\n", "no known format"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "no known format"),
        (b"<!DOCTYPE html>\n<title>Page Not Found | CDC</title>\n", "no known format"),
    ],
)
def test_what_people_call_xpt_and_is_none_is_named(tmp_path: Path, data: bytes, problem: str) -> None:
    """CPORT (haven issue 709), CSV (xport issue 13), an OLE file (xport issue 19), a page (RNHANES issue 19)."""
    (tmp_path / "BMX_J.XPT").write_bytes(data)
    (recording,) = find([tmp_path])
    assert problem in str(recording.problem)


def test_the_dead_letter_of_an_observation_keeps_no_bytes_of_it(tmp_path: Path) -> None:
    """An unreadable observation has no known person, so `forget` could not reach it."""
    path = tmp_path / "BMX_J.XPT"
    path.write_bytes(survey("BMX_J", {"SEQN": 105_000.0, "BMXWT": 98.7654}))
    (recording,) = find([path])
    producer = door(tmp_path / "data")
    writer = RecordWriter(producer, DeploymentSecret(bytes(32)), 0)
    with content(recording) as stream:
        (refused,) = [item for item in read(stream) if isinstance(item, Refused)]
    _, (letter,) = writer.write(Input(recording, ReplayCheckpoint("nhanes-xpt", 0)), refused)
    producer.send(letter)
    (sent,) = producer.sent("health.dead-letter")
    assert sent.event["bytes"] == b""
    assert sent.event["length"] == len(refused.data) == 16
    assert refused.data not in sent.value


def test_a_component_that_measures_no_body_is_of_no_known_format() -> None:
    """A laboratory's file: nothing of it would become an event."""
    assert not matches(survey("GHB_J", {"SEQN": 93_705.0, "LBXGH": 6.2}))


@given(cut=st.integers(4, 2_000), noise=st.binary(max_size=40))
def test_whatever_a_file_holds_each_part_is_accounted_for(cut: int, noise: bytes) -> None:
    """Nothing is raised, and records are numbered 1, 2, 3 …."""
    found = items(survey("BMX_J", *BMX)[:cut] + noise)
    numbers = [item.record for item in found if not isinstance(item, Skipped)]
    assert numbers == list(range(1, len(numbers) + 1))
