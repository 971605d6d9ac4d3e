"""Each fact makes its problem, alone, in the right colour; facts that are well make none."""

from __future__ import annotations

from typing import Any

import pytest

from infra.process.report import Condition
from infra.status.health import LATE_S, VERY_LATE_S, Facts, problems
from infra.status.model import (
    CityLogFact,
    Confinement,
    LogFact,
    Part,
    Problem,
    ProcessFact,
    ProcessState,
)

NOW = 1_800_000_000.0
KAFKA_AWAY = Part("kafka", "127.0.0.1:1", "connection refused", NOW - 5)


def only(**facts: Any) -> Problem:
    """Return the one problem of these facts."""
    (found,) = problems(Facts(NOW, **facts))
    return found


def log(**changes: Any) -> LogFact:
    """A log that has sealed what it got, but for the changes."""
    return LogFact("air.reading", 0, "air.reading/0/1", 5, 5, **changes)


def reported(metric: str, seconds: float, **labels: str) -> list[ProcessFact]:
    """A process that runs and reports one condition."""
    condition = Condition(metric, labels, NOW - seconds)
    return [ProcessFact("ledger", ProcessState.RUNS, None, (condition,))]


def test_a_stack_that_is_well_has_no_problem() -> None:
    """Everything answers, runs, is sealed and confined."""
    runs = [ProcessFact("sink", ProcessState.RUNS), ProcessFact("ledger", ProcessState.STARTS)]
    facts = Facts(
        NOW,
        parts=[Part("kafka", "127.0.0.1:1")],
        processes=runs,
        logs=[log(uncovered_since=NOW - LATE_S / 2)],
        city_log=CityLogFact(3, "a checkpoint", 1.0),
        confinement=Confinement(confined=True, by="landlock"),
    )
    assert problems(facts) == []


@pytest.mark.parametrize("part", ["kafka", "clickhouse", "web", "signer", "witness"])
def test_a_part_that_does_not_answer_is_red_with_since_when(part: str) -> None:
    """Its counts are unknown, which is said."""
    problem = only(parts=[Part(part, "127.0.0.1:1", "connection refused", NOW - 5)])
    assert (problem.severity, problem.part, problem.reason, problem.since) == (
        "red",
        part,
        "no-answer",
        NOW - 5,
    )
    assert ("unknown" in problem.what) == (part in {"kafka", "clickhouse"})


@pytest.mark.parametrize(
    ("state", "severity"),
    [
        (ProcessState.STOPPED, "red"),
        (ProcessState.HANGS, "red"),
        (ProcessState.SILENT, "red"),
        (ProcessState.ENDED, "red"),
        (ProcessState.MISSING, "yellow"),
    ],
)
def test_a_process_that_does_not_run_is_named(state: ProcessState, severity: str) -> None:
    """Dead, suspended, hanging, silent: red; not started yet: yellow."""
    problem = only(processes=[ProcessFact("ledger", state, NOW - 9)])
    assert (problem.severity, problem.part, problem.reason) == (severity, "ledger", state.value)


def test_what_waits_for_kafka_is_no_red_problem_of_its_own() -> None:
    """The ledger's main loop waits for Kafka's answer: the cause is red."""
    kafka, ledger = problems(
        Facts(NOW, parts=[KAFKA_AWAY], processes=[ProcessFact("ledger", ProcessState.HANGS, NOW - 20)])
    )
    assert (kafka.part, kafka.severity, ledger.part, ledger.severity) == ("kafka", "red", "ledger", "yellow")


def test_a_suspended_server_is_one_problem_with_its_cure() -> None:
    """It does not answer, because it is suspended."""
    problem = only(parts=[KAFKA_AWAY], processes=[ProcessFact("kafka", ProcessState.STOPPED, pid=77)])
    assert "SIGSTOP" in problem.what
    assert problem.todo.endswith("kill -CONT 77")


def test_a_stopped_city_log_is_red_and_a_waiting_clock_too() -> None:
    """Both with the reason that stands in the file beside the log."""
    stopped = only(city_log=CityLogFact(3, stopped="the signer refuses", reason_since=NOW - 3))
    assert (stopped.severity, stopped.reason) == ("red", "log-stopped")
    assert "the signer refuses" in stopped.what
    waiting = only(city_log=CityLogFact(3, waiting="the city log waits for the clock until 12:00"))
    assert (waiting.severity, waiting.reason) == ("red", "clock")
    assert "until 12:00" in waiting.what


