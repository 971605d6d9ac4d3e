"""A stack is looked at often while something moves, and rarely at rest."""

from __future__ import annotations

from infra.status.model import Status, TopicStatus
from infra.status.refresh import REFRESH_S, REST_AFTER_S, REST_REFRESH_S, RefreshSchedule

TOPIC = "air-quality.reading"


def test_a_stack_is_looked_at_every_second_until_nothing_has_moved_for_ten() -> None:
    """Metrics come at rest too and do not count; a sealed topic's record does."""
    schedule, now = RefreshSchedule(), 50.0

    def look(records: int, metrics: int = 0) -> float:
        rows = [
            TopicStatus(TOPIC, "air-quality", "raw", records=records, sealed=records),
            TopicStatus("platform.metric", "platform", "platform", records=metrics),
        ]
        return schedule.refresh_s(Status("city.example", now, rows), now)

    assert look(1) == REFRESH_S
    now += REST_AFTER_S
    assert look(1, metrics=5) == REST_REFRESH_S
    assert look(2) == REFRESH_S
