"""How far everything is at one moment: produced, derived, stored, sealed; asked of Kafka, the engine and the ledger."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec

from infra.connections import connect as connect_engine
from infra.kafka.admin import REQUEST_S, connect
from schemas.names import ARCHIVE_TABLE, DATABASE
from tests.bench.harness import SideError
from tests.bench.path.events import INDEX, READING, SIGNAL
from tests.bench.path.seals import Seals

if TYPE_CHECKING:
    from typing import Self

    from tests.bench.path.city import City

POLL_S = 0.5
STALLED_S = 60.0


@dataclass(frozen=True, slots=True)
class Mark:
    """Records of the watched topics at one moment.

    Attributes:
        at: Seconds on the monotonic clock.
        raw: Produced by the load.
        produced: Produced by the load and by the agents.
        underived: Readings whose index is not there yet.
        rows: Queryable: in the archive and in their typed table.
        sealed: Covered by a cosigned city checkpoint.
    """

    at: float
    raw: int
    produced: int
    underived: int
    rows: int
    sealed: int

    @property
    def done(self) -> int:
        """Records that are through the whole path."""
        return min(self.rows, self.sealed)

    @property
    def behind(self) -> int:
        """Records that are not, those among them that are still to be derived."""
        return self.produced - self.done + self.underived


class Progress:
    """Looks at one city again and again over the same connections."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._admin = connect(city.settings.kafka_address)
        self._engine = connect_engine(city.settings)
        self._seals = Seals(city.ledger)
        self._topics = {each.name for each in city.watched}
        self._ends_of = {
            TopicPartition(each.name, number): OffsetSpec.latest()
            for each in city.watched
            for number in range(each.partitions or city.settings.partitions)
        }
        tables = [ARCHIVE_TABLE, *(each.table for each in city.watched)]
        counts = (f"SELECT '{each}' AS name, count() AS rows FROM {DATABASE}.{each}" for each in tables)
        self._counts = " UNION ALL ".join(counts)
        others = (
            f"SELECT count() FROM {DATABASE}.{ARCHIVE_TABLE} WHERE topic NOT IN {tuple(sorted(self._topics))}"
        )
        self._others = int(self._engine.query(others).result_rows[0][0])  # what the platform tells of itself

    def ends(self) -> dict[str, int]:
        """Return how many records each watched topic has."""
        found = dict.fromkeys(self._topics, 0)
        asked = self._admin.list_offsets(self._ends_of, request_timeout=REQUEST_S)
        for place, future in asked.items():
            found[place.topic] += future.result().offset
        return found

    def mark(self) -> Mark:
        """Look once. Stored and sealed are asked first, so that nothing seems done before it is produced."""
        sealed = sum(size for (topic, _), size in self._seals.look().items() if topic in self._topics)
        rows = self._rows()
        archived = rows.pop(ARCHIVE_TABLE) - self._others
        ends = self.ends()
        return Mark(
            time.monotonic(),
            ends[READING] + ends[SIGNAL],
            sum(ends.values()),
            max(0, ends[READING] - ends[INDEX]),
            min(archived, sum(rows.values())),
            sealed,
        )

    def drained(self) -> Mark:
        """Wait until all is through the whole path.

        Raises:
            SideError: Nothing moved for a minute.
        """
        mark = self.mark()
        moved = mark
        while mark.behind > 0:
            self._city.check()
            time.sleep(POLL_S)
            mark = self.mark()
            if mark.done > moved.done:
                moved = mark
            elif mark.at - moved.at > STALLED_S:
                raise SideError(
                    f"nothing moves: {mark.behind:,} records are neither stored nor sealed: {mark}"
                )
        return mark

    def close(self) -> None:
        """Close the connection to the engine."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rows(self) -> dict[str, int]:
        return {name: int(rows) for name, rows in self._engine.query(self._counts).result_rows}
