"""Raw topics are written in transactions: the live city goes on, and the run at the end counts what was committed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.harness.raw_topics import RawTopicWriter
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from tests.harness.live import LiveCity


def test_a_live_city_reads_what_was_committed_alone(live: LiveCity) -> None:
    """Every end of a transaction on the raw topics of a domain that no other test writes to."""
    writer = RawTopicWriter(live.city, 1, ("cargo",))
    writer.rounds(1)
    writer.leave_open(1.0)
    eventually(lambda: not writer.held(), "Kafka aborts the open transaction")
    committed = Counter(topic for topic, _, _ in writer.committed)
    assert len(committed) == len(writer.topics)

    def counted(report: dict[str, Any]) -> None:
        for topic, records in committed.items():
            row, expected = report["topics"][topic], records + live.brought[topic]
            assert (row["records"], row["archived"], row["sealed"]) == (expected, expected, expected), topic

    live.at_the_end(counted)
