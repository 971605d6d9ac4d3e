"""Reads tables of air quality: Seoul's daily and hourly ones, Beijing's PRSA tables, Air Korea's confirmed hours. Pure.

One source record is one CSV data row. A row with missing values is accepted with nulls, and anomalies are flagged. A
row is refused only if it cannot be parsed: wrong encoding, wrong number of cells, an invalid time or number, no
station, or a missing column of the format. Columns that the format does not have are ignored.

Local times have no summer time in the years of these files: Korea UTC+9 since 1988, China UTC+8 since 1991. Values keep
the unit they were measured in: Korea's gases are ppm, Beijing's µg/m³.
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from schemas.names import topic_name
from streams.domains.air_quality.airkorea import (
    SEOUL_ZONE,
    StationNames,
    confirmed_column,
    hour_begin,
    measured,
    reading,
    reading_of_row,
)
from streams.domains.air_quality.cells import column, local_time, number, since_1970, text
from streams.domains.air_quality.plausibility import anomalies
from streams.domains.air_quality.reference import by_network
from streams.domains.air_quality.time_order import in_time_order
from streams.readers.delimited import HEADER_LINES, Dialect, Header, Row, RowReader, cells_of, items
from streams.readers.formats import EventDraft, Item
from streams.readers.lines import lines

TOPIC = topic_name("air_quality", "reading")

BEIJING = "Asia/Shanghai"
BEIJING_ZONE = ZoneInfo(BEIJING)

_WHOLE = re.compile(r"\d{1,4}", re.ASCII)
_DAY = re.compile(r"\d{8}", re.ASCII)

RowFields = Callable[[Mapping[str, str]], tuple[int, dict[str, Any]]]
"""Returns the beginning of a row's interval, µs since 1970 UTC, and its fields. Raises ValueError."""


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Layout of one format's table.

    Attributes:
        name: Name of the format.
        dialect: How its tables are written, and the columns by which it is recognised.
        needed: Columns without which no row can be read.
        row_fields: Returns the reader of one table's rows.
        stamp: For formats with the same header: column of the time, which decides between them.
        hourly: Whether the times of this format have an hour.
        sorts: Whether rows are yielded in the order of each station's time.
        stand_in: Needed columns, and the column that may stand in the place of each.
        version: Version of the rule that refuses a row.
    """

    name: str
    dialect: Dialect
    needed: frozenset[str]
    row_fields: Callable[[], RowFields]
    stamp: str = ""
    hourly: bool = False
    sorts: bool = False
    stand_in: Mapping[str, str] = field(default_factory=dict)
    version: int = 1

    @property
    def rule(self) -> str:
        """Rule that refuses a row of this format, `name@version`."""
        return f"read-{self.name}@{self.version}"

    def matches(self, head: bytes) -> bool:
        """Return whether a file has this format, by its first bytes."""
        header = self.dialect.header(head)
        if header is None:
            return False
        return not self.stamp or self._hourly(head, header) == self.hourly

    def read(self, stream: BinaryIO) -> Iterator[Item]:
        """Yield one item per line of a file of this format."""

        def read() -> Iterator[Item]:
            stream.seek(0)
            return items(stream, self.dialect, self._row_reader, self.rule)

        yield from (
            in_time_order(read) if self.sorts else items(stream, self.dialect, self._row_reader, self.rule)
        )

    def _row_reader(self, header: Header) -> RowReader:
        there = set(header.columns)
        header.require([each for each in self.needed if self.stand_in.get(each) not in there])
        fields_of = self.row_fields()

        def draft_of(row: Row) -> EventDraft:
            occurred_at, fields = fields_of(row.require_cells())
            return EventDraft(TOPIC, occurred_at, fields)

        return draft_of

    def _hourly(self, head: bytes, header: Header) -> bool:
        """Return whether most of the first rows' times have an hour."""
        at = header.columns.index(self.stamp)
        votes = 0
        below = islice(lines(io.BytesIO(head)), header.line, header.line + HEADER_LINES)
        for line in below:
            try:
                cells = cells_of(line.data, header.encoding, header.delimiter)
            except ValueError:
                continue
            if len(cells) == len(header.columns):
                digits = sum(map(str.isdecimal, cells[at].removesuffix(".0")))
                votes += (digits >= 10) - (digits < 10)
        return votes > 0


def _whole(cells: Mapping[str, str], name: str) -> int:
    found = cells[name].strip()
    if not _WHOLE.fullmatch(found):
        raise ValueError(f"column {name}: expected a whole number, got {found[:40]!r}")
    return int(found)


def _station(cells: Mapping[str, str], name: str) -> str:
    station = cells[name].strip()
    if not station:
        raise ValueError(f"column {name}: expected a station, got nothing")
    return station


_SEOUL_VALUES = {
    "no2": "이산화질소농도(ppm)",
    "o3": "오존농도(ppm)",
    "co": "일산화탄소농도(ppm)",
    "so2": "아황산가스농도(ppm)",
    "pm10": column("미세먼지농도(㎍/㎥)"),
    "pm2_5": column("초미세먼지농도(㎍/㎥)"),
}
_CARBON_DIOXIDE = "이산화탄소농도(ppm)"
"""What a file of 2018 calls its column of carbon monoxide: 0.6 ppm, as in its later edition."""
_SEOUL_COLUMN = re.compile(
    r"(?:(이산화질소|오존|일산화탄소|이산화탄소|아황산가스)(?:농도)?(?:\(ppm\))?"
    r"|(초?미세먼지)(?:농도)?(?:\([μu]g/m3\))?)",
    re.IGNORECASE,
)


