"""When rows can be queried: a client asks again and again for the newest rows of some stations."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from infra.status import connect
from schemas.names import DATABASE
from tests.bench.path.events import INDEX, READING, STATIONS, born_ms, station

if TYPE_CHECKING:
    from typing import Self

    from tests.bench.path.city import City

LOOK_S = 0.1
WATCHED = tuple(station(number) for number in range(0, STATIONS, STATIONS // 16))
"""Stations of daily readings, on every partition."""
_IDS = {READING: "event_id", INDEX: "reading_id"}


class Row(NamedTuple):
    """A row that could be queried: its place, when the reading was made that it is or came from, when it was seen."""

    topic: str
    partition: int
    offset: int
    born_ms: float
    seen_ms: float


class RowWatch:
    """Asks many times a second, in a thread. What was there before the first answer is left out."""

    def __init__(self, city: City) -> None:
        self.seen: list[Row] = []
        self._engine = connect(city.settings)
        self._tables = {topic: city.topics.topics[topic].table for topic in _IDS}
        self._newest = {(topic, each): 0 for topic in _IDS for each in WATCHED}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._engine.close()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            self.seen += self._look()

    def _look(self) -> list[Row]:
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
