"""The readers of the public body tables, held to counts that the csv module takes of the same files."""

import csv
import gzip
import io
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.domains.health.mornings import lines
from streams.domains.health.nhanes import CYCLES
from streams.domains.health.recordings import AIS_ATHLETES, BODY_DIMENSIONS, NHANES, TableLayout
from streams.domains.health.rules import assess
from streams.readers.formats import Accepted, Refused
from streams.readers.source import open_source
from streams.replay.recordings import bundled, bundled_scenarios, content, find
from tests.recordings import whole
from tests.streams.domains.health.people import items, nhanes
from tests.streams.readers.accounting import below_header

MADE = Path(__file__).parent / "excerpts"
SAS_ZERO = "5.397605346934028e-79"
ATHLETES = MADE / "made_athletes.csv"
BODIES = MADE / "made_body_dimensions.csv"


def only(table: TableLayout, data: bytes) -> Accepted:
    """Read the first row, which is accepted."""
    item = below_header(table.read(io.BytesIO(data)))[0]
    assert isinstance(item, Accepted)
    return item


def reason(**cells: object) -> str:
    """Tell why a row of NHANES is refused."""
    (item,) = items(nhanes(cells))
    assert isinstance(item, Refused)
    assert item.rule == "read-nhanes@2"
    return item.reason


def check_nhanes(path: Path) -> None:
    """Compare what the reader makes of a survey's table with what the csv module finds in it."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text, delimiter="\t"))
    with open_source(path) as stream:
        found = below_header(NHANES.read(stream))
    drafts = [item.drafts[0] for item in found if isinstance(item, Accepted)]
    assert len(drafts) == len(found) == len(rows)
    for field, column in (("body_weight", "WeightKg"), ("percent_body_fat", "TotalPercentFat")):
        want = [float(row[column]) for row in rows if row[column]]
        assert [draft.fields[field] for draft in drafts if draft.fields[field] is not None] == want
    zeros = sum(row["DiastolicBloodPres1StRdgMmHg"] == SAS_ZERO for row in rows)
    assert zeros > 0
    assert sum(draft.fields["diastolic_blood_pressure"] == 0 for draft in drafts) == zeros
    assert drafts[0].fields["person"] == f"nhanes:{int(float(rows[0]['SEQN']))}"
    flags = Counter(flag for draft in drafts for flag in assess(draft.fields).flags)
    assert flags["BMI_MISMATCH"] == 0  # BMI agrees with weight and height within 0.05
    assert flags["NOT_ADULT"] == sum(float(row["AgeInYearsAtScreening"]) < 20 for row in rows)


@pytest.mark.parametrize("path", bundled("health"), ids=lambda path: path.name)
def test_every_row_of_nhanes_is_accepted_with_what_it_says(path: Path) -> None:
    """Numbers of rows, of measured values and their sums are those that csv finds."""
    check_nhanes(path)


@pytest.mark.nightly
def test_every_row_of_the_whole_nhanes_is_accepted_with_what_it_says() -> None:
    """2,500 persons."""
    (path,) = whole("health", "nhanes*rows*.tsv.gz")
    check_nhanes(path)


def check_study(path: Path, form: str, persons: int) -> None:
    """Compare what is read of a study with the csv module's rows; a weight that does not fit is flagged."""
    (recording,) = find([path])
    assert recording.format is not None
    assert recording.format.name == form
    with path.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    with content(recording) as stream:
        found = below_header(recording.format.read(stream))
    drafts = [item.drafts[0] for item in found if isinstance(item, Accepted)]
    assert len(drafts) == len(found) == len(rows) == persons
    if "lbm" in rows[0]:
        off = [float(r["wt"]) * (1 - float(r["pcBfat"]) / 100) - float(r["lbm"]) for r in rows]
        flagged = ["WEIGHT_MISMATCH" in assess(draft.fields).flags for draft in drafts]
        assert flagged == [abs(each) > 0.15 for each in off]
        assert any(flagged)


@pytest.mark.parametrize(("path", "form", "persons"), [(ATHLETES, "ais-athletes", 8), (BODIES, "bdims", 6)])
def test_athletes_and_body_dimensions_are_read_whole(path: Path, form: str, persons: int) -> None:
    """Weight without fat is near the lean mass, and flagged where it is not."""
    check_study(path, form, persons)


@pytest.mark.nightly
def test_whole_studies_of_athletes_and_body_dimensions_are_read() -> None:
    """140 and 333 rows."""
    (athletes,) = whole("health", "ais_athletes*.csv")
    check_study(athletes, "ais-athletes", 140)
    (bodies,) = whole("health", "bdims*.csv")
    check_study(bodies, "bdims", 333)


