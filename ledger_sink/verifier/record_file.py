"""An export of records as a source: JSON lines, one record each (FORMAT.md §9). A malformed line is an error.

    {"topic": "…", "partition": 0, "offset": 17, "timestamp_type": 1, "timestamp_ms": 1763760000000,
     "key": "<base64>" or null, "value": "<base64>" or null, "headers": [["name", "<base64>" or null], …]}

A file may hold several topics and partitions. Within a partition offsets do not fall.
"""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from ledger_sink.format.leaf import RecordFields
from ledger_sink.verifier.bounded_json import parse_json
from ledger_sink.verifier.errors import UnreadableError
from ledger_sink.verifier.records_check import OffsetRange
from ledger_sink.verifier.trust import open_regular

MAX_LINE_BYTES = 16 * 1024 * 1024
FIELDS = {"topic", "partition", "offset", "timestamp_type", "timestamp_ms", "key", "value", "headers"}


class RecordFile:
    """An export in a file. It implements `RecordSource`.

    The file is read once for each compared partition, so that it may exceed memory.
    """

    def __init__(self, path: Path) -> None:
        """Read the file once to find the offsets of each partition.

        Raises:
            UnreadableError: if it cannot be read, a line is malformed, or the offsets of a partition fall.
        """
        self._path = path
        self.name = path.name
        self._ranges = self._survey()

    def offset_range(self, topic: str, partition: int, end: int) -> OffsetRange | None:
        """Return the offsets from the file's first to its last record of the partition, below `end`.

        Records outside are not compared, since a subscriber may begin late and end early.
        """
        found = self._ranges.get((topic, partition))
        return found and OffsetRange(min(found.first, end), min(found.end, end))

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterator[RecordFields]:
        """Return the partition's records with first ≤ offset < end."""
        mine = (record for topic_partition, record in self._lines() if topic_partition == (topic, partition))
        return takewhile(lambda record: record[0] < end, (record for record in mine if record[0] >= first))

    def _survey(self) -> dict[tuple[str, int], OffsetRange]:
        found: dict[tuple[str, int], OffsetRange] = {}
        for number, (topic_partition, record) in enumerate(self._lines(), start=1):
            before = found.get(topic_partition, OffsetRange(record[0], record[0] + 1))
            if record[0] < before.end - 1:
                raise UnreadableError(
                    f"{self._path}: line {number}: expected offset {before.end - 1} or more of "
                    f"{topic_partition[0]}/{topic_partition[1]}, got {record[0]}"
                )
            found[topic_partition] = OffsetRange(before.first, record[0] + 1)
        return found

    def _lines(self) -> Iterator[tuple[tuple[str, int], RecordFields]]:
        number = 0
        try:
            with open_regular(self._path) as file:
                while line := file.readline(MAX_LINE_BYTES + 1):
                    number += 1
                    yield _parsed(line)
        except (UnreadableError, OSError) as problem:
            words = getattr(problem, "strerror", None) or str(problem)
            where = f"line {number}: " if number else ""
            raise UnreadableError(f"{self._path}: {where}{words.lower() if not number else words}") from None


def _parsed(line: bytes) -> tuple[tuple[str, int], RecordFields]:
    if len(line) > MAX_LINE_BYTES:
        raise UnreadableError(f"longer than {MAX_LINE_BYTES} bytes")
    try:
        return parse_line(line)
    except (ValueError, TypeError) as problem:
        raise UnreadableError(str(problem)) from None


def parse_line(line: bytes) -> tuple[tuple[str, int], RecordFields]:
    """Parse one line; return topic and partition, and the record.

    Raises:
        ValueError: if the line is malformed; the message states what was expected.
    """
    content = parse_json(line)
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
    """Return a JSON value as a signed 64-bit integer.

    Raises:
        ValueError: if it is none; the message names `what`.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"{what}: expected a whole number")
    return value


def optional_bytes(value: Any, what: str) -> bytes | None:
    """Decode a JSON value that is base64 or null.

    Raises:
        ValueError: if it is neither; the message names `what`.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{what}: expected base64 or null")  # noqa: TRY004 - one kind of error a line
    return b64decode(value.encode("ascii", "replace"), validate=True)


def _header(header: Any) -> tuple[str, bytes | None]:
    if not isinstance(header, Sequence) or len(header) != 2 or not isinstance(header[0], str):
        raise ValueError("headers: expected pairs of a name and base64 or null")
    return header[0], optional_bytes(header[1], "header")
