"""Dates the rows of CityLearn's files, which have none: datasets, their first hours, and counting. Pure.

A home's row has month, hour and weekday (1 Monday to 7 Sunday, 8 a holiday). Hours are 1 to 24, the hour that ends
then; hour 0 of a day is hour 24 of the day before. Tariff and carbon files have no time.

- The dataset follows from the path: CityLearn keeps each in a folder of its name. A file whose path names none is of
  the challenge of 2022, if it begins as that does (a Sunday, month 7, hour 24: 2016-07-31).
- Another file begins on the first of its first row's month (or on the last day, if its first row is hour 24), in the
  newest year whose weekday fits. Its year is a convention; the order of its hours is the file's.
- Every row must be the hour that follows by counting. A file may leave out days before the first of a month, as those
  do that drop 29 February or hold one season of several years: `DATE_JUMP`. Some go on counting weekdays over such a
  gap. So outside the challenge of 2022, whose days have no gap, another weekday is flagged: `WEEKDAY_DIFFERS`.

Source: the datasets of github.com/intelligent-environments-lab/CityLearn (data/datasets), their schema.json.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

from streams.domains.energy.communities import CITYLEARN

ASSUMED_DATE = "ASSUMED_DATE"
ASSUMED_ZONE = "ASSUMED_ZONE"
DATE_JUMP = "DATE_JUMP"
WEEKDAY_DIFFERS = "WEEKDAY_DIFFERS"

NEWEST_YEAR = 2021
"""Newest year in which a dataset lies."""
HOLIDAY_YEAR = 2018
"""Year of a file that begins with a holiday, which has no weekday; 1 January 2018 was a Monday, as in those of 2020."""
HOLIDAY = 8

STANDARD_TIME = timezone(timedelta(hours=-8), "PST")
FIRST_HOUR = datetime(2016, 7, 31, 23, tzinfo=STANDARD_TIME)

_HOUR = timedelta(hours=1)
_LONGEST_JUMP_DAYS = 366
_SIX_TWELVE_TWENTY_FOUR = (6, 12, 24)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset of CityLearn.

    Attributes:
        name: Its name, which is that of its tariff, its grid and, before the building, of its meters.
        offset_h: Offset of its clock from UTC in hours; None if it is not known.
        first: Its first hour, if files without a time begin there; local, without zone.
        nominal_kw: Nominal power of each building's PV in kW.
        ahead_h: Hours that the three predictions of a price look ahead.
        meters: Beginning of its meters' names.
    """

    name: str
    offset_h: int | None = None
    first: datetime | None = None
    nominal_kw: Mapping[int, Fraction] = field(default_factory=dict)
    ahead_h: tuple[int, int, int] = _SIX_TWELVE_TWENTY_FOUR
    meters: str = ""

    @property
    def zone(self) -> str | None:
        """IANA name of its clock, which has no summer time; None if it is not known."""
        return None if self.offset_h is None else f"Etc/GMT{-self.offset_h:+d}"

    @property
    def flags(self) -> list[str]:
        """What is assumed of its hours."""
        return [ASSUMED_DATE] if self.offset_h is not None else [ASSUMED_DATE, ASSUMED_ZONE]

    def meter(self, building: str) -> str:
        """Return the name of a building's meter."""
        return f"{self.meters or self.name}-{building}"


def _kw(text: str) -> dict[int, Fraction]:
    """Return nominal powers by building, from text such as `1:2.4 2:1.2`."""
    return {int(number): Fraction(power) for number, power in (each.split(":") for each in text.split())}


NOMINAL_2022 = _kw("1:4 2:4 3:4 4:5 5:4 6:4 7:4 8:4 9:4 10:5 11:5 12:5 13:5 14:5 15:5 16:5 17:5")
_EVS = _kw("1:12 2:4 3:4 4:8 5:10 6:4 7:9 8:4 9:4 10:6 11:5 12:8 13:5 14:5 15:15 16:5 17:5")
_2020 = _kw("1:120 2:0 3:0 4:40 5:25 6:20 7:0 8:0 9:0")
_2023 = _kw("1:2.4 2:1.2 3:2.4 4:2.8 5:2.8 6:2.8")
_ONE_TWO_THREE = (1, 2, 3)


