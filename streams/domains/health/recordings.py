"""Reads public body-measurement tables: NHANES, Australian athletes, body dimensions. Pure.

One source record is one data row, one person. Columns without a field in the measurement are ignored. A row with
missing values is accepted. A row is refused only if it cannot be parsed: wrong number of cells, no person, an invalid
number or sex, a survey id of a cycle without a known date, or a missing column of the format. **A reason never
contains a value or a person.**

None of these tables has a time stamp. `occurred_at` is midnight UTC of the last day on which the row can have been
measured. `period` has the interval: the survey cycle for NHANES, until the year of publication for the two studies.

NHANES as its package writes it: ids and numbers are floats (`93703.0`); 5.4e-79 is a zero, an artefact of the SAS
transport format; an empty cell was not measured. `nhanes.py` has all spellings, `survey_files.py` reads the survey's
own files.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from schemas.names import topic_name
from streams.domains.health import survey_files
from streams.domains.health.nhanes import (
    Period,
    RowSubject,
    is_missing,
    spelled_number,
    subject_of_seqn,
    whole_number,
)
from streams.readers.delimited import Dialect, Header, Row, RowReader, items
from streams.readers.formats import EventDraft, Format, Item

DOMAIN = "health"
TOPIC = topic_name(DOMAIN, "measurement")
_ROW_NAME = re.compile(r"[1-9]\d{0,8}", re.ASCII)


AIS_PERIOD = Period("../1991-12-31", (1991, 12, 31))
"""Telford and Cunningham, Med. Sci. Sports Exerc. 23 (1991)."""

BDIMS_PERIOD = Period("../2003-12-31", (2003, 12, 31))
"""Heinz, Peterson, Johnson and Kerr, J. Stat. Educ. 11 (2003)."""


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """Column of a measured value.

    Attributes:
        column: Name of the column.
        divided_by: Divisor that converts the column's unit to the field's.
    """

    column: str
    divided_by: int = 1


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Layout of one format's table.

    Attributes:
        name: Name of the format.
        delimiter: Separator of cells.
        recognised_by: Columns by which the format is recognised.
        values: Column of each measured value, by field of the measurement.
        sex: Column of the sex, and FEMALE or MALE by its texts, in lower case.
        subject_of: Returns the person of a row; raises ValueError.
        optional: Columns that tables of some cycles do not have; their fields are null.
    """

    name: str
    delimiter: str
    recognised_by: frozenset[str]
    values: Mapping[str, ValueColumn]
    sex: tuple[str, Mapping[str, str]]
    subject_of: Callable[[Mapping[str, str]], RowSubject]
    optional: frozenset[str] = frozenset()

    @property
    def rule(self) -> str:
        """Rule that refuses a row of this format, `name@version`."""
        return f"read-{self.name}@2"

    @property
    def needed(self) -> frozenset[str]:
        """All columns that the reader needs."""
        return (
            self.recognised_by | {each.column for each in self.values.values()} | {self.sex[0]}
        ) - self.optional

    @property
    def dialect(self) -> Dialect:
        """How tables of this format are written."""
        return Dialect(lambda cells: self.recognised_by <= set(cells), delimiter=self.delimiter)

    def matches(self, head: bytes) -> bool:
        """Return whether a file has this format, by its first bytes."""
        return self.dialect.matches(head)

    def read(self, stream: BinaryIO) -> Iterator[Item]:
        """Yield one item per line of a file of this format."""
        yield from items(stream, self.dialect, self._row_reader, self.rule)

    def _row_reader(self, header: Header) -> RowReader:
        header.require(self.needed)
        return self._draft

    def _draft(self, row: Row) -> EventDraft:
        subject = self.subject_of(row.require_cells())
        fields: dict[str, Any] = {
            "person": subject.person,
            "cycle": subject.cycle,
            "period": subject.period.text,
            "sex": self._sex(row.cells),
        }
        for field, value in self.values.items():
            fields[field] = _number(value, row.cells.get(value.column, ""))
        return EventDraft(TOPIC, subject.period.occurred_at, fields)

    def _sex(self, cells: Mapping[str, str]) -> str | None:
        column, names = self.sex
        text = cells[column].strip()
        if is_missing(text):
            return None
        found = names.get(text.casefold()) or names.get(str(whole_number(text)))
        if found is None:
            raise ValueError(f"column {column}: expected one of {', '.join(names)}")
        return found


