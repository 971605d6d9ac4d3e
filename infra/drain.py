"""When is the stack at rest: every group has committed to the end of what it reads (CONTRACT §1).

Drained = committed offset equals end offset on every input topic, derived ones included, over two polls;
the ledger also has a cosigned city checkpoint over every leaf.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.count import watermarks
from infra.count_ledger import checkpoint, city_blocks, newest_epoch
from infra.errors import StackError
from schemas.names import AGENTS_GROUP, CLICKHOUSE_SINK_GROUP, LEDGER_SINK_GROUP
from streams.config import StreamsConfig
from streams.discovery import discover

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from schemas.catalog import Catalog

POLL_S = 0.4
STALLED_S = 120.0
"""Nothing moved for this long although something is left: the drain gives up and says what is left."""


def group_topics(catalog: Catalog) -> dict[str, list[str]]:
    """Return which topics each consumer group reads."""
    topics = catalog.topics.values()
    return {
        AGENTS_GROUP: sorted(discover(StreamsConfig(), catalog)),
        CLICKHOUSE_SINK_GROUP: [t.name for t in topics],
        LEDGER_SINK_GROUP: [t.name for t in topics if t.sealed],
    }


class LagMeter:
    """Compares committed offsets with end offsets, group by group."""

    def __init__(self, bootstrap: str, catalog: Catalog) -> None:
        self._bootstrap = bootstrap
        self._groups = group_topics(catalog)
        self._topics = [t.name for t in catalog.topics.values()]
        # Consumers that never subscribe only ask; librdkafka's admin call for the same thing crashes the process
        # while a group's coordinator is loading.
        self._askers = {
            group: Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False})
            for group in self._groups
        }

    def committed(self, group: str, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Return a group's committed offsets (none committed: absent)."""
        asked = [TopicPartition(topic, partition) for topic, partition in places]
        answer = self._askers[group].committed(asked, timeout=10) if asked else []
        return {(p.topic, p.partition): p.offset for p in answer if p.offset >= 0}

    def close(self) -> None:
        """Close the connections."""
        for asker in self._askers.values():
            asker.close()

    def lag(self) -> dict[str, dict[tuple[str, int], int]]:
        """Return for each group the records it has not committed, by topic-partition (only where > 0)."""
        marks = watermarks(self._bootstrap, self._topics)
        behind: dict[str, dict[tuple[str, int], int]] = {}
        for group, topics in self._groups.items():
            committed = self.committed(group, [place for place in marks if place[0] in topics])
            behind[group] = {
                key: high - committed.get(key, low)
                for key, (low, high) in marks.items()
                if key[0] in topics and high > committed.get(key, low)
            }
        return behind


def left_over(behind: Mapping[str, Mapping[tuple[str, int], int]]) -> list[str]:
    """Say in words what is behind."""
    return [
        f"{group}: {topic}/{partition} is {lag} records behind"
        for group, rows in behind.items()
        for (topic, partition), lag in sorted(rows.items())
    ]


def wait_drained(meter: LagMeter, check: Callable[[], None], *, without: Collection[str] = ()) -> None:
    """Wait until two polls in a row see no lag anywhere.

    Args:
        meter: where lag is read.
        check: raises if the stack broke meanwhile.
        without: topics that may still grow, such as metrics before they are paused.

    Raises:
        StackError: nothing moved for STALLED_S.
    """
    still, last, since = 0, -1, time.monotonic()
    while still < 2:
        check()
        try:
            lag = meter.lag()
        except KafkaException as error:  # a coordinator that moves or loads answers a moment later
            if time.monotonic() - since > STALLED_S:
                raise StackError(f"Kafka does not tell its offsets: {error.args[0].str()}") from error
            time.sleep(POLL_S)
            continue
        behind = {
            group: {place: left for place, left in rows.items() if place[0] not in without}
            for group, rows in lag.items()
        }
        total = sum(sum(rows.values()) for rows in behind.values())
        still = still + 1 if total == 0 else 0
        if total != last:
            last, since = total, time.monotonic()
        elif total and time.monotonic() - since > STALLED_S:
            raise StackError(f"nothing moves: {'; '.join(left_over(behind)[:5])}")
        time.sleep(POLL_S)


def wait_sealed(
    ledger: Path, topics: Sequence[str], check: Callable[[], None], timeout_s: float = 60
) -> None:
    """Wait until the cosigned city checkpoint covers what each log of `topics` has published, twice in a row.

    Raises:
        StackError: it does not come within `timeout_s`.
    """
    deadline, still = time.monotonic() + timeout_s, 0
    while still < 2:
        check()
        missing = unsealed(ledger, topics)
        still = 0 if missing else still + 1
        if missing and time.monotonic() > deadline:
            raise StackError(
                f"no cosigned city checkpoint covers {', '.join(missing[:5])} (log: ledger, witness)"
            )
        time.sleep(POLL_S)


def unsealed(ledger: Path, topics: Sequence[str]) -> list[str]:
    """Return the origins whose published checkpoint is not yet in a cosigned block."""
    try:
        _, mentions = city_blocks(ledger)
    except StackError as error:
        return [str(error)]
    missing = []
    for topic in topics:
        for partition in sorted((ledger / topic).glob("[0-9]*")):
            folder = newest_epoch(partition)
            head = checkpoint(folder) if folder else None
            if head and head[1] > (mentions.get(head[0]) or [(0, 0)])[-1][0]:
                missing.append(head[0])
    return missing