def _at(year: int, month: int) -> datetime:
    return datetime(year, month, 1)  # noqa: DTZ001 - a local clock without a zone


_FIRST = FIRST_HOUR.replace(tzinfo=None)
DATASET_2022 = Dataset(CITYLEARN.name, -8, _FIRST, NOMINAL_2022, meters="citylearn-building")
UNKNOWN = Dataset("citylearn-other")

_DATASETS: tuple[tuple[str, Dataset], ...] = (
    (r"2022[^/]*evs", Dataset("citylearn-2022-evs", -8, _FIRST, _EVS)),
    (r"charging_constraints", Dataset("citylearn-charging", -8, _FIRST, _EVS)),
    (r"2023[^/]*(online|phase_3)", Dataset("citylearn-2023-summer", None, _at(2021, 6), _2023)),
    (r"2023", Dataset("citylearn-2023-june", None, _at(2018, 6), _2023)),
    (r"2021", Dataset("citylearn-2021", None, _at(2015, 1), _2020)),
    (r"2020[^/]*zone_?(?P<number>\d)", Dataset("citylearn-2020-zone", None, _at(2018, 1), _2020)),
    (r"2020", Dataset("citylearn-2020", None, _at(2018, 1), _2020)),
    (r"baeda", Dataset("baeda-3dem", None, _at(2020, 6), {4: Fraction(120)}, _ONE_TWO_THREE)),
    (r"quebec", Dataset("citylearn-quebec", -5, _at(2018, 1), {}, _ONE_TWO_THREE)),
    (r"alameda", Dataset("citylearn-alameda", -8, _at(2018, 1))),
    (r"travis", Dataset("citylearn-travis", -6, _at(2018, 1))),
    (r"chittenden", Dataset("citylearn-chittenden", -5, _at(2018, 1))),
    (r"2022", DATASET_2022),
)
_NAMES_A_DATASET = re.compile(r"citylearn|challenge|neighborhood|baeda|carbon|pricing|building")


def dataset_of(path: Path | None) -> Dataset | None:
    """Return the dataset that a file's name or its folder names; None if they name none."""
    if path is None:
        return None
    for text in (path.name.lower(), path.parent.name.lower()):
        if not _NAMES_A_DATASET.search(text):
            continue
        for pattern, dataset in _DATASETS:
            match = re.search(pattern, text)
            if match and "number" in match.groupdict():
                name = f"{dataset.name}-{match['number']}"
                return Dataset(name, dataset.offset_h, dataset.first, dataset.nominal_kw)
            if match:
                return dataset
    return None