def test_a_survey_row_stands_on_the_last_day_of_its_cycle() -> None:
    """The tables have no time stamps; `period` says what is known."""
    draft = only(NHANES, nhanes({})).drafts[0]
    assert datetime.fromtimestamp(draft.occurred_at / 1e6, UTC) == datetime(2018, 12, 31, tzinfo=UTC)
    assert (draft.fields["cycle"], draft.fields["period"]) == ("nhanes-2017-2018", "2017-01-01/2018-12-31")


def test_values_have_the_units_of_the_schema() -> None:
    """Grams of trunk fat are kilograms, exactly; a zero of the SAS format is 0, an empty cell is nothing."""
    cells = {"TrunkFatG": "10020.2", "DiastolicBloodPres1StRdgMmHg": SAS_ZERO, "WaistCircumferenceCm": ""}
    fields = only(NHANES, nhanes(cells)).drafts[0].fields
    assert (fields["trunk_fat_mass"], fields["diastolic_blood_pressure"]) == (10.0202, 0.0)
    assert fields["waist_circumference"] is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5.397605346934028e-79", 0.0),
        ("5.3976053469340279e-79", 0.0),
        ("5.397605e-79", 0.0),
        ("5.4E-079", 0.0),
        ("0.00000000000000000005e-60", 0.0),
        ("-5.397605e-79", 0.0),
        ("1e-71", 0.0),
        ("1e-70", 1e-70),
        ("0", 0.0),
        ("70", 70.0),
        ("7.0E+01", 70.0),
        (".5", 0.5),
        ("+70.", 70.0),
        (" 70.0 ", 70.0),
        ("8888", 8888.0),
        ("", None),
        (".", None),
        (".A", None),
        (".z", None),
        ("._", None),
        ("NA", None),
        ("nan", None),
        ("NaN", None),
        ("<NA>", None),
        ("null", None),
    ],
)
def test_a_zero_and_a_missing_value_of_sas_are_read_in_every_spelling(text: str, value: float | None) -> None:
    """Below 1e-70 nothing was weighed: such a value is 0, never a body weight. `.` and its letters are missing."""
    found = only(NHANES, nhanes({"WeightKg": text, "TrunkFatG": text})).drafts[0].fields
    assert found["body_weight"] == value
    assert found["trunk_fat_mass"] == (value if value is None else value / 1000)


@pytest.mark.parametrize(
    "text", ["93799", "93799.0", "9.3799e4", "9.3799E+04", "937990e-1", "+93799.", " 93799 "]
)
def test_a_person_is_the_same_in_every_spelling_of_the_number(text: str) -> None:
    """Other programs write ids as floats."""
    assert only(NHANES, nhanes({"SEQN": text})).drafts[0].fields["person"] == "nhanes:93799"


@pytest.mark.parametrize(
    ("text", "sex"),
    [("Female", "FEMALE"), ("male", "MALE"), ("2", "FEMALE"), ("1.0", "MALE"), (".", None), ("", None)],
)
def test_a_sex_is_read_as_word_and_as_code(text: str, sex: str | None) -> None:
    """RIAGENDR: 1 is male, 2 is female."""
    assert only(NHANES, nhanes({"Gender": text})).drafts[0].fields["sex"] == sex


@pytest.mark.parametrize(
    ("seqn", "cycle", "last_day"),
    [
        (1, "nhanes-1999-2000", "2000-12-31"),
        (9_965, "nhanes-1999-2000", "2000-12-31"),
        (9_966, "nhanes-2001-2002", "2002-12-31"),
        (31_127, "nhanes-2005-2006", "2006-12-31"),
        (71_916, "nhanes-2011-2012", "2012-12-31"),
        (71_917, "nnyfs-2012", "2012-12-31"),
        (83_732, "nhanes-2015-2016", "2016-12-31"),
        (93_702, "nhanes-2015-2016", "2016-12-31"),
        (93_703, "nhanes-2017-2018", "2018-12-31"),
        (102_956, "nhanes-2017-2018", "2018-12-31"),
        (109_300, "nhanes-2017-2020", "2020-03-31"),
        (124_822, "nhanes-2017-2020", "2020-03-31"),
        (130_378, "nhanes-2021-2023", "2023-08-31"),
        (142_310, "nhanes-2021-2023", "2023-08-31"),
    ],
)
def test_the_number_of_a_person_gives_the_cycle(seqn: int, cycle: str, last_day: str) -> None:
    """The row stands on the last day of its cycle."""
    draft = only(NHANES, nhanes({"SEQN": seqn})).drafts[0]
    assert draft.fields["cycle"] == cycle
    assert datetime.fromtimestamp(draft.occurred_at / 1e6, UTC).date().isoformat() == last_day
    assert draft.fields["period"].endswith(f"/{last_day}")


