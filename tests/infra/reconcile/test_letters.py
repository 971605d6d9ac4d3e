"""Dead letters at the end of a run: counted in its last line, exact where a number was expected, else exit code 3."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from infra.reconcile import drain
from infra.reconcile.count import TopicCount
from infra.reconcile.letters import stayed_empty, unexpected
from infra.stack import up
from infra.stack.up import LETTERS_CODE, UpOptions, finish, show_report
from schemas.catalog import load_catalog

if TYPE_CHECKING:
    from pathlib import Path

CATALOG = load_catalog()


@pytest.mark.parametrize(
    ("letters", "open_", "expected", "problem"),
    [
        ({}, {}, None, ""),
        ({"read": 7}, {"read": 7}, None, ""),
        ({"agent": 900}, {"agent": 900}, None, "900 dead letters that no reader made (agent 900)"),
        ({"decode": 2, "read": 1}, {"decode": 2}, None, "2 dead letters that no reader made (decode 2)"),
        ({"agent": 3}, {}, None, ""),
        ({"agent": 3}, {}, 3, ""),
        ({"agent": 3}, {}, 2, "expected 2 dead letters, got 3"),
        ({"read": 1}, {"read": 1}, 0, "expected 0 dead letters, got 1"),
        ({}, {}, 1, "expected 1 dead letters, got 0"),
    ],
)
def test_what_was_not_expected(
    letters: dict[str, int], open_: dict[str, int], expected: int | None, problem: str
) -> None:
    """Those of readers are part of a recording's own equation; a number that was named is exact."""
    assert unexpected(letters, open_, expected) == problem


def test_derived_topics_that_stayed_empty_are_named() -> None:
    """Only those whose rule had records to read."""
    counts = {name: TopicCount() for name in CATALOG.topics}
    assert stayed_empty(CATALOG, counts) == []
    counts["air-quality.reading"] = TopicCount(records=5)
    empty = stayed_empty(CATALOG, counts)
    assert "air-quality.index" in empty
    assert not any(name.startswith("vehicle.") for name in empty)
    counts["air-quality.index"] = TopicCount(records=5)
    assert "air-quality.index" not in stayed_empty(CATALOG, counts)


def document(by_stage: dict[str, int], problem: str, verdict: str = "pass") -> dict[str, Any]:
    """Make a report with nothing else in it."""
    return {
        "inputs": {},
        "topics": {},
        "explained": [],
        "audit": {"verdict": verdict, "problems": []},
        "stayed_empty": ["air-quality.index"],
        "dead_letters": {"by_stage": by_stage, "open": by_stage, "problem": problem},
        "latency_ms": {"to_row": {"p50": None}, "to_seal": {"p50": 3.0}},
        "seconds": 1.0,
        "events_per_second": 5.0,
        "city_log": {"size": 2},
    }


@dataclass
class Screen:
    """Keeps what is said."""

    lines: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Keep a line."""
        self.lines.append(line)


def test_the_last_line_counts_them_and_empty_topics_are_named() -> None:
    """PASS is never the only word about 900 dead letters."""
    screen: Any = Screen()
    show_report(screen, document({"agent": 900}, "900 dead letters that no reader made (agent 900)"))
    *_, empty, look, last = screen.lines
    assert "stayed empty: air-quality.index" in empty
    assert "LOOK AT 900 dead letters" in look
    assert last.startswith("PASS after")
    assert "900 dead letters (agent 900)" in last
    show_report(screen, document({}, ""))
    assert "no dead letters" in screen.lines[-1]


@pytest.mark.parametrize(
    ("verdict", "problem", "code"),
    [("pass", "", 0), ("pass", "expected 0 dead letters, got 1", LETTERS_CODE), ("fail", "expected 0", 1)],
)
def test_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verdict: str, problem: str, code: int
) -> None:
    """3 where only dead letters are not as expected; a failed audit stays 1."""
    assert LETTERS_CODE == 3
    for name in ("wait_drained", "wait_released", "wait_sealed"):
        monkeypatch.setattr(drain, name, lambda *_, **__: None)
    monkeypatch.setattr(drain, "POLL_S", 0.0)
    monkeypatch.setattr(up, "LagMeter", lambda *_: SimpleNamespace(held_back=dict))
    monkeypatch.setattr(up, "describe_held_back", lambda _: [])
    monkeypatch.setattr(up, "pause_file", lambda _: tmp_path / "paused")
    monkeypatch.setattr(up, "counted", lambda *_: document({}, problem, verdict))
    monkeypatch.setattr(up, "audit_event", lambda *_: None)
    settings = SimpleNamespace(kafka_address="", data=tmp_path)
    run: Any = SimpleNamespace(
        settings=settings,
        catalog=CATALOG,
        screen=Screen(),
        check=None,
        started=0.0,
        options=UpOptions(once=True),
    )
    assert finish(run) == code
