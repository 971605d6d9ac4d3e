"""The terminal views of `city up` and `city status`: in place, problems first; or plain lines without a terminal.

A view that must fit a terminal has problems, addresses and totals first, then as many topics as there are rows left.
Without a size it is complete.
"""

from __future__ import annotations

import textwrap
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from infra.status.model import COUNTED_LETTERS, Severity, age_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from infra.status.model import Problem, Status, TopicStatus

PLAIN_EVERY_S = 10.0
"""Without a terminal: seconds between two lines."""
WIDE_COLUMNS = 90
"""From this width on, the table has a column for events."""
TALL_ROWS = 36
"""From this height on, all addresses and the whole checkpoint are shown."""
PROBLEM_LINES = 3
"""Most lines of one problem where the view must fit."""
STYLES = {Severity.RED: "bold red", Severity.YELLOW: "yellow"}
UNKNOWN = "?"
ALL = "city status --all"


class Size(NamedTuple):
    """A terminal's size in characters."""

    columns: int
    rows: int


def number(value: int | None) -> str:
    """Return a count with separators; a question mark if it is unknown."""
    return UNKNOWN if value is None else f"{value:,}"


def clock(seconds: float) -> str:
    """Return a time of day in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}"


def problem_line(problem: Problem, now: float) -> str:
    """Return a problem in one line: what, since when, what to do."""
    since = "" if problem.since is None else f", since {_since(problem.since, now)}"
    return f"{problem.severity.upper()}  {problem.what}{since}: {problem.todo}"


def _since(since: float, now: float) -> str:
    return f"{datetime.fromtimestamp(since, UTC):%Y-%m-%d %H:%M:%S} UTC ({age_in_words(now - since)})"


def heading(status: Status) -> Text:
    """Return the first line: city, time of the snapshot, verdict."""
    red = len(status.red)
    yellow = len(status.problems) - red
    counted = [f"{count} {name}" for count, name in ((red, "red"), (yellow, "yellow")) if count]
    verdict = f"problems: {', '.join(counted)}" if counted else "all parts well"
    style = "bold red" if red else "bold yellow" if yellow else "bold green"
    at = datetime.fromtimestamp(status.time, UTC)
    return Text.assemble(
        (status.city, "bold"), f"   {at:%Y-%m-%d %H:%M:%S} UTC   ", (verdict, style), no_wrap=True
    )


@dataclass(frozen=True)
class Totals:
    """Sums over all topics; None where one of them is unknown."""

    records: int | None
    rows: int | None
    sealed: int | None
    to_seal: int | None
    """Records of the topics that are sealed."""
    lag: int | None
    dead_open: int | None
    dead_settled: int | None


def totals(status: Status) -> Totals:
    """Return the sums over all topics; what is not sealed by declaration counts nothing there."""
    reporting, letters = status.reporting.get, status.dead_letters
    topics = status.topics
    sealed_known = reporting("ledger") and not any(p.reason == "unreadable" for p in status.problems)
    return Totals(
        sum(t.records or 0 for t in topics) if reporting("kafka") else None,
        sum(t.rows or 0 for t in topics) if reporting("clickhouse") else None,
        sum(t.sealed or 0 for t in topics) if sealed_known else None,
        sum(t.records or 0 for t in topics if t.sealed is not None) if reporting("kafka") else None,
        None if status.lags is None else sum(status.lags.values()),
        None if letters is None else sum(is_open for is_open, _ in letters.values()),
        None if letters is None else sum(settled for _, settled in letters.values()),
    )


def totals_line(status: Status) -> str:
    """Return the sums in one line."""
    t = totals(status)
    letters = f"dead letters {number(t.dead_open)} open"
    letters += f", {number(t.dead_settled)} settled" if t.dead_settled else ""
    return (
        f"records {number(t.records)}, rows {number(t.rows)}, sealed {number(t.sealed)} of {number(t.to_seal)}, "
        f"lag {number(t.lag)}, {letters}"
    )


def table(status: Status, topics: Sequence[TopicStatus], columns: int) -> Table:
    """Return topics as a table, one line each."""
    view = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    view.add_column("topic", no_wrap=True, overflow="ellipsis")
    wide = columns >= WIDE_COLUMNS
    for title in ("records", *(("events",) if wide else ()), "rows", "dead", "sealed", "lag", "age"):
        view.add_column(title, justify="right", no_wrap=True)
    for t in topics:
        held = f"+{t.held_back:,}" if t.held_back else ""
        sealed = "–" if t.sealed is None and status.reporting.get("ledger") else number(t.sealed)
        cells = [
            t.topic + (" *" if t.simulated else ""),
            number(t.records) + held,
            *((number(t.events),) if wide else ()),
            number(t.rows),
            dead_letters(t),
            sealed,
            number(t.lag),
            (age_in_words(t.age_s) if t.rows is not None else UNKNOWN) + ("!" if t.future else ""),
        ]
        unknown = t.records is None
        style = "yellow" if t.lag or t.held_back else "" if t.records or unknown else "dim"
        view.add_row(*cells, style=style)
    return view


def dead_letters(t: TopicStatus) -> str:
    """Return the open dead letters of a topic's domain; empty where there are none, or the topic has no such count."""
    if t.kind not in COUNTED_LETTERS:
        return ""
    return UNKNOWN if t.dead_letters is None else f"{t.dead_letters or ''}"


