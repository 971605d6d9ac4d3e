"""The public air-quality files that are read (streams/domains/air_quality/README.md).

Tables of Seoul, Air Korea and Beijing, pages of Air Korea's and Seoul's interfaces, OpenAQ's archive and pages.
"""

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from streams.domains.air_quality.airkorea import (
    SEOUL_SERVICES,
    StationNames,
    reading_of_item,
    reading_of_seoul,
)
from streams.domains.air_quality.cells import member, text
from streams.domains.air_quality.json_pages import around, begins_page, pages
from streams.domains.air_quality.openaq import (
    archive_column,
    measurement_of_result,
    measurement_of_row,
    place_of_name,
)
from streams.domains.air_quality.sensors import assembled, draft_of
from streams.domains.air_quality.tables import BEIJING_PRSA, LAYOUTS, SEOUL_DAILY, TOPIC
from streams.domains.air_quality.time_order import in_time_order
from streams.readers.delimited import Dialect, Row, items
from streams.readers.formats import EventDraft, Format, Item

__all__ = ["BEIJING_PRSA", "DOMAIN", "FORMATS", "SEOUL_DAILY"]

DOMAIN = "air_quality"

# Air Korea's interface

AIRKOREA_API = "airkorea-api"
_ITEMS = (
    ("response", "body", "items"),
    ("response", "body", "items", "item"),
    ("body", "items"),
    ("items",),
    ("list",),
)
_ITEM_HEAD = re.compile(rb'"(?:pm10|pm25|o3|no2|so2|co|khai)Value"\s*:')


def _is_airkorea_page(head: bytes) -> bool:
    named = _is_object(head) and b'"dataTime"' in head and _ITEM_HEAD.search(head) is not None
    return named and begins_page(head, _ITEMS)


def _is_object(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def read_airkorea_page(stream: BinaryIO) -> Iterator[Item]:
    """Yield one item for each station's hour on a page of Air Korea's interface, in the order of time."""
    asked_for = _asked_for(around(stream, _ITEMS))

    def fields_of(item: dict[str, Any], names: StationNames) -> tuple[int, dict[str, Any]]:
        return reading_of_item(item, asked_for, names)

    yield from _hours(stream, _ITEMS, fields_of, AIRKOREA_API)


def _hours(
    stream: BinaryIO,
    paths: Collection[tuple[str, ...]],
    fields_of: Callable[[dict[str, Any], StationNames], tuple[int, dict[str, Any]]],
    name: str,
) -> Iterator[Item]:
    """Yield the hours of a page in the order of time."""

    def read() -> Iterator[Item]:
        names = StationNames()

        def made(item: dict[str, Any]) -> EventDraft:
            begin, fields = fields_of(item, names)
            return EventDraft(TOPIC, begin, fields)

        stream.seek(0)
        return pages(stream, paths, made, f"read-{name}@1")

    yield from in_time_order(read)


def _asked_for(page: Any) -> str | None:
    """Return the station that the page repeats from its request, as the interface before 2020 did."""
    for name in ("parm", "ArpltnInforInqireSvcVo"):
        asked = page.get(name) if isinstance(page, dict) else None
        if isinstance(asked, dict):
            try:
                return text(member("stationName", asked.get("stationName")))
            except ValueError:
                return None
    return None


# Seoul's interface

SEOUL_API = "seoul-api"
_ROWS = tuple((service, "row") for service in SEOUL_SERVICES)
_SEOUL_HEAD = re.compile(rb'"(?:%s)"\s*:' % "|".join(SEOUL_SERVICES).encode())
_SEOUL_STAMPS = re.compile(rb'"MSR(?:DT|DATE|MT_DT|MT_YMD)')


def _is_seoul_page(head: bytes) -> bool:
    named = (
        _is_object(head) and _SEOUL_HEAD.search(head) is not None and _SEOUL_STAMPS.search(head) is not None
    )
    return named and begins_page(head, _ROWS)


def read_seoul_page(stream: BinaryIO) -> Iterator[Item]:
    """Yield one item for each station's hour or day on a page of Seoul's interface, in the order of time."""
    page = around(stream, _ROWS)
    named = page if isinstance(page, dict) else {}
    service = next((each for each in SEOUL_SERVICES if each in named), None)

    def fields_of(row: dict[str, Any], names: StationNames) -> tuple[int, dict[str, Any]]:
        return reading_of_seoul(row, names, service)

    yield from _hours(stream, _ROWS, fields_of, SEOUL_API)


# OpenAQ

OPENAQ_ARCHIVE, OPENAQ_API = "openaq-archive", "openaq-api"
_RESULTS = (("results",),)
_OPENAQ_HEAD = re.compile(rb'"(?:datetimeFrom|datetimeTo|name"\s*:\s*"openaq-api|parameter)"')


def _is_archive(columns: tuple[str, ...] | list[str]) -> bool:
    names = set(columns)
    return (
        {"parameter", "value"} <= names
        and bool(names & {"datetime", "utc"})
        and bool(names & {"location", "location_id"})
    )


_ARCHIVE = Dialect(lambda columns: _is_archive(list(columns)), column_name=archive_column)


def read_openaq_archive(stream: BinaryIO) -> Iterator[Item]:
    """Yield one item per line of a file of OpenAQ's archive. The stream is rewound."""

    def measured() -> Iterator[Item]:
        stream.seek(0)
        return items(stream, _ARCHIVE, lambda _: _archive_draft, f"read-{OPENAQ_ARCHIVE}@1")

    yield from assembled(measured)


def _archive_draft(row: Row) -> EventDraft:
    return draft_of(measurement_of_row(row.require_cells()))


def _is_openaq_page(head: bytes) -> bool:
    if not _is_object(head) or b'"results"' not in head or b'"value"' not in head:
        return False
    return len(set(_OPENAQ_HEAD.findall(head))) > 1 and begins_page(head, _RESULTS)


def read_openaq_page(stream: BinaryIO, path: Path) -> Iterator[Item]:
    """Yield one item for each measurement on a page of OpenAQ's interface. The stream is rewound.

    Args:
        stream: The page.
        path: Its path. The name may say the station, which a page of measurements does not.
    """
    asked_for = place_of_name(path.name)

    def made(result: dict[str, Any]) -> EventDraft:
        return draft_of(measurement_of_result(result, asked_for))

    def measured() -> Iterator[Item]:
        stream.seek(0)
        return pages(stream, _RESULTS, made, f"read-{OPENAQ_API}@1")

    yield from assembled(measured)


def _read_openaq_page_without_name(stream: BinaryIO) -> Iterator[Item]:
    yield from read_openaq_page(stream, Path())


FORMATS = (
    *(Format(each.name, DOMAIN, "one CSV data row", each.matches, each.read) for each in LAYOUTS),
    Format(AIRKOREA_API, DOMAIN, "one member of items", _is_airkorea_page, read_airkorea_page),
    Format(SEOUL_API, DOMAIN, "one member of row", _is_seoul_page, read_seoul_page),
    Format(OPENAQ_ARCHIVE, DOMAIN, "one CSV data row", _ARCHIVE.matches, read_openaq_archive),
    Format(
        OPENAQ_API,
        DOMAIN,
        "one member of results",
        _is_openaq_page,
        _read_openaq_page_without_name,
        named=read_openaq_page,
    ),
)
