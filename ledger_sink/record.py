"""A Kafka record as the ledger reads it: raw bytes and their offset."""

from __future__ import annotations

from typing import NamedTuple

Headers = tuple[tuple[str, bytes | None], ...]
"""Kafka header names and values, in the record's order."""


class Record(NamedTuple):
    """One Kafka record of a topic-partition. Its bytes are never re-serialised."""

    offset: int
    timestamp_type: int
    """0 = CreateTime, 1 = LogAppendTime, as on the wire (docs/identity.md#record-times)."""
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