def seoul_column(cell: str) -> str:
    """Normalise a column of Seoul's tables: 농도 (concentration), the unit and spaces may be missing."""
    name = column(cell)
    match = _SEOUL_COLUMN.fullmatch("".join(name.split()))
    if match is None:
        return name
    return f"{match[1]}농도(ppm)" if match[1] else column(f"{match[2]}농도(㎍/㎥)")


_STAMP, _NAME = "측정일시", "측정소명"


def _seoul(columns: Sequence[str]) -> bool:
    return {_STAMP, _NAME} <= set(columns) and "지역" not in columns and "SO2" not in columns


def _seoul_day(cells: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    station, stamp = _station(cells, _NAME), cells[_STAMP].strip()
    if not _DAY.fullmatch(stamp):
        raise ValueError(f"column {_STAMP}: expected a day YYYYMMDD, got {stamp[:40]!r}")
    begin = since_1970(local_time((int(stamp[:4]), int(stamp[4:6]), int(stamp[6:])), 0, SEOUL_ZONE))
    return begin, _seoul_reading(cells, begin, station, averaging="P1D")


def _seoul_hour(cells: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    station = _station(cells, _NAME)
    begin = since_1970(hour_begin(_STAMP, cells[_STAMP]))
    return begin, _seoul_reading(cells, begin, station, averaging="PT1H")


def _seoul_reading(cells: Mapping[str, str], begin: int, station: str, averaging: str) -> dict[str, Any]:
    columns = _SEOUL_VALUES if _SEOUL_VALUES["co"] in cells else {**_SEOUL_VALUES, "co": _CARBON_DIOXIDE}
    values, flags = measured({each: (name, cells[name]) for each, name in columns.items()})
    if columns is not _SEOUL_VALUES and values["co"] is not None:
        flags.append(f"READ_AS:co:{_CARBON_DIOXIDE}")
    return reading(values, begin, station=station, city="Seoul", averaging=averaging, flags=flags)


_SEOUL_DIALECT = Dialect(_seoul, ("utf-8", "cp949"), column_name=seoul_column)
_SEOUL_NEEDED = frozenset({_STAMP, _NAME, *_SEOUL_VALUES.values()})
_SEOUL_STAND_IN = {_SEOUL_VALUES["co"]: _CARBON_DIOXIDE}
SEOUL_DAILY = TableLayout(
    "seoul-daily",
    _SEOUL_DIALECT,
    _SEOUL_NEEDED,
    lambda: _seoul_day,
    _STAMP,
    stand_in=_SEOUL_STAND_IN,
    version=2,
)
SEOUL_HOURLY = TableLayout(
    "seoul-hourly",
    _SEOUL_DIALECT,
    _SEOUL_NEEDED,
    lambda: _seoul_hour,
    _STAMP,
    hourly=True,
    sorts=True,
    stand_in=_SEOUL_STAND_IN,
)


def _airkorea(columns: Sequence[str]) -> bool:
    return {"지역", _STAMP, _NAME} <= set(columns) and not {"SO2", "PM10", "O3"}.isdisjoint(columns)


def _airkorea_rows() -> RowFields:
    names = StationNames()
    return lambda cells: reading_of_row(cells, names)


AIRKOREA_HOURLY = TableLayout(
    "airkorea-hourly",
    Dialect(_airkorea, ("utf-8", "cp949"), column_name=confirmed_column),
    frozenset({"지역", _STAMP, _NAME, "SO2", "CO", "O3", "NO2", "PM10"}),
    _airkorea_rows,
    sorts=True,
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
_BEIJING_PLACE = {"latitude": "lat", "longitude": "long"}


def _beijing_hour(cells: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    station = _station(cells, "station")
    year, month, day, hour = (_whole(cells, name) for name in _BEIJING_TIME)
    begin = since_1970(local_time((year, month, day), hour, BEIJING_ZONE))
    fields: dict[str, Any] = {"station": station, "city": "Beijing", "zone": BEIJING}
    fields |= {"averaging": "PT1H", "gas_unit": "UG_M3"}
    fields |= {each: number(name, cells[name]) for each, name in _BEIJING_VALUES.items()}
    fields |= {each: number(name, cells.get(name, "")) for each, name in _BEIJING_PLACE.items()}
    fields["wind_direction"] = text(cells["wd"])
    fields["gas_temperature"] = by_network(BEIJING, "Beijing", begin)
    fields["flags"] = anomalies({**fields, "occurred_at": begin})
    return begin, fields


BEIJING_PRSA = TableLayout(
    "beijing-prsa",
    Dialect(frozenset({*_BEIJING_TIME, "station", "PM2.5"}).issubset, column_name=column),
    frozenset({*_BEIJING_TIME, "station", "wd", *_BEIJING_VALUES.values()}),
    lambda: _beijing_hour,
)

LAYOUTS = (SEOUL_DAILY, SEOUL_HOURLY, AIRKOREA_HOURLY, BEIJING_PRSA)
