"""Public body-measurement tables → measurements: NHANES, Australian athletes, body dimensions. Pure.

One source record is one data row, one person. Columns that a measurement has no field for are passed over. A row with
values missing is accepted; refused is only what cannot be parsed: wrong number of cells, no person, a number or a
sex that is none, a survey id of a cycle we cannot date, or a table that lacks a column of its format. **A reason never
tells a value, nor whose it is.**

None of these tables has a time stamp. `occurred_at` is midnight UTC of the last day on which the row can have been
measured, and `period` says so: the survey cycle for NHANES, the year of publication for the two studies.

NHANES as the package writes it: ids and numbers are floats (`93703.0`); `5.397605346934028e-79` is a zero, an artefact
of the SAS transport format; empty was not measured.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, BinaryIO

from schemas.names import topic_name
from streams.readers.delimited import Row, first_line, header_cells, header_line, items
from streams.readers.formats import EventDraft, Format, Item

DOMAIN = "health"
TOPIC = topic_name(DOMAIN, "measurement")
SAS_ZERO = "5.397605346934028e-79"

_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{0,20})?([eE][+-]?\d{1,2})?", re.ASCII)
_WHOLE = re.compile(r"(\d{1,9})(\.0*)?", re.ASCII)
_ROW_NAME = re.compile(r"[1-9]\d{0,8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """When something was measured of which no moment is told.

    Attributes:
        text: The interval, ISO 8601-2.
        last_day: Its last day.
    """

    text: str
    last_day: tuple[int, int, int]

    @property
    def occurred_at(self) -> int:
        """Midnight UTC of the last day, µs since 1970."""
        return int(datetime(*self.last_day, tzinfo=UTC).timestamp()) * 1_000_000


NHANES_CYCLES = {(93_703, 102_956): ("nhanes-2017-2018", Period("2017-01-01/2018-12-31", (2018, 12, 31)))}
"""Cycle by its range of SEQN: the survey numbers persons on through all cycles, and the file tells no other date."""

AIS_PERIOD = Period("../1991-12-31", (1991, 12, 31))
"""Telford and Cunningham, Med. Sci. Sports Exerc. 23 (1991)."""

BDIMS_PERIOD = Period("../2003-12-31", (2003, 12, 31))
"""Heinz, Peterson, Johnson and Kerr, J. Stat. Educ. 11 (2003)."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose a row is, and of which cycle."""

    person: str
    cycle: str
    period: Period


@dataclass(frozen=True, slots=True)
class Value:
    """A measured value's column, and by how much it is to be divided to have the field's unit."""

    column: str
    divided_by: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """How one format's table is laid out.

    Attributes:
        name: Name of the format.
        delimiter: What stands between two cells.
        recognised_by: Columns that make a table one of this format.
        values: Column of each measured value, by field of the measurement.
        sex: Column of the sex, and what it says for which.
        whose: Tells whose a row is; raises ValueError.
    """

    name: str
    delimiter: str
    recognised_by: frozenset[str]
    values: Mapping[str, Value]
    sex: tuple[str, Mapping[str, str]]
    whose: Callable[[Mapping[str, str]], Whose]

    @property
    def rule(self) -> str:
        """What refuses a row of this format."""
        return f"read-{self.name}@1"

    @property
    def needed(self) -> frozenset[str]:
        """All columns that a measurement is made from."""
        return self.recognised_by | {each.column for each in self.values.values()} | {self.sex[0]}

    def header(self, line: bytes) -> list[str] | None:
        """Read a header line of this format; None when it is of another."""
        try:
            columns = header_cells(line, delimiter=self.delimiter)
        except ValueError:
            return None
        return columns if self.recognised_by <= set(columns) else None

    def matches(self, head: bytes) -> bool:
        """Tell whether a file begins like this format."""
        return self.header(first_line(head)) is not None

    def read(self, stream: BinaryIO) -> Iterator[Item]:
        """Read a file of this format, one item per data row."""
        columns = self.header(header_line(stream)) or []
        absent = ", ".join(sorted(self.needed - set(columns)))
        yield from items(
            stream, columns, lambda row: self._draft(row, absent), self.rule, delimiter=self.delimiter
        )

    def _draft(self, row: Row, absent: str) -> EventDraft:
        if absent:
            raise ValueError(f"the table lacks the column {absent}")
        whose = self.whose(row.require_cells())
        fields: dict[str, Any] = {
            "person": whose.person,
            "cycle": whose.cycle,
            "period": whose.period.text,
            "sex": self._sex(row.cells),
        }
        for field, value in self.values.items():
            fields[field] = _number(value, row.cells[value.column])
        return EventDraft(TOPIC, whose.period.occurred_at, fields)

    def _sex(self, cells: Mapping[str, str]) -> str | None:
        column, names = self.sex
        text = cells[column].strip()
        if not text:
            return None
        if text not in names:
            raise ValueError(f"column {column}: expected one of {', '.join(names)}")
        return names[text]