def legend(status: Status) -> list[str]:
    """Return what the marks in the table mean, where there are any."""
    marks = []
    if any(t.simulated for t in status.topics):
        marks.append("* simulated: replayed from recordings")
    if any(t.future for t in status.topics):
        count = sum(t.future for t in status.topics)
        marks.append(f"! {count:,} events lie in the future; the age leaves them out")
    if any(t.held_back for t in status.topics):
        marks.append("+n held back by an open transaction")
    if not all(status.reporting.values()):
        marks.append("? unknown")
    return [";  ".join(marks)] if marks else []


def checkpoint_lines(status: Status) -> list[str]:
    """Return the newest city checkpoint, its block and the anchors, one line each."""
    if status.blocks is None:
        return ["city log    unknown: its checkpoint cannot be read"]
    if not status.checkpoint:
        return ["city log    no city checkpoint yet"]
    lines = status.checkpoint.splitlines()
    age = age_in_words(status.checkpoint_age_s)
    return [
        f"checkpoint  {lines[0]}  size {lines[1]}  root {lines[2]}  ({age} old)",
        f"block       {status.blocks - 1}  signed by {', '.join(_signers(lines))}",
        f"anchors     {anchor_words(status)}",
    ]


def _signers(lines: Sequence[str]) -> list[str]:
    return [line.split(" ")[1] for line in lines if line.startswith("— ")]


def city_log_line(status: Status) -> str:
    """Return the same in one line."""
    if status.blocks is None or not status.checkpoint:
        return checkpoint_lines(status)[0]
    age = age_in_words(status.checkpoint_age_s)
    return (
        f"city log    {status.blocks:,} blocks, newest checkpoint {age} old; anchors: {anchor_words(status)}"
    )


def anchor_words(status: Status) -> str:
    """Return, for each anchor, how long ago the city log outgrew its newest receipt."""
    words = {
        name: "no receipt yet" if age is None else f"{age_in_words(age)} behind"
        for name, age in status.anchors.items()
    }
    return ", ".join(f"{name} {behind}" for name, behind in words.items()) or "none"


