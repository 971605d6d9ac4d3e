"""Reads the files of NHANES as CDC publishes them: SAS transport files (XPT), one component of a cycle each. Pure.

Sources: CDC, NHANES data documentation of DEMO, BMX, DXX, BIX, BPX and BPXO in each cycle
(docs/fields/health.md#nhanes), with the names and units of `COMPONENTS`.

- One source record is one observation. A component is recognised by its variables, whatever the file is called.
- Sex and age stand in DEMO alone. If the DEMO file of the same cycle lies in the same folder, every observation of
  another component gets its person's sex and age from there, by SEQN. Without it they are null, and the rules flag the
  unknown age. DEMO itself becomes events of sex and age.
- Components stay events of their own: scale, X-ray and impedance are instruments that need not agree.
- DXX of 1999 to 2006 has five observations of each person, multiply imputed (`_MULT_` 1 to 5). The first one becomes an
  event, the others are skipped: they are no further measurements.
- A diastolic pressure of zero enters no mean of CDC's if another reading is above zero. So if BPXDI1 is zero, the first
  of BPXDI2 to BPXDI4 above zero counts; zero stands if there is none.
- `.`, `._` and `.A` to `.Z` are null. **A reason never contains a value or a person.**
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from schemas.names import topic_name
from streams.domains.health.nhanes import SEX, spelled_number, subject_of_seqn
from streams.domains.health.xport import LIBRARY, Member, Part, member_name, parts
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.readers.source import SourceError, head_of

DOMAIN = "health"
TOPIC = topic_name(DOMAIN, "measurement")
RULE = "read-nhanes-xpt@1"
MAIN, PEOPLE = "main", "demo"
"""Names of the files that the reader receives."""

LARGEST_SEQN = 999_999_999
MOST_PEOPLE = 200_000
"""Most persons of a DEMO file that are kept; the largest cycle has 15,560."""

CPORT = b"**COMPRESSED** **COMPRESSED**"
"""First bytes of what PROC CPORT writes."""

_ZIP = b"PK\x03\x04"
_SURVEY_NAME = re.compile(r"([PY]_)?(DEMO|BMX|DXX|BIX|BPXO?)(_[A-Z])?")


class Source(NamedTuple):
    """Where a field's value stands.

    Attributes:
        variable: Name of the variable.
        divided_by: Divisor that converts its unit to the field's.
        next: Variables of the further readings. If the first reading is zero, the first one above zero counts.
    """

    variable: str
    divided_by: int = 1
    next: tuple[str, ...] = ()


COMPONENTS: Mapping[str, Mapping[str, Source]] = {
    "DEMO": {},
    "BMX": {
        "body_weight": Source("BMXWT"),
        "body_height": Source("BMXHT"),
        "bmi": Source("BMXBMI"),
        "waist_circumference": Source("BMXWAIST"),
        "hip_circumference": Source("BMXHIP"),
    },
    "DXX": {
        "percent_body_fat": Source("DXDTOPF"),
        "body_fat_mass": Source("DXDTOFAT", 1000),
        "lean_body_mass": Source("DXDTOLI", 1000),
        "trunk_percent_fat": Source("DXDTRPF"),
        "trunk_fat_mass": Source("DXXTRFAT", 1000),
    },
    "BIX": {
        "percent_body_fat": Source("BIDPFAT"),
        "body_fat_mass": Source("BIDFAT"),
        "lean_body_mass": Source("BIDFFM"),
        "total_body_water": Source("BIDTBW"),
        "extracellular_water": Source("BIDECF"),
        "intracellular_water": Source("BIDICF"),
    },
    "BPX": {
        "systolic_blood_pressure": Source("BPXSY1"),
        "diastolic_blood_pressure": Source("BPXDI1", next=("BPXDI2", "BPXDI3", "BPXDI4")),
        "resting_heart_rate": Source("BPXPLS"),
    },
    "BPXO": {
        "systolic_blood_pressure": Source("BPXOSY1"),
        "diastolic_blood_pressure": Source("BPXODI1", next=("BPXODI2", "BPXODI3")),
        "resting_heart_rate": Source("BPXOPLS1"),
    },
}
"""Variables of each component by field. kg, cm, kg/m², %, L, mmHg and /min as published; masses of DXX are grams."""

_FIELDS = tuple(each for fields in COMPONENTS.values() for each in fields.items())
_KNOWN = frozenset(name.encode() for name in ("RIAGENDR", *(source.variable for _, source in _FIELDS)))


@dataclass(frozen=True, slots=True)
class Demographics:
    """Sex and age of a person.

    Attributes:
        sex: FEMALE or MALE; None if unknown.
        age: Years at screening; those of an infant without years are months / 12.
    """

    sex: str | None = None
    age: float | None = None


UNKNOWN = Demographics()


def matches(head: bytes) -> bool:
    """Return whether a file is of a component that is read, by its first bytes, or is a CPORT file."""
    if head.startswith(CPORT):
        return True
    return head.startswith(LIBRARY) and b"SEQN" in head and any(name in head for name in _KNOWN)


def require_transport(head: bytes) -> None:
    """Check that a file is no CPORT file, which many call .xpt.

    Raises:
        ValueError: It is one; the message says what to do.
    """
    if head.startswith(CPORT):
        raise ValueError(
            "a SAS CPORT file, whose format is not public: save the table with SAS's XPORT engine or as CSV"
        )


def members(path: Path) -> Mapping[str, Path]:
    """Return the file, and the DEMO file of the same cycle in the same folder if there is one."""
    people = demographics_of(_survey_name(path))
    if people is None:
        return {MAIN: path}
    beside = (
        each for each in sorted(path.parent.iterdir()) if "demo" in each.name.lower() and each.is_file()
    )
    found = next((each for each in beside if each != path and _survey_name(each) == people), None)
    return {MAIN: path} if found is None else {MAIN: path, PEOPLE: found}


def demographics_of(name: str | None) -> str | None:
    """Return the name of the data set with the persons of another one; None for DEMO itself.

    Args:
        name: Name of a data set, such as BMX, BMX_J or P_BMX.
    """
    parsed = None if name is None else _SURVEY_NAME.fullmatch(name)
    if parsed is None or parsed[2] == "DEMO":
        return None
    return f"{parsed[1] or ''}DEMO{parsed[3] or ''}"


def _survey_name(path: Path) -> str | None:
    """Return the survey's name of a data set: its own, or the file's if a program wrote another; None for neither."""
    try:
        own = member_name(head_of(path))
    except (OSError, SourceError):
        return None
    names = (own or "", path.name.partition(".")[0].upper())
    return next((name for name in names if _SURVEY_NAME.fullmatch(name)), None)


def read(stream: BinaryIO) -> Iterator[Item]:
    """Yield the items of a file, then one for the DEMO file beside it.

    Args:
        stream: A transport file, or a zip with `MAIN` and maybe `PEOPLE`.
    """
    if stream.read(len(_ZIP)) != _ZIP:
        yield from items(stream, {})
        return
    with zipfile.ZipFile(stream) as archive:
        sizes = {each.filename: each.file_size for each in archive.infolist()}
        people: Mapping[int, Demographics] = {}
        if PEOPLE in sizes:
            with archive.open(PEOPLE) as opened:
                people = read_people(cast("BinaryIO", opened))
        with archive.open(MAIN) as opened:
            yield from items(cast("BinaryIO", opened), people)
    if sizes.get(PEOPLE):
        span = (sizes[MAIN], sizes[MAIN] + sizes[PEOPLE])
        yield Skipped(None, "sex and age of the persons: the DEMO file, a recording of its own", (span,))


def read_people(stream: BinaryIO) -> dict[int, Demographics]:
    """Return sex and age of the persons of a DEMO file by SEQN; what cannot be read is left out.

    Args:
        stream: The file, seekable, decompressed.
    """
    found: dict[int, Demographics] = {}
    for part in parts(stream):
        if part.kind != "observation" or part.member is None or len(found) >= MOST_PEOPLE:
            continue
        try:
            found[_seqn(part.member, part.data)] = _demographics(part.member, part.data)
        except ValueError:
            continue
    return found


def items(stream: BinaryIO, people: Mapping[int, Demographics]) -> Iterator[Item]:
    """Yield one item per part of a transport file.

    Args:
        stream: The file, seekable, decompressed.
        people: Sex and age of persons by SEQN, for components without them.
    """
    record = 0
    for part in parts(stream):
        if part.kind in ("header", "fill"):
            yield _skipped(part, "header" if part.kind == "header" else "fill at the end of the data set")
        elif _is_further_imputation(part):
            yield _skipped(part, "a further imputation of a person (_MULT_ above 1)")
        else:
            record += 1
            yield _item(part, record, people)


def _is_further_imputation(part: Part) -> bool:
    if part.kind != "observation" or part.member is None:
        return False
    try:
        return (_number(part.member, part.data, "_MULT_") or 1) > 1
    except ValueError:
        return False


def _item(part: Part, record: int, people: Mapping[int, Demographics]) -> Item:
    if part.kind == "damaged" or part.member is None:
        return _refused(part, record, part.reason)
    try:
        draft = _draft(part.member, part.data, people)
    except ValueError as error:
        return _refused(part, record, str(error))
    return _accepted(part, record, draft)


def _draft(member: Member, data: bytes, people: Mapping[int, Demographics]) -> EventDraft:
    seqn = _seqn(member, data)
    subject = subject_of_seqn(seqn)
    own = _demographics(member, data)
    joined = people.get(seqn, UNKNOWN)
    fields: dict[str, Any] = {
        "person": subject.person,
        "cycle": subject.cycle,
        "period": subject.period.text,
        "sex": own.sex or joined.sex,
        "age": joined.age if own.age is None else own.age,
    }
    for field, source in _FIELDS:
        value = _value(member, data, source)
        if value is not None:
            fields[field] = _divided(value, source.divided_by)
    return EventDraft(TOPIC, subject.period.occurred_at, fields)


def _value(member: Member, data: bytes, source: Source) -> float | None:
    """Return the first reading of a field; of readings that begin with zero, the first one above zero.

    Raises:
        ValueError: A reading is no number.
    """
    if source.variable not in member.variables:
        return None
    value = _number(member, data, source.variable)
    if value != 0:
        return value
    further = (_number(member, data, name) for name in source.next if name in member.variables)
    return next((each for each in further if each is not None and each > 0), value)


def _number(member: Member, data: bytes, name: str) -> float | None:
    """Return the number of a variable, which some programs write as text.

    Raises:
        ValueError: The text is no number; the message does not quote it.
    """
    value = member.value(data, name)
    if not isinstance(value, str):
        return value
    try:
        return spelled_number(value)
    except ValueError as error:
        raise ValueError(f"variable {name}: {error}") from None


def _divided(value: float, divisor: int) -> float:
    """Return the exact quotient of the written decimal: 10020.2 g are 10.0202 kg."""
    return value if divisor == 1 else float(Decimal(repr(value)) / divisor)


def _seqn(member: Member, data: bytes) -> int:
    """Return the person's number.

    Raises:
        ValueError: There is none, or it is not whole.
    """
    value = _number(member, data, "SEQN")
    if value is None or not 0 < value <= LARGEST_SEQN or not value.is_integer():
        raise ValueError("variable SEQN: expected the number of a person")
    return int(value)


def _demographics(member: Member, data: bytes) -> Demographics:
    """Return sex and age of an observation.

    Raises:
        ValueError: The sex is neither code 1 nor code 2.
    """
    code = _number(member, data, "RIAGENDR")
    sex = None if code is None else SEX.get(f"{code:g}")
    if code is not None and sex is None:
        raise ValueError("variable RIAGENDR: expected 1 (male) or 2 (female)")
    years, months = _number(member, data, "RIDAGEYR"), _number(member, data, "RIDAGEMN")
    return Demographics(sex, months / 12 if years is None and months is not None else years)


def _accepted(part: Part, record: int, draft: EventDraft) -> Item:
    return Accepted(record, None, part.data, (draft,), ((part.begin, part.end),))


def _refused(part: Part, record: int, reason: str) -> Item:
    return Refused(record, None, part.data, reason, RULE, ((part.begin, part.end),))


def _skipped(part: Part, reason: str) -> Item:
    return Skipped(None, reason, ((part.begin, part.end),))
