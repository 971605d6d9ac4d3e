"""The archive in ClickHouse as a source of records: rows of `records` over HTTP, read-only (GET), page by page."""

from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from ledger_sink.bounded_http.limits import Budget
from ledger_sink.format.leaf import RecordFields
from ledger_sink.verifier.bounded_json import parse_json
from ledger_sink.verifier.errors import TooLongError, UnreadableError
from ledger_sink.verifier.record_file import int64, optional_bytes
from ledger_sink.verifier.records_check import OffsetRange
from ledger_sink.verifier.remote import fetch

PAGE = 20_000
MAX_PAGE_BYTES = 32 * 1024 * 1024
TABLE = "records"
DATABASE = "city"

_PAGE_SQL = """\
SELECT offset, timestamp_type, timestamp_ms, base64Encode(key), base64Encode(value), \
arrayMap(h -> (base64Encode(h.1), base64Encode(h.2)), headers) \
FROM {table:Identifier} WHERE topic = {topic:String} AND partition = {partition:UInt32} \
AND offset >= {first:UInt64} AND offset < {end:UInt64} ORDER BY offset, value FORMAT JSONCompactEachRow"""
_NEXT_SQL = """\
SELECT count(), min(offset) FROM {table:Identifier} WHERE topic = {topic:String} AND partition = {partition:UInt32} \
AND offset >= {first:UInt64} AND offset < {end:UInt64} FORMAT JSONCompactEachRow"""


class ArchiveRows:
    """The rows of the archive as records. It implements `RecordSource`."""

    name = "archive"

    def __init__(self, url: str, password: str | None = None, budget: Budget | None = None) -> None:
        """Set the source up; nothing is sent.

        Args:
            url: `http://user@host:8123`, with `?database=…` if the database is not `city`.
            password: the user's password; `None` takes the one in the URL.
            budget: what all requests of this run may take together.

        Raises:
            UnreadableError: if the URL is malformed.
        """
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise UnreadableError("archive: expected http://user@host:8123")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self._budget = budget
        self._url = f"{parts.scheme}://{host}{'' if port is None else f':{port}'}/"
        self._database = parse_qs(parts.query).get("database", [DATABASE])[0]
        self._headers = {
            "X-ClickHouse-User": unquote(parts.username or "default"),
            "X-ClickHouse-Key": password if password is not None else unquote(parts.password or ""),
        }

    def offset_range(self, topic: str, partition: int, end: int) -> OffsetRange | None:
        """Return all offsets below `end`: an archive that begins later or ends earlier lacks rows."""
        del topic, partition
        return OffsetRange(0, end)

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterator[RecordFields]:
        """Yield the partition's rows by offset; a duplicate row comes twice.

        Raises:
            UnreadableError: if the server does not answer, or answers with something else than rows.
            TooLongError: if a single row exceeds 32 MiB.
        """
        page = PAGE
        while first < end:
            parameters: dict[str, str | int] = {
                "topic": topic,
                "partition": partition,
                "first": first,
                "end": end,
            }
            lowest = _lowest([*islice(_rows(self._answer(_NEXT_SQL, parameters)), 2)], first, end)
            if lowest is None:
                return
            first = lowest
            stop = min(end, first + page)
            try:
                answer = self._answer(_PAGE_SQL, {**parameters, "first": first, "end": stop})
            except TooLongError:
                if page == 1:
                    raise
                page = max(1, page // 16)
                continue
            yield from map(_record, _rows(answer))
            first = stop

    def _answer(self, sql: str, parameters: dict[str, str | int]) -> bytes:
        values = {f"param_{name}": str(value) for name, value in {**parameters, "table": TABLE}.items()}
        settings = {"output_format_json_quote_64bit_integers": "0", "wait_end_of_query": "1"}
        query = urlencode({"query": sql, "database": self._database, **values, **settings})
        try:
            return fetch(f"{self._url}?{query}", MAX_PAGE_BYTES, self._headers, self._budget)
        except TooLongError:
            raise
        except UnreadableError as problem:
            raise UnreadableError(f"archive: {problem}") from None


def _rows(answer: bytes) -> Iterator[Any]:
    """Yield the rows of an answer, one at a time."""
    try:
        yield from map(parse_json, BytesIO(answer))
    except ValueError as problem:
        raise UnreadableError(f"archive: expected rows as JSON, got something else ({problem})") from None


def _lowest(rows: list[Any], first: int, end: int) -> int | None:
    """Return the lowest offset that the archive has in a range; `None` if it has none there."""
    try:
        [(count, lowest)] = rows
        if int64(count, "count") == 0:
            return None
        if not first <= int64(lowest, "offset") < end:
            raise ValueError(f"expected an offset from {first} to {end - 1}, got {lowest}")  # noqa: TRY301
    except (ValueError, TypeError) as problem:
        raise UnreadableError(
            f"archive: expected a count and an offset, got something else ({problem})"
        ) from None
    return int(lowest)


def _record(row: Any) -> RecordFields:
    try:
        offset, timestamp_type, timestamp_ms, key, value, headers = row
        return (
            int64(offset, "offset"),
            int64(timestamp_type, "timestamp_type"),
            int64(timestamp_ms, "timestamp_ms"),
            optional_bytes(key, "key"),
            optional_bytes(value, "value"),
            tuple(
                (b64decode(name).decode("utf-8", "replace"), optional_bytes(data, "header"))
                for name, data in headers
            ),
        )
    except (ValueError, TypeError) as problem:
        raise UnreadableError(
            f"archive: expected a row of `{TABLE}`, got something else ({problem})"
        ) from None