def _number(value: Value, cell: str) -> float | None:
    text = cell.strip()
    if not text or text == "NA":
        return None
    if text == SAS_ZERO:
        return 0.0
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"column {value.column}: expected a number")
    return float(text) if value.divided_by == 1 else float(Decimal(text) / value.divided_by)


def _nhanes_person(cells: Mapping[str, str]) -> Whose:
    match = _WHOLE.fullmatch(cells["SEQN"].strip())
    if match is None:
        raise ValueError("column SEQN: expected the number of a person")
    number = int(match[1])
    for (first, last), (cycle, period) in NHANES_CYCLES.items():
        if first <= number <= last:
            return Whose(f"nhanes:{number}", cycle, period)
    raise ValueError("column SEQN: is of no survey cycle that can be dated (known: 2017-2018)")


def _row_person(study: str, cycle: str, period: Period) -> Callable[[Mapping[str, str]], Whose]:
    """Make what names a person by the study and the number of the row in its whole table."""

    def whose(cells: Mapping[str, str]) -> Whose:
        name = cells["rownames"].strip()
        if not _ROW_NAME.fullmatch(name):
            raise ValueError("column rownames: expected the number of a row")
        return Whose(f"{study}:{name}", cycle, period)

    return whose


NHANES = Table(
    name="nhanes",
    delimiter="\t",
    recognised_by=frozenset({"SEQN", "WeightKg", "StandingHeightCm", "BodyMassIndexKgm2"}),
    values={
        "age": Value("AgeInYearsAtScreening"),
        "body_weight": Value("WeightKg"),
        "body_height": Value("StandingHeightCm"),
        "bmi": Value("BodyMassIndexKgm2"),
        "percent_body_fat": Value("TotalPercentFat"),
        "trunk_percent_fat": Value("TrunkPercentFat"),
        "trunk_fat_mass": Value("TrunkFatG", divided_by=1000),
        "waist_circumference": Value("WaistCircumferenceCm"),
        "resting_heart_rate": Value("60SecPulse30SecPulse2"),
        "systolic_blood_pressure": Value("SystolicBloodPres1StRdgMmHg"),
        "diastolic_blood_pressure": Value("DiastolicBloodPres1StRdgMmHg"),
    },
    sex=("Gender", {"Female": "FEMALE", "Male": "MALE"}),
    whose=_nhanes_person,
)
AIS_ATHLETES = Table(
    name="ais-athletes",
    delimiter=",",
    recognised_by=frozenset({"rownames", "pcBfat", "lbm", "ssf", "sport"}),
    values={
        "body_weight": Value("wt"),
        "body_height": Value("ht"),
        "bmi": Value("bmi"),
        "percent_body_fat": Value("pcBfat"),
        "lean_body_mass": Value("lbm"),
    },
    sex=("sex", {"f": "FEMALE", "m": "MALE"}),
    whose=_row_person("ais", "ais-athletes-1991", AIS_PERIOD),
)
BODY_DIMENSIONS = Table(
    name="bdims",
    delimiter=",",
    recognised_by=frozenset({"rownames", "wai_gi", "hip_gi", "wgt", "hgt"}),
    values={
        "age": Value("age"),
        "body_weight": Value("wgt"),
        "body_height": Value("hgt"),
        "waist_circumference": Value("wai_gi"),
        "hip_circumference": Value("hip_gi"),
    },
    sex=("sex", {"1": "MALE", "0": "FEMALE"}),
    whose=_row_person("bdims", "bdims-2003", BDIMS_PERIOD),
)


FORMATS = tuple(
    Format(table.name, DOMAIN, "one data row (a person)", table.matches, table.read)
    for table in (NHANES, AIS_ATHLETES, BODY_DIMENSIONS)
)
