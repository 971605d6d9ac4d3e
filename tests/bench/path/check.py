"""Whether every record went through the path exactly once, counted by queries and in published files at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.connections import connect
from schemas.names import ARCHIVE_TABLE, DATABASE
from tests.bench.harness import SideError
from tests.bench.path.events import ACCIDENT, INDEX, READING, SIGNAL
from tests.bench.path.seals import Seals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bench.path.city import City
    from tests.bench.path.driver import Sent


def check(city: City, sent: Sent, ends: Mapping[str, int]) -> None:
    """Compare what was sent, what Kafka has, what is stored and what is sealed.

    Args:
        city: A city at rest.
        sent: What the load has sent.
        ends: Records of each watched topic in Kafka.

    Raises:
        SideError: They differ; every difference is told.
    """
    problems = [
        f"{topic}: {what} {expected:,}, in Kafka {ends[topic]:,}"
        for topic, what, expected in (
            (READING, "sent", sent.readings),
            (SIGNAL, "sent", sent.signals),
            (INDEX, "readings", sent.readings),
            (ACCIDENT, "crashes", sent.crashes),
        )
        if ends[topic] != expected
    ]
    sealed = dict.fromkeys(ends, 0)
    for (topic, _), size in Seals(city.ledger).look().items():
        sealed[topic] = sealed.get(topic, 0) + size
    for topic, (archived, distinct, rows) in _stored(city).items():
        found = {"archived": archived, "offsets archived": distinct, "rows": rows, "sealed": sealed[topic]}
        problems += [
            f"{topic}: in Kafka {ends[topic]:,}, {what} {number:,}"
            for what, number in found.items()
            if number != ends[topic]
        ]
    if problems:
        raise SideError("; ".join(problems))


def _stored(city: City) -> dict[str, tuple[int, int, int]]:
    """Return of each watched topic: rows in the archive, distinct offsets among them, events in the typed table."""
    client = connect(city.settings)
    try:
        archived = client.query(
            "SELECT topic, sum(records), sum(offsets) FROM (SELECT topic, partition, count() AS records, "
            f"uniqExact(offset) AS offsets FROM {DATABASE}.{ARCHIVE_TABLE} GROUP BY topic, partition) GROUP BY topic"
        ).result_rows
        found = {topic: (int(records), int(offsets)) for topic, records, offsets in archived}
        return {
            each.name: (
                *found.get(each.name, (0, 0)),
                int(client.query(f"SELECT count() FROM {DATABASE}.{each.table} FINAL").result_rows[0][0]),
            )
            for each in city.watched
        }
    finally:
        client.close()
