"""Reads public air-quality files: Seoul's daily means and Beijing's hourly PRSA tables. Pure.

One source record is one CSV data row. A row with missing values is accepted with nulls, and anomalies are flagged. A
row is refused only if it cannot be parsed: wrong encoding, wrong number of cells, an invalid time or number, no
station, or a missing column of the format. Columns that the format does not have are ignored.

Local times have no summer time in the years of these files: Korea UTC+9 since 1988, China UTC+8 since 1991. The hour
24 is 00 of the next day. Values keep the unit they were measured in: Seoul's gases are ppm, Beijing's µg/m³.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, BinaryIO

from schemas.names import topic_name
from streams.domains.air_quality.plausibility import anomalies
from streams.readers.delimited import Dialect, Header, Row, RowReader, items
from streams.readers.formats import EventDraft, Format, Item

DOMAIN = "air_quality"
TOPIC = topic_name(DOMAIN, "reading")

SEOUL_ZONE = timezone(timedelta(hours=9), "Asia/Seoul")
BEIJING_ZONE = timezone(timedelta(hours=8), "Asia/Shanghai")

MISSING = frozenset({"", "NA", "-"})
"""Cells that stand for a value that was not measured."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,2})?", re.ASCII)
_NO_NUMBER = 1e300  # no concentration; its millionths do not fit a double
_WHOLE = re.compile(r"\d{1,4}", re.ASCII)
_DAY = re.compile(r"\d{8}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Layout of one format's table.

    Attributes:
        name: Name of the format.
        encodings: Text encodings of the format, in the order in which they are tried on the header.
        recognised_by: Columns by which the format is recognised.
        needed: All columns of the format.
        values: Column of each measured value, by field of the reading.
        fixed: Fields that are the same in every row.
        started_at: Returns when a row's interval began, local time; raises ValueError.
        station: Column of the station's name.
    """

    name: str
    encodings: tuple[str, ...]
    recognised_by: frozenset[str]
    needed: frozenset[str]
    values: Mapping[str, str]
    fixed: Mapping[str, Any]
    started_at: Callable[[Mapping[str, str]], datetime]
    station: str

    @property
    def rule(self) -> str:
        """Rule that refuses a row of this format, `name@version`."""
        return f"read-{self.name}@1"

    @property
    def dialect(self) -> Dialect:
        """How tables of this format are written."""
        return Dialect(self.recognised_by.issubset, self.encodings, column_name=_column)

    def matches(self, head: bytes) -> bool:
        """Return whether a file has this format, by its first bytes."""
        return self.dialect.matches(head)

    def read(self, stream: BinaryIO) -> Iterator[Item]:
        """Yield one item per line of a file of this format."""
        yield from items(stream, self.dialect, self._row_reader, self.rule)

    def _row_reader(self, header: Header) -> RowReader:
        absent = ", ".join(sorted(self.needed - set(header.columns)))
        if absent:
            raise ValueError(f"the table lacks the column {absent}")
        return self._draft

    def _draft(self, row: Row) -> EventDraft:
        cells = row.require_cells()
        station = cells[self.station].strip()
        if not station:
            raise ValueError(f"column {self.station}: expected a station, got nothing")
        occurred_at = _micros(self.started_at(cells))
        fields: dict[str, Any] = {"station": station, **self.fixed}
        for field, column in self.values.items():
            fields[field] = _number(column, cells.get(column, ""))
        if "wd" in cells:
            fields["wind_direction"] = _text(cells["wd"])
        fields["flags"] = anomalies(fields)
        return EventDraft(TOPIC, occurred_at, fields)


def _column(cell: str) -> str:
    """Normalise a column's name: ㎍/㎥ and µg/m³ are the same unit."""
    return unicodedata.normalize("NFKC", cell).strip()


def _text(cell: str) -> str | None:
    text = cell.strip()
    return None if text in MISSING else text


def _number(column: str, cell: str) -> float | None:
    text = _text(cell)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"column {column}: expected a number, got {text[:40]!r}")
    value = float(text)
    if abs(value) >= _NO_NUMBER:
        raise ValueError(f"column {column}: expected a number below {_NO_NUMBER:g}, got {text[:40]!r}…")
    return value