def test_there_are_as_many_numbers_in_a_cycle_as_persons_in_its_demographics() -> None:
    """Published counts of DEMO, DEMO_B … DEMO_J, Y_DEMO, P_DEMO, DEMO_L; the ranges touch no other."""
    sizes = [last - first + 1 for first, last in CYCLES]
    assert sizes == [
        9_965, 11_039, 10_122, 10_348, 10_149, 10_537, 9_756, 1_640, 10_175, 9_971, 9_254, 15_560, 11_933
    ]  # fmt: skip
    edges = [edge for each in CYCLES for edge in each]
    assert edges == sorted(set(edges))


def test_studies_name_a_person_by_the_row_of_the_whole_table() -> None:
    """Athletes: f and m; body dimensions: 1 is male."""
    athlete = only(AIS_ATHLETES, ATHLETES.read_bytes()).drafts[0].fields
    assert (athlete["person"], athlete["sex"], athlete["lean_body_mass"]) == ("ais:1", "FEMALE", 54.23)
    assert athlete["period"] == "../1991-12-31"
    body = only(BODY_DIMENSIONS, BODIES.read_bytes()).drafts[0].fields
    assert (body["person"], body["sex"], body["waist_circumference"]) == ("bdims:1", "MALE", 80.3)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"SEQN": "93703.5"}, "column SEQN: expected the number of a person"),
        ({"SEQN": ""}, "column SEQN: expected the number of a person"),
        ({"SEQN": "."}, "column SEQN: expected the number of a person"),
        ({"SEQN": "0"}, "column SEQN: expected the number of a person"),
        ({"SEQN": "-93703"}, "column SEQN: expected the number of a person"),
        ({"SEQN": "9.37035e3"}, "column SEQN: expected the number of a person"),
        ({"SEQN": "108000.0"}, "is of no survey cycle that can be dated"),
        ({"SEQN": "142311"}, "is of no survey cycle that can be dated"),
        ({"WeightKg": "heavy 98.7654"}, "column WeightKg: expected a number"),
        ({"WeightKg": "1e400"}, "column WeightKg: expected a number"),
        ({"WeightKg": "inf"}, "column WeightKg: expected a number"),
        ({"WeightKg": "0x46"}, "column WeightKg: expected a number"),
        ({"Gender": "Person 98.7654"}, "column Gender: expected one of female, male"),
        ({"Gender": "3"}, "column Gender: expected one of female, male"),
        ({"StandingHeightCm": "1\t2"}, "cells as in the header, got 15"),
    ],
)
def test_what_cannot_be_parsed_is_refused_without_telling_the_value(
    cells: dict[str, str], words: str
) -> None:
    """The reason names the column only."""
    told = reason(**cells)
    assert words in told
    assert "98.7654" not in told
    assert "93703" not in told


def test_what_is_implausible_is_accepted() -> None:
    """The rules flag it; the reader keeps it."""
    assert (
        only(NHANES, nhanes({"WeightKg": "-3", "StandingHeightCm": "9999"})).drafts[0].fields["body_weight"]
        == -3
    )


def test_a_table_that_lacks_a_column_is_refused_row_by_row() -> None:
    """Each row is counted, with the column's name."""
    data = nhanes({}, {}).replace(b"WaistCircumferenceCm", b"Waist")
    found = [item for item in items(data) if isinstance(item, Refused)]
    assert [item.reason for item in found] == ["the table lacks the column WaistCircumferenceCm"] * 2


def test_a_table_of_a_cycle_without_x_ray_is_read() -> None:
    """There was none in 2007-2010 and since 2019."""
    data = (
        nhanes({"SEQN": 41_475, "TrunkFatG": 1})
        .replace(b"TrunkFatG", b"Trunk")
        .replace(b"TotalPercentFat", b"T")
    )
    fields = only(NHANES, data).drafts[0].fields
    assert (fields["cycle"], fields["trunk_fat_mass"]) == ("nhanes-2007-2008", None)
    assert fields["body_weight"] == 71.2


def test_the_scenario_is_what_its_generator_makes() -> None:
    """Anyone can make the committed file again; three mornings of sixty do not fit, and no other."""
    (path,) = bundled_scenarios("health")
    assert path.read_text(encoding="utf-8").splitlines() == list(lines())
    (found,) = find([path])
    with content(found) as stream:
        drafts = [item.drafts[0] for item in found.format.read(stream) if isinstance(item, Accepted)]  # type: ignore[union-attr]
    assert len(drafts) == 60
    assert len({draft.fields["person"] for draft in drafts}) == 1
    odd = {
        number: flags
        for number, draft in enumerate(drafts, start=1)
        if (flags := set(assess(draft.fields).flags) - {"VISCERAL_FAT_HIGH"})
    }
    assert "BMI_MISMATCH" in odd[17]
    assert "WEIGHT_PARTS_MISMATCH" in odd[33]
    assert odd[47] == {"OUT_OF_RANGE:resting_heart_rate"}
    assert odd.keys() == {17, 33, 47}