@dataclass(slots=True)
class DatedHours:
    """The hours of a home's file, by counting its rows.

    Attributes:
        dataset: The dataset that the path names; None: it follows from the first row.
    """

    dataset: Dataset | None
    _anchor: datetime | None = None
    _anchor_record: int = 1
    _weekdays_ahead: int = 0

    def hour(self, record: int, written: Sequence[Fraction | None]) -> tuple[datetime, list[str]]:
        """Return the local beginning of a row's hour, and what is doubtful about it.

        Args:
            record: Number of the row, from 1.
            written: Its month, hour and weekday.

        Raises:
            ValueError: The row is not the hour that follows by counting.
        """
        if self._anchor is None:
            self._anchor = self._begin(record, written)
        try:
            at = self._anchor + (record - self._anchor_record) * _HOUR
        except OverflowError:
            raise ValueError(f"row {record} lies beyond the calendar") from None
        if self._fits(at, written):
            return at, []
        later = self._jump(at, written)
        if later is not None:
            self._anchor, self._anchor_record = later, record
            self._follow(later, written)
            return later, [DATE_JUMP]
        if self.dataset is not DATASET_2022 and _same_hour(written, *self._labels(at)):
            if at.hour == 0:
                self._follow(at, written)
            return at, [WEEKDAY_DIFFERS]
        raise ValueError(
            "the file has no dates and this row is not the hour that follows by counting: expected month, "
            f"hour, weekday {_words(self._labels(at))}, got {_words(written)}"
        )

    def _begin(self, record: int, written: Sequence[Fraction | None]) -> datetime:
        """Choose the dataset, and return the hour from which rows are counted; `_anchor_record` is its row."""
        month, hour, weekday = written
        readable = _whole(month, 1, 12) and _whole(hour, 0, 24) and _whole(weekday, 1, HOLIDAY)
        if self.dataset is None:
            of_2022 = not readable or self._fits(_FIRST + (record - 1) * _HOUR, written)
            self.dataset = DATASET_2022 if of_2022 else UNKNOWN
        if self.dataset.first == _FIRST:
            return _FIRST  # counted from row 1, whichever is the first that can be read
        if not readable:
            return self.dataset.first or _at(HOLIDAY_YEAR, 1)
        self._anchor_record = record
        label = int(hour or 0)
        day = self._day(int(month or 1), int(weekday or 1), last=label == 24)
        return datetime(day.year, day.month, day.day) + (label - 1) * _HOUR  # noqa: DTZ001 - a local clock

    def _day(self, month: int, weekday: int, *, last: bool) -> date:
        """Return the first or last day of a month in the newest year in which it is that weekday."""
        days = []
        for year in range(NEWEST_YEAR, NEWEST_YEAR - 28, -1):
            first = date(year, month, 1)
            days.append((first + timedelta(days=31)).replace(day=1) - timedelta(days=1) if last else first)
        known = (day for day in days if day.isoweekday() == weekday)
        return next(known, days[NEWEST_YEAR - HOLIDAY_YEAR])

    def _labels(self, at: datetime) -> tuple[int, int, int]:
        return at.month, at.hour + 1, self._weekday(at)

    def _weekday(self, at: datetime) -> int:
        return (at.weekday() + self._weekdays_ahead) % 7 + 1

    def _fits(self, at: datetime, written: Sequence[Fraction | None]) -> bool:
        month, hour, weekday = self._labels(at)
        if _same_hour(written, month, hour):
            return written[2] in (weekday, HOLIDAY)
        after = at + _HOUR
        midnight = after.hour == 0 and _same_hour(written, after.month, 0)
        return midnight and written[2] in (weekday, self._weekday(after), HOLIDAY)

    def _follow(self, at: datetime, written: Sequence[Fraction | None]) -> None:
        """Go on counting weekdays from a row's."""
        if _whole(written[2], 1, 7):
            self._weekdays_ahead = (int(written[2] or 1) - at.isoweekday()) % 7

    def _jump(self, at: datetime, written: Sequence[Fraction | None]) -> datetime | None:
        """Return the next first of a month that a row fits, if it begins a day."""
        if at.hour != 0 or written[0] == at.month or self.dataset is DATASET_2022:
            return None
        for days in range(1, _LONGEST_JUMP_DAYS + 1):
            later = at + timedelta(days=days)
            if later.day == 1 and _same_hour(written, *self._labels(later)):
                return later
        return None


def _same_hour(written: Sequence[Fraction | None], month: int, hour: int, _: int = 0) -> bool:
    """Return whether a row has this month and hour, whatever its weekday."""
    return written[0] == month and written[1] == hour


def _whole(value: Fraction | None, low: int, high: int) -> bool:
    return value is not None and value.denominator == 1 and low <= value <= high


def _words(values: Sequence[Fraction | int | None]) -> str:
    return " ".join("none" if value is None else f"{float(value):g}" for value in values)