def view(status: Status, message: str, links: Mapping[str, str], size: Size | None = None) -> Group:
    """Return the whole view.

    Args:
        status: The snapshot.
        message: Last line; empty for none.
        links: Name → address.
        size: What it must fit; None: it is complete.
    """
    tall = size is None or size.rows >= TALL_ROWS
    columns = 200 if size is None else size.columns
    head = [heading(status), *_problems(status, size)]
    shown = links if tall else dict(list(links.items())[:1])
    head += [_line(f"{name:<11} {address}", "cyan") for name, address in shown.items()]
    head.append(_line(f"{'totals':<11} {totals_line(status)}", "bold"))
    foot = [_line(text, "dim") for text in legend(status)]
    foot += [_line(text) for text in (checkpoint_lines(status) if tall else [city_log_line(status)])]
    foot += [_line(message, "bold")] if message else []
    if size is None:
        return Group(*head, table(status, status.topics, columns), *foot)
    room = max(0, size.rows - len(head) - len(foot) - 1)  # the table's own heading
    topics = list(status.topics)
    if len(topics) > room:
        topics = _most_important(topics)[: max(0, room - 1)]
        left = len(status.topics) - len(topics)
        foot.insert(0, _line(f"… and {left} topics more: {ALL}", "dim"))
    return Group(*head, *([table(status, topics, columns)] if topics else []), *foot)


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _problems(status: Status, size: Size | None) -> list[Text]:
    if size is None:
        return [Text(problem_line(p, status.time), style=STYLES[p.severity]) for p in status.problems]
    most = max(PROBLEM_LINES, size.rows // 2)
    lines: list[Text] = []
    for shown, problem in enumerate(status.problems):
        wrapped = list(_wrapped(problem, status.time, size.columns))
        left = len(status.problems) - shown
        if len(lines) + len(wrapped) + (1 if left > 1 else 0) > most:
            return [*lines, _line(f"… and {left} problems more: {ALL}", "bold red")]
        lines += [Text(line, style=STYLES[problem.severity], no_wrap=True) for line in wrapped]
    return lines


def _wrapped(problem: Problem, now: float, columns: int) -> Iterator[str]:
    """Yield the lines of a problem; one that is too long is cut, and its last line says what to do."""
    lines = textwrap.wrap(problem_line(problem, now), columns, subsequent_indent="     ")
    if len(lines) > PROBLEM_LINES:
        lines = textwrap.wrap(
            f"{problem.severity.upper()}  {problem.what}", columns, subsequent_indent="     "
        )
        lines = [*lines[: PROBLEM_LINES - 1]]
        lines[-1] = f"{lines[-1][: columns - 1]}…"
        lines.append(f"     {problem.todo}"[:columns])
    yield from lines


def _most_important(topics: Sequence[TopicStatus]) -> list[TopicStatus]:
    """Return topics with lag, held-back records or open dead letters first, then the largest."""
    return sorted(
        topics,
        key=lambda t: (not (t.lag or t.held_back), not t.dead_letters, -(t.records or 0), t.topic),
    )


def size_of(console: Console) -> Size:
    """Return the size that a view may take: a row less than the terminal, for the prompt."""
    return Size(console.width, max(6, console.height - 1))


class Screen:
    """Shows a status: redrawn in place on a terminal, else one line every PLAIN_EVERY_S."""

    def __init__(self, links: Mapping[str, str], console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._links = links
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._last_line = float("-inf")
        self._last_problems: set[tuple[str, str]] = set()

    @property
    def console(self) -> Console:
        """Return the console, for output beside the status while the stack starts."""
        return self._console

    def __enter__(self) -> Self:
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.__exit__(kind, error, trace)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, markup=False, soft_wrap=True)

    def show(self, status: Status, message: str) -> None:
        """Show a status with a message. Without a terminal a new problem is printed at once."""
        if self._live:
            self._live.update(view(status, message, self._links, size_of(self._console)), refresh=True)
            return
        found = {(problem.part, problem.reason) for problem in status.problems}
        due = time.monotonic() - self._last_line >= PLAIN_EVERY_S
        if not due and found <= self._last_problems:
            return
        self._last_line, self._last_problems = time.monotonic(), found
        blocks = "? blocks" if status.blocks is None else f"{status.blocks:,} blocks"
        self.say(f"{message}: {totals_line(status)}, {blocks}")
        for problem in status.problems:
            self.say(problem_line(problem, status.time))
