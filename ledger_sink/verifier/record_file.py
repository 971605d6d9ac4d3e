"""An export of records: JSON lines, one record each, as FORMAT.md §9 tells. Strict: a line is read or named.

    {"topic": "…", "partition": 0, "offset": 17, "timestamp_type": 1, "timestamp_ms": 1763760000000,
     "key": "<base64>" or null, "value": "<base64>" or null, "headers": [["name", "<base64>" or null], …]}

Several topics and partitions may stand in one file; within a partition offsets do not fall.
"""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from ledger_sink.format.leaf import RecordFields
from ledger_sink.verifier.errors import UnreadableError
from ledger_sink.verifier.records_check import OffsetRange

MAX_LINE_BYTES = 16 * 1024 * 1024
FIELDS = {"topic", "partition", "offset", "timestamp_type", "timestamp_ms", "key", "value", "headers"}


class RecordFile:
    """Reads an export; once for each partition that is compared, so that it may be larger than memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = path.name
        self._reach = self._survey()

    def offset_range(self, topic: str, partition: int, end: int) -> OffsetRange | None:
        """Return from its first to its last record of the partition: a subscriber begins and ends somewhere."""
        found = self._reach.get((topic, partition))
        return found and OffsetRange(min(found.first, end), min(found.end, end))

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterator[RecordFields]:
        """Return the partition's records."""
        mine = (record for place, record in self._lines() if place == (topic, partition))
        return takewhile(lambda record: record[0] < end, (record for record in mine if record[0] >= first))

    def _survey(self) -> dict[tuple[str, int], OffsetRange]:
        found: dict[tuple[str, int], OffsetRange] = {}
        for number, (place, record) in enumerate(self._lines(), start=1):
            before = found.get(place, OffsetRange(record[0], record[0] + 1))
            if record[0] < before.end - 1:
                raise UnreadableError(
                    f"{self._path}: line {number}: expected offset {before.end - 1} or more of {place[0]}/{place[1]}, "
                    f"got {record[0]}"
                )
            found[place] = OffsetRange(before.first, record[0] + 1)
        return found

    def _lines(self) -> Iterator[tuple[tuple[str, int], RecordFields]]:
        try:
            with self._path.open("rb") as file:
                number = 0
                while line := file.readline(MAX_LINE_BYTES + 1):
                    number += 1
                    if len(line) > MAX_LINE_BYTES:
                        raise UnreadableError(
                            f"{self._path}: line {number}: longer than {MAX_LINE_BYTES} bytes"
                        )
                    try:
                        yield parse_line(line)
                    except (ValueError, TypeError, RecursionError) as problem:
                        raise UnreadableError(f"{self._path}: line {number}: {problem}") from None
        except OSError as problem:
            raise UnreadableError(f"{self._path}: {(problem.strerror or str(problem)).lower()}") from None


def parse_line(line: bytes) -> tuple[tuple[str, int], RecordFields]:
    """Read one line: topic and partition, and the record.

    Raises:
        ValueError: saying what it should be.
    """
    content = json.loads(line)
    if not isinstance(content, Mapping) or set(content) != FIELDS:
        raise ValueError(f"expected an object of {', '.join(sorted(FIELDS))}")
    topic, headers = content["topic"], content["headers"]
    if not isinstance(topic, str) or not isinstance(headers, list):
        raise ValueError("expected the topic as text and the headers as a list")  # noqa: TRY004 - one kind a line
    record = (
        int64(content["offset"], "offset"),
        int64(content["timestamp_type"], "timestamp_type"),
        int64(content["timestamp_ms"], "timestamp_ms"),
        optional_bytes(content["key"], "key"),
        optional_bytes(content["value"], "value"),
        tuple(_header(header) for header in headers),
    )
    return (topic, int64(content["partition"], "partition")), record


def int64(value: Any, what: str) -> int:
    """Read a whole number, in 64 bits and with sign."""
    if not isinstance(value, int) or isinstance(value, bool) or not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"{what}: expected a whole number")
    return value


def optional_bytes(value: Any, what: str) -> bytes | None:
    """Read base64, or null."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{what}: expected base64 or null")  # noqa: TRY004 - one kind of error a line
    return b64decode(value.encode("ascii", "replace"), validate=True)


def _header(header: Any) -> tuple[str, bytes | None]:
    if not isinstance(header, Sequence) or len(header) != 2 or not isinstance(header[0], str):
        raise ValueError("headers: expected pairs of a name and base64 or null")
    return header[0], optional_bytes(header[1], "header")
