"""Terminal, page and metrics show one snapshot: problems first, unknown never as 0, and it fits the terminal."""

from __future__ import annotations

import re
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from infra.status.model import Problem, Severity, Status, TopicStatus
from infra.status.terminal import Screen, Size, view
from infra.web.metrics import render as metrics
from infra.web.page import render as page

NOW = 1_800_000_000.0
LINKS = {"status": "http://127.0.0.1:18080", "logs": "/tmp/x/logs", "Kafka": "127.0.0.1:19092"}  # noqa: S108
RED = Problem(Severity.RED, "city log", "log-stopped", "the city log has stopped: why", "act on it", NOW - 3)
YELLOW = Problem(Severity.YELLOW, "anchors", "anchor-late", "anchor file is late", "see its log")
CHECKPOINT = "city.example/city/1\n9\nAAAA\n\n— city.example/city/1 x\n— witness.city.example y\n"


def status(**changes: Any) -> Status:
    """A stack of 41 topics with known counts."""
    topics = [
        TopicStatus(f"domain-{n}.topic-of-some-length", f"domain-{n}", "raw", 1000 + n, 1000 + n, 1000 + n)
        for n in range(41)
    ]
    for topic in topics:
        topic.dead_letters, topic.sealed, topic.lag = 0, 900, 0
    known = {"ledger": True, "clickhouse": True, "kafka": True}
    made = Status("city.example", NOW, topics, lags={"agents": 0}, checkpoint=CHECKPOINT, blocks=9)
    made.checkpoint_age_s, made.dead_letters, made.reporting = 1.0, {"domain-3": (2, 1)}, known
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def silent() -> Status:
    """A stack of which nothing is known."""
    made = status(lags=None, blocks=None, checkpoint="", checkpoint_age_s=None, dead_letters=None)
    made.topics = [TopicStatus(t.topic, t.domain, t.kind) for t in made.topics]
    made.reporting = dict.fromkeys(made.reporting, False)
    return made


def drawn(shown: Status, size: Size | None) -> list[str]:
    """Return the lines of a view."""
    columns = size.columns if size else 200
    console = Console(
        width=columns, height=size.rows + 1 if size else 100, force_terminal=True, highlight=False
    )
    with console.capture() as captured:
        console.print(view(shown, "replaying", LINKS, size), soft_wrap=size is None)
    return re.sub(r"\x1b\[[0-9;]*m", "", captured.get()).splitlines()


@pytest.mark.parametrize("size", [Size(80, 23), Size(120, 39), Size(80, 10), Size(60, 12)])
@pytest.mark.parametrize("problems", [0, 2, 30])
def test_a_view_fits_the_terminal(size: Size, problems: int) -> None:
    """Problems, address and totals are first; what has no room is counted, never an ellipsis alone."""
    lines = drawn(status(problems=[RED, YELLOW] * (problems // 2)), size)
    assert len(lines) <= size.rows
    assert all(len(line) <= size.columns for line in lines)
    text = "\n".join(lines)
    assert "records 41,820" in text
    assert "http://127.0.0.1:18080" in text
    assert not any(line.strip() == "..." for line in lines)
    assert re.search(r"… and \d+ topics more: city status --all", text)
    if problems:
        assert lines[1].startswith("RED  the city log has stopped")
    else:
        assert "all parts well" in lines[0]


def test_a_large_terminal_and_plain_output_show_every_topic() -> None:
    """Nothing is left out where there is room."""
    for size in (Size(120, 70), None):
        text = "\n".join(drawn(status(problems=[RED]), size))
        assert text.count("topic-of-some-length") == 41
        assert "more" not in text
        assert "act on it" in text


def test_the_busiest_topics_are_shown_where_there_is_little_room() -> None:
    """Lag first, then open dead letters, then size."""
    shown = status()
    shown.topics[5].lag, shown.topics[3].dead_letters = 7, 2
    rows = [line.split()[0] for line in drawn(shown, Size(80, 23)) if line.startswith("domain-")]
    assert rows[:3] == [f"domain-{n}.topic-of-some-length" for n in (5, 3, 40)]


def test_unknown_is_a_question_mark_in_the_terminal_and_on_the_page() -> None:
    """No count of a silent part is 0."""
    lines = drawn(silent(), None)
    (totals,) = [line for line in lines if line.startswith("totals")]
    assert (
        totals.removeprefix("totals").strip()
        == "records ?, rows ?, sealed ? of ?, lag ?, dead letters ? open"
    )
    rows = [line for line in lines if line.startswith("domain-")]
    assert all("0" not in line.split()[1:] for line in rows)
    assert "<td>0</td>" not in page(silent(), {})
    assert "unknown" in "\n".join(lines)


def test_the_page_has_the_problems_before_the_table() -> None:
    """Red on top, and in the title of the window."""
    html = page(status(problems=[RED, YELLOW]), {})
    assert html.index("<div class=red>RED  the city log has stopped") < html.index("<table>")
    assert "<title>(1) city.example</title>" in html
    assert "all parts well" in page(status(), {})


def samples(shown: Status) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return the samples of `/metrics` as Prometheus parses them."""
    families = text_string_to_metric_families(metrics(shown).decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_metrics_hold_each_problem_and_no_unknown_count() -> None:
    """A store that does not report has no samples, and a gauge that says so."""
    found = samples(status(problems=[RED, YELLOW]))
    assert found["city_parts_ill", ()] == 1
    labels = (("part", "city log"), ("reason", "log-stopped"), ("severity", "red"))
    assert found["city_problems", labels] == 1
    assert found["city_topic_records", (("topic", "domain-1.topic-of-some-length"),)] == 1001
    unknown = samples(silent())
    names = {name for name, _ in unknown}
    assert not any(name.startswith(("city_topic", "city_group", "city_ledger")) for name in names), names
    assert [unknown["city_not_reporting", (("part", p),)] for p in ("kafka", "clickhouse", "ledger")] == [
        1
    ] * 3


def test_without_a_terminal_a_new_problem_is_printed_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """And not again before the next regular line."""
    screen = Screen(LINKS, Console(highlight=False, force_terminal=False))
    screen.show(status(), "replaying")
    screen.show(status(problems=[RED]), "replaying")
    screen.show(status(problems=[RED]), "replaying")
    assert capsys.readouterr().out.count("RED  the city log has stopped") == 1