@pytest.mark.parametrize("kind", ["stopped", "refused", "unreadable"])
def test_a_log_that_does_not_go_on_is_red_and_told_once(kind: str) -> None:
    """What it does not seal is no second problem."""
    facts = {kind: "why", "uncovered_since": NOW - 900}
    problem = only(logs=[log(**facts)], unread={("air.reading", 0): (7, True)})
    assert (problem.severity, problem.part) == ("red", "log air.reading/0")
    assert "why" in problem.what


@pytest.mark.parametrize(("late_s", "severity"), [(LATE_S + 1, "yellow"), (VERY_LATE_S + 1, "red")])
def test_records_without_a_cosigned_block_are_named_by_their_age(late_s: float, severity: str) -> None:
    """Sealed, but no block covers them."""
    problem = only(logs=[log(uncovered_since=NOW - late_s)], city_log=CityLogFact(1))
    assert (problem.severity, problem.reason) == (severity, "not-covered")


@pytest.mark.parametrize(("very", "severity"), [(False, "yellow"), (True, "red")])
def test_kafka_ahead_of_the_ledger_is_named(very: bool, severity: str) -> None:
    """Received long ago and not sealed."""
    problem = only(unread={("air.reading", 0): (7, very)})
    assert (problem.severity, problem.reason) == (severity, "not-sealed")
    assert "7 records of air.reading/0" in problem.what


@pytest.mark.parametrize("state", [ProcessState.ENDED, ProcessState.STOPPED])
def test_a_grafana_that_does_not_run_is_never_red(state: ProcessState) -> None:
    """The city goes on without it."""
    problem = only(processes=[ProcessFact("grafana", state, NOW - 5)])
    assert problem.severity == "yellow"
    assert "goes on without it" in problem.what


@pytest.mark.parametrize(
    ("metric", "seconds", "severity", "reason"),
    [
        ("ledger_signer_down", 1, "red", "signer-down"),
        ("ledger_witness_down", 1, "yellow", "witness-down"),
        ("ledger_anchor_down", 1, "yellow", "anchor-down"),
        ("ledger_quorum_lag_seconds", 6, "yellow", "quorum"),
        ("ledger_quorum_lag_seconds", 31, "red", "quorum"),
        ("agents_topic_stopped", 1, "red", "topic-stopped"),
        ("agents_stalled_seconds", 11, "yellow", "stalled"),
        ("sink.stalled_seconds", 31, "red", "stalled"),
        ("agents_slow_seconds", 11, "yellow", "slow"),
        ("agents_slow_seconds", 301, "yellow", "slow"),
    ],
)
def test_what_a_process_reports_is_shown(metric: str, seconds: float, severity: str, reason: str) -> None:
    """Signer, witnesses, anchors, quorum, rules, progress."""
    problem = only(processes=reported(metric, seconds, topic="t", witness="w", anchor="a", partition="0"))
    assert (problem.severity, problem.reason, problem.since) == (severity, reason, NOW - seconds)


def test_the_rest_is_yellow() -> None:
    """Late anchors, open transactions, slow counts, an engine that is not confined; a missing table is red."""
    held = "topic t partition 0: up to 3 records held back by an open transaction: its producer must commit"
    assert only(held_back=[held]).what.endswith("by an open transaction")
    assert only(anchors=["anchor file: late"]).severity == "yellow"
    assert only(slow={"clickhouse": NOW - 4}).since == NOW - 4
    assert only(confinement=Confinement(confined=False, why_not="no Landlock")).reason == "not-confined"
    assert (only(overruns=2).severity, only(overruns=2).reason) == ("red", "overrun")
    stray = only(
        strays=["/d/a-0.0-stray: Kafka set it aside; its records are there: stop the city, rename it"]
    )
    assert (stray.severity, stray.reason, stray.todo) == ("red", "set-aside", "stop the city, rename it")
    assert stray.what == "/d/a-0.0-stray: Kafka set it aside; its records are there"
    assert only(missing_tables=["city.a", "city.b"]).what == "table city.a and 1 more is not there"


def test_red_comes_first() -> None:
    """Whatever part it is of."""
    found = problems(Facts(NOW, slow={"kafka": None}, city_log=CityLogFact(1, stopped="why")))
    assert [problem.severity.value for problem in found] == ["red", "yellow"]
