"""When rows can be queried: a client asks again and again for the newest rows of some stations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from infra.connections import connect
from schemas.names import DATABASE
from tests.bench.path.events import INDEX, READING, STATIONS, born_ms, station
from tests.bench.path.looking import Looking

if TYPE_CHECKING:
    from tests.bench.path.city import City

LOOK_S = 0.1
WATCHED = tuple(station(number) for number in range(0, STATIONS, 50))
"""Stations of daily readings, on every partition."""
_IDS = {READING: "event_id", INDEX: "reading_id"}


class Row(NamedTuple):
    """A row that could be queried: its place, when the reading was made that it is or came from, when it was seen."""

    topic: str
    partition: int
    offset: int
    born_ms: float
    seen_ms: float


class RowWatch(Looking):
    """Asks many times a second. What was there before the first answer is left out."""

    def __init__(self, city: City) -> None:
        super().__init__(LOOK_S)
        self.seen: list[Row] = []
        self._engine = connect(city.settings)
        self._tables = {topic: city.topics.topics[topic].table for topic in _IDS}
        self._newest = {(topic, each): 0 for topic in _IDS for each in WATCHED}

    def begin(self) -> None:
        """Find what is there already."""
        self._new()

    def look(self) -> None:
        """Note what is new."""
        self.seen += self._new()

    def end(self) -> None:
        """Close the connection."""
        self._engine.close()

    def _new(self) -> list[Row]:
        answer = self._engine.query(" UNION ALL ".join(self._query(topic) for topic in _IDS)).result_rows
        now_ms = time.time() * 1000
        known, found = dict(self._newest), []
        for topic, name, occurred_us, event_id, partition, offset in answer:
            if occurred_us > known[topic, name]:
                found.append(Row(topic, partition, offset, born_ms(event_id), now_ms))
                self._newest[topic, name] = max(occurred_us, self._newest[topic, name])
        return found

    def _query(self, topic: str) -> str:
        since = min(self._newest[topic, each] for each in WATCHED)
        return (
            f"SELECT '{topic}', toString(station), toUnixTimestamp64Micro(occurred_at), toString({_IDS[topic]}), "
            f"_partition, _offset FROM {DATABASE}.{self._tables[topic]} "
            f"WHERE station IN {WATCHED} AND occurred_at > fromUnixTimestamp64Micro({since})"
        )
