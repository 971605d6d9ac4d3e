"""The report's equations: each one that does not hold is named with its numbers (docs/counts.md#equations)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.reconcile.count import TopicCount, latency
from infra.reconcile.lag import group_topics
from infra.reconcile.report import build, equations, unaccounted
from schemas.catalog import load_catalog
from schemas.names import AGENTS_GROUP

CATALOG = load_catalog()
RIGHT = TopicCount(records=7, archived=7, sealed=7, events=5, rows=5, repeats=1, undecodable=1)
TOPIC = "air-quality.reading"


def test_a_stack_at_rest_has_no_problems() -> None:
    """Records = archived = sealed, records = events + repeats + undecodable, rows = events."""
    assert equations({TOPIC: RIGHT}, CATALOG) == []


@pytest.mark.parametrize(
    "field", ["records", "archived", "sealed", "events", "rows", "repeats", "undecodable"]
)
@pytest.mark.parametrize("by", [-1, 1])
def test_any_count_that_is_off_by_one_is_named(field: str, by: int) -> None:
    """One more or one less anywhere breaks an equation of that topic."""
    wrong = replace(RIGHT, **{field: getattr(RIGHT, field) + by})
    problems = equations({TOPIC: wrong}, CATALOG)
    assert problems
    assert all(TOPIC in problem for problem in problems)


def test_an_event_without_a_row_passes_only_if_a_dead_letter_accounts_for_it() -> None:
    """Rows + refused = events; one line too few or too many is a difference again."""
    fewer = {TOPIC: replace(RIGHT, rows=4)}
    assert equations(fewer, CATALOG, {TOPIC: ["one"]}) == []
    assert equations(fewer, CATALOG) == [f"{TOPIC}: rows 4 ≠ events 5"]
    assert equations(fewer, CATALOG, {TOPIC: ["one", "two"]}) == [f"{TOPIC}: rows 4 + refused 2 ≠ events 5"]


def test_metrics_are_neither_archived_nor_sealed() -> None:
    """`platform.metric` has null there, and that is right."""
    count = TopicCount(records=3, archived=None, sealed=None, events=3, rows=3)
    assert equations({"platform.metric": count}, CATALOG) == []


def test_a_recording_that_does_not_add_up_is_named() -> None:
    """Read = accepted + refused; an unread file of a folder is no problem."""
    rest: dict[str, object] = {"reason": None, "bytes": None}
    rows: list[dict[str, object]] = [
        {"path": "a.csv", "format": "f", "read": 3, "accepted": 1, "refused": 1, **rest},
        {"path": "b.csv", "format": None, "read": 0, "accepted": 0, "refused": 0, **rest},
    ]
    assert unaccounted(rows) == ["a.csv: read 3 ≠ accepted 1 + refused 1"]


@pytest.mark.parametrize("source", [9, 10, 11])
def test_a_byte_that_belongs_nowhere_is_named(source: int) -> None:
    """Bytes of the source = accepted + refused + skipped, for a file that was read to its end."""
    sums = {"source": source, "accepted": 5, "refused": 3, "skipped": 2}
    row = {"path": "a", "format": "f", "read": 2, "accepted": 1, "refused": 1, "bytes": sums}
    assert unaccounted([{**row, "reason": "stopped after record 2"}]) == []
    problem = f"a: {source} bytes ≠ accepted 5 + refused 3 + skipped 2"
    assert unaccounted([{**row, "reason": None}]) == ([] if source == 10 else [problem])


def test_a_broken_equation_or_audit_makes_the_verdict_fail() -> None:
    """The verdict is pass only when nothing is wrong anywhere."""

    def verdict(count: TopicCount, audit: list[str]) -> str:
        report = build(
            catalog=CATALOG,
            inputs={},
            counts={TOPIC: count},
            city_log={"size": 0, "root": "", "blocks": 0},
            logs=[],
            to_row_ms={"p50": None, "p99": None},
            audit_problems=audit,
            seconds=1.0,
        )
        return str(report["audit"]["verdict"])

    assert verdict(RIGHT, []) == "pass"
    assert verdict(RIGHT, ["tile gone"]) == "fail"
    assert verdict(replace(RIGHT, rows=4), []) == "fail"


@pytest.mark.parametrize(
    ("values", "p50", "p99"),
    [([], None, None), ([5], 5, 5), (list(range(1, 101)), 50, 99), ([1, 2, 3], 2, 3)],
)
def test_latency_is_the_nearest_rank(values: list[int], p50: int | None, p99: int | None) -> None:
    """p50 and p99 are values that occurred."""
    assert latency(values) == {"p50": p50, "p99": p99}


def test_the_agents_are_drained_of_every_topic_that_a_rule_reads() -> None:
    """Derived topics and the platform's own included (docs/counts.md#what-is-counted), and none that no rule reads."""
    read = group_topics(CATALOG)[AGENTS_GROUP]
    assert (
        {"air-quality.reading", "health.cohort-entry", "platform.recording"}
        <= set(read)
        <= CATALOG.topics.keys()
    )
    assert "air-quality.index" not in read