def _whole(cells: Mapping[str, str], column: str) -> int:
    text = cells[column].strip()
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"column {column}: expected a whole number, got {text[:40]!r}")
    return int(text)


def local_time(day: tuple[int, int, int], hour: int, zone: timezone) -> datetime:
    """Return the aware time of a day and an hour; hour 24 is 00 of the next day.

    Args:
        day: Year, month, day.
        hour: 0 to 24.
        zone: Zone of the local time.

    Raises:
        ValueError: There is no such day or hour, or it is before 1970.
    """
    if not 0 <= hour <= 24:
        raise ValueError(f"hour: expected 0 to 24, got {hour}")
    try:
        found = datetime(*day, tzinfo=zone) + timedelta(hours=hour)
    except (ValueError, OverflowError):
        raise ValueError(f"no such day: {'-'.join(map(str, day))}") from None
    if found < _EPOCH:
        raise ValueError(f"time before 1970: {found.isoformat()}")
    return found


def _micros(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def _seoul_day(cells: Mapping[str, str]) -> datetime:
    text = cells["측정일시"].strip()
    if not _DAY.fullmatch(text):
        raise ValueError(f"column 측정일시: expected a day YYYYMMDD, got {text[:40]!r}")
    return local_time((int(text[:4]), int(text[4:6]), int(text[6:])), 0, SEOUL_ZONE)


def _beijing_hour(cells: Mapping[str, str]) -> datetime:
    year, month, day, hour = (_whole(cells, column) for column in ("year", "month", "day", "hour"))
    return local_time((year, month, day), hour, BEIJING_ZONE)


_SEOUL_VALUES = {
    "no2": "이산화질소농도(ppm)",
    "o3": "오존농도(ppm)",
    "co": "일산화탄소농도(ppm)",
    "so2": "아황산가스농도(ppm)",
    "pm10": _column("미세먼지농도(㎍/㎥)"),
    "pm2_5": _column("초미세먼지농도(㎍/㎥)"),
}
SEOUL_DAILY = TableLayout(
    name="seoul-daily",
    encodings=("utf-8", "cp949"),
    recognised_by=frozenset({"측정일시", "측정소명"}),
    needed=frozenset({"측정일시", "측정소명", *_SEOUL_VALUES.values()}),
    values=_SEOUL_VALUES,
    fixed={"city": "Seoul", "averaging": "P1D", "gas_unit": "PPM"},
    started_at=_seoul_day,
    station="측정소명",
)

_BEIJING_TIME = ("year", "month", "day", "hour")
_BEIJING_VALUES = {
    "pm2_5": "PM2.5",
    "pm10": "PM10",
    "so2": "SO2",
    "no2": "NO2",
    "co": "CO",
    "o3": "O3",
    "temperature": "TEMP",
    "pressure": "PRES",
    "dew_point": "DEWP",
    "precipitation": "RAIN",
    "wind_speed": "WSPM",
}
BEIJING_PRSA = TableLayout(
    name="beijing-prsa",
    encodings=("utf-8",),
    recognised_by=frozenset({*_BEIJING_TIME, "station", "PM2.5"}),
    needed=frozenset({*_BEIJING_TIME, "station", "wd", *_BEIJING_VALUES.values()}),
    values={**_BEIJING_VALUES, "latitude": "lat", "longitude": "long"},
    fixed={"city": "Beijing", "averaging": "PT1H", "gas_unit": "UG_M3"},
    started_at=_beijing_hour,
    station="station",
)


FORMATS = tuple(
    Format(layout.name, DOMAIN, "one CSV data row", layout.matches, layout.read)
    for layout in (SEOUL_DAILY, BEIJING_PRSA)
)
