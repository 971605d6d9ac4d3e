"""Crash tables (CSV) → crash records and test pulses. Pure.

- NASS-CDS: one front-seat occupant of a police-reported tow-away crash per row; only the year is known.
- Helmet test: one sample of head acceleration per row, in milliseconds from impact. The rows of several runs are mixed,
  so times repeat.

Empty cells and `NA` are missing values. A row is refused if it cannot be parsed: an unknown code, an invalid number, a
wrong number of cells, a missing column.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO

from schemas.names import topic_name
from streams.domains.vehicle.signals import DOMAIN
from streams.readers.delimited import Dialect, items
from streams.readers.formats import EventDraft, Item

CRASH_RECORD = topic_name(DOMAIN, "crash-record")
PULSE = topic_name(DOMAIN, "pulse")

MISSING = frozenset({"", "NA"})
Cells = Mapping[str, str]

IMPACT_SPEED = {
    "1-9km/h": "KMH_1_9",
    "10-24": "KMH_10_24",
    "25-39": "KMH_25_39",
    "40-54": "KMH_40_54",
    "55+": "KMH_55_UP",
}
INJURY = {"0": "O", "1": "C", "2": "B", "3": "A", "4": "K", "5": "UNKNOWN", "6": "DIED_BEFORE"}
"""KABCO code by the source's `injSeverity`."""

AIRBAG = {"deploy": "DEPLOYED", "nodeploy": "NOT_DEPLOYED", "unavail": "UNAVAILABLE"}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_YEAR = re.compile(r"(19|20)\d\d", re.ASCII)
_WHOLE = re.compile(r"\d{1,3}", re.ASCII)
_CASE = re.compile(r"\d+:\d+:\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV format with one event per row.

    Attributes:
        name: Name of the format.
        columns: Required columns.
        only: Whether no others are allowed, except `rownames`.
        draft: Returns the event of a row, or raises ValueError.
    """

    name: str
    columns: frozenset[str]
    only: bool
    draft: Callable[[Cells], EventDraft]

    @property
    def dialect(self) -> Dialect:
        """How such tables are written."""
        return Dialect(self._known)

    def matches(self, head: bytes) -> bool:
        """Return whether a file begins with this table's header."""
        return self.dialect.matches(head)

    def read(self, stream: BinaryIO) -> Iterator[Item]:
        """Read a table; yield one item per line."""
        yield from items(
            stream, self.dialect, lambda _: lambda row: self.draft(row.require_cells()), f"read-{self.name}@1"
        )

    def _known(self, cells: Sequence[str]) -> bool:
        known = set(cells) - {"rownames", ""}
        return known == self.columns if self.only else self.columns <= known


def _code(cells: Cells, column: str, codes: Mapping[str, Any]) -> Any:
    text = cells[column].strip()
    if text not in codes:
        raise ValueError(f"column {column}: expected one of {', '.join(codes)}, got {text[:40]!r}")
    return codes[text]


def _maybe_code(cells: Cells, column: str, codes: Mapping[str, Any]) -> Any:
    return None if cells[column].strip() in MISSING else _code(cells, column, codes)


def _number(cells: Cells, column: str) -> float:
    text = cells[column].strip()
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError(f"column {column}: expected a number, got {text[:40]!r}")
    return float(text)


def _whole(cells: Cells, column: str, form: re.Pattern[str], what: str) -> int:
    text = cells[column].strip()
    if not form.fullmatch(text):
        raise ValueError(f"column {column}: expected {what}, got {text[:40]!r}")
    return int(text)


def _maybe_whole(cells: Cells, column: str, form: re.Pattern[str], what: str) -> int | None:
    return None if cells[column].strip() in MISSING else _whole(cells, column, form, what)


def _crash_record(cells: Cells) -> EventDraft:
    year = _whole(cells, "yearacc", _YEAR, "a year")
    case = cells["caseid"].strip()
    if year < 1970:
        raise ValueError(f"time before 1970: {year}")
    if not _CASE.fullmatch(case):
        raise ValueError(f"column caseid: expected unit:case:vehicle, got {case[:40]!r}")
    fields: dict[str, Any] = {
        "case": f"{year}:{case}",
        "year": year,
        "impact_speed_class": _code(cells, "dvcat", IMPACT_SPEED),
        "weight": _number(cells, "weight"),
        "dead": _code(cells, "dead", {"alive": False, "dead": True}),
        "injury": _maybe_code(cells, "injSeverity", INJURY),
        "airbag": _code(cells, "abcat", AIRBAG),
        "belted": _code(cells, "seatbelt", {"belted": True, "none": False}),
        "frontal": _code(cells, "frontal", {"1": True, "0": False}),
        "role": _code(cells, "occRole", {"driver": "DRIVER", "pass": "PASSENGER"}),
        "sex": _code(cells, "sex", {"f": "FEMALE", "m": "MALE"}),
        "age": _maybe_whole(cells, "ageOFocc", _WHOLE, "an age"),
        "model_year": _maybe_whole(cells, "yearVeh", _YEAR, "a year"),
    }
    started = datetime(year, 1, 1, tzinfo=UTC)
    return EventDraft(
        CRASH_RECORD, int(started.timestamp()) * 1_000_000, {**fields, "flags": _consistency_flags(fields)}
    )


def _consistency_flags(fields: Mapping[str, Any]) -> list[str]:
    """Return a flag for each contradiction in a crash record."""
    found = {
        "KILLED_BUT_ALIVE": fields["injury"] == "K" and not fields["dead"],
        "DEAD_BUT_NOT_KILLED": fields["dead"] and fields["injury"] in ("A", "B", "C", "O"),
        "STANDS_FOR_NOBODY": fields["weight"] <= 0,
        "MODEL_OF_THE_FUTURE": (fields["model_year"] or 0) > fields["year"] + 1,
    }
    return [name for name, holds in found.items() if holds]


def _pulse(cells: Cells) -> EventDraft:
    from_impact_ms = _number(cells, "times")
    if not 0 <= from_impact_ms < 86_400_000:
        raise ValueError(f"column times: expected milliseconds from impact, got {from_impact_ms}")
    fields = {"test": "mcycle", "from_impact_ms": from_impact_ms, "acceleration_g": _number(cells, "accel")}
    return EventDraft(PULSE, round(from_impact_ms * 1000), {**fields, "flags": ["NO_DATE"]})


NASS_CDS = Table(
    name="nass-cds",
    columns=frozenset({"dvcat", "weight", "dead", "seatbelt", "frontal", "sex", "ageOFocc"})
    | {"yearacc", "yearVeh", "abcat", "occRole", "injSeverity", "caseid"},
    only=False,
    draft=_crash_record,
)

HELMET_TEST = Table(name="helmet-test-pulse", columns=frozenset({"times", "accel"}), only=True, draft=_pulse)
