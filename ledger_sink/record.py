"""A Kafka record as the ledger sees it: raw bytes and where they lie."""

from __future__ import annotations

from typing import NamedTuple

Headers = tuple[tuple[str, bytes | None], ...]


class Record(NamedTuple):
    """One record of a topic-partition, never re-serialised."""

    offset: int
    timestamp_type: int
    """0 = CreateTime, 1 = LogAppendTime, as on the wire (docs/identity.md#record-times)."""
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