def _number(value: ValueColumn, cell: str) -> float | None:
    try:
        return spelled_number(cell.strip(), value.divided_by)
    except ValueError as error:
        raise ValueError(f"column {value.column}: {error}") from None


def _nhanes_person(cells: Mapping[str, str]) -> RowSubject:
    seqn = whole_number(cells["SEQN"].strip())
    if seqn is None:
        raise ValueError("column SEQN: expected the number of a person")
    return subject_of_seqn(seqn)


def _row_person(study: str, cycle: str, period: Period) -> Callable[[Mapping[str, str]], RowSubject]:
    """Return a function that names a person by the study and the row's number in the complete table."""

    def subject(cells: Mapping[str, str]) -> RowSubject:
        name = cells["rownames"].strip()
        if not _ROW_NAME.fullmatch(name):
            raise ValueError("column rownames: expected the number of a row")
        return RowSubject(f"{study}:{name}", cycle, period)

    return subject


NHANES = TableLayout(
    name="nhanes",
    delimiter="\t",
    recognised_by=frozenset({"SEQN", "WeightKg", "StandingHeightCm", "BodyMassIndexKgm2"}),
    values={
        "age": ValueColumn("AgeInYearsAtScreening"),
        "body_weight": ValueColumn("WeightKg"),
        "body_height": ValueColumn("StandingHeightCm"),
        "bmi": ValueColumn("BodyMassIndexKgm2"),
        "percent_body_fat": ValueColumn("TotalPercentFat"),
        "trunk_percent_fat": ValueColumn("TrunkPercentFat"),
        "trunk_fat_mass": ValueColumn("TrunkFatG", divided_by=1000),
        "waist_circumference": ValueColumn("WaistCircumferenceCm"),
        "resting_heart_rate": ValueColumn("60SecPulse30SecPulse2"),
        "systolic_blood_pressure": ValueColumn("SystolicBloodPres1StRdgMmHg"),
        "diastolic_blood_pressure": ValueColumn("DiastolicBloodPres1StRdgMmHg"),
    },
    sex=("Gender", {"female": "FEMALE", "male": "MALE", "2": "FEMALE", "1": "MALE"}),
    subject_of=_nhanes_person,
    optional=frozenset(  # no X-ray in 2007-2010 and since 2019, no cuff with a stethoscope since 2019
        {
            "TotalPercentFat",
            "TrunkPercentFat",
            "TrunkFatG",
            "60SecPulse30SecPulse2",
            "SystolicBloodPres1StRdgMmHg",
            "DiastolicBloodPres1StRdgMmHg",
        }
    ),
)
AIS_ATHLETES = TableLayout(
    name="ais-athletes",
    delimiter=",",
    recognised_by=frozenset({"rownames", "pcBfat", "lbm", "ssf", "sport"}),
    values={
        "body_weight": ValueColumn("wt"),
        "body_height": ValueColumn("ht"),
        "bmi": ValueColumn("bmi"),
        "percent_body_fat": ValueColumn("pcBfat"),
        "lean_body_mass": ValueColumn("lbm"),
    },
    sex=("sex", {"f": "FEMALE", "m": "MALE"}),
    subject_of=_row_person("ais", "ais-athletes-1991", AIS_PERIOD),
)
BODY_DIMENSIONS = TableLayout(
    name="bdims",
    delimiter=",",
    recognised_by=frozenset({"rownames", "wai_gi", "hip_gi", "wgt", "hgt"}),
    values={
        "age": ValueColumn("age"),
        "body_weight": ValueColumn("wgt"),
        "body_height": ValueColumn("hgt"),
        "waist_circumference": ValueColumn("wai_gi"),
        "hip_circumference": ValueColumn("hip_gi"),
    },
    sex=("sex", {"1": "MALE", "0": "FEMALE"}),
    subject_of=_row_person("bdims", "bdims-2003", BDIMS_PERIOD),
)


def _survey_format(head: bytes) -> Format:
    """Return the format of the survey's own files.

    Raises:
        ValueError: The file is in another format of SAS.
    """
    survey_files.require_transport(head)
    return NHANES_XPT


NHANES_XPT = Format(
    "nhanes-xpt",
    DOMAIN,
    "one observation (a person)",
    survey_files.matches,
    survey_files.read,
    resolve=_survey_format,
    members=survey_files.members,
    shifted_with="nhanes",
)
FORMATS = (
    *(
        Format(table.name, DOMAIN, "one data row (a person)", table.matches, table.read)
        for table in (NHANES, AIS_ATHLETES, BODY_DIMENSIONS)
    ),
    NHANES_XPT,
)
