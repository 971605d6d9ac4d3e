"""Records as the ledger reads them from Kafka, for its row: a pure function of their number."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from ledger_sink.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

TOPIC = "air-quality.reading"
PARTITION = 0
VALUE_BYTES = 250
STATIONS = 40
BEGIN_MS = 1_700_000_000_000


def sealed_records(count: int) -> Iterator[Record]:
    """Yield records of consecutive offsets, with a key, a value of some 250 bytes and two headers."""
    random = Random(1)
    for offset in range(count):
        key = f"station-{offset % STATIONS:02d}".encode()
        headers = (("simulated", b"true"), ("cause", f"{TOPIC}/0/{offset}".encode()))
        yield Record(offset, 1, BEGIN_MS + offset, key, random.randbytes(VALUE_BYTES), headers)
