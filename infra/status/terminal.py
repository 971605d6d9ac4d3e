"""The terminal views of `city up` and `city status`: a table in place, or plain lines without a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from infra.status.reader import Status, age_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

PLAIN_EVERY_S = 10.0
"""Without a terminal: seconds between two lines."""


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def table(status: Status) -> Table:
    """Return the topics of a status as a table."""
    simulated = any(t.simulated for t in status.topics)
    title = f"{status.city}{'   (* simulated: replayed from recordings)' if simulated else ''}"
    view = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    view.add_column("topic", no_wrap=True)
    for heading in ("records", "events", "rows", "dead", "sealed", "lag", "age"):
        view.add_column(heading, justify="right", no_wrap=True)
    for t in status.topics:
        style = "dim" if not t.records else ("yellow" if t.lag else "")
        view.add_row(
            t.topic + (" *" if t.simulated else ""),
            _number(t.records),
            _number(t.events),
            _number(t.rows),
            str(t.dead_letters or ""),
            _number(t.sealed),
            _number(t.lag),
            age_in_words(t.age_s),
            style=style,
        )
    return view


def checkpoint_lines(status: Status) -> list[str]:
    """Return the newest city checkpoint, its block and the anchors, one line each."""
    if not status.checkpoint:
        return ["no city checkpoint yet"]
    lines = status.checkpoint.splitlines()
    signers = [line.split(" ")[1] for line in lines if line.startswith("— ")]
    return [
        (
            f"checkpoint  {lines[0]}  size {lines[1]}  root {lines[2]}  "
            f"({age_in_words(status.checkpoint_age_s)} old)"
        ),
        f"block       {status.blocks - 1}  signed by {', '.join(signers)}",
        f"anchors     {anchor_words(status)}",
    ]


def anchor_words(status: Status) -> str:
    """Return, for each anchor, how long ago the city log outgrew its newest receipt."""
    words = {
        name: "no receipt yet" if age is None else f"{age_in_words(age)} behind"
        for name, age in status.anchors.items()
    }
    return ", ".join(f"{name} {behind}" for name, behind in words.items()) or "none"


def view(status: Status, message: str, links: Mapping[str, str]) -> Group:
    """Return the whole screen: table, checkpoint, notes, links and message."""
    parts: list[Table | Text] = [table(status), Text("")]
    parts += [Text(line) for line in checkpoint_lines(status)]
    parts += [Text(note, style="red") for note in status.notes]
    parts.append(Text(""))
    parts += [Text(f"{name:<11} {address}", style="cyan") for name, address in links.items()]
    parts.append(Text(message, style="bold"))
    return Group(*parts)


class Screen:
    """Shows a status: redrawn in place on a terminal, else one line every PLAIN_EVERY_S."""

    def __init__(self, links: Mapping[str, str], console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._links = links
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._last_line = float("-inf")

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
        """Show a status with a message."""
        if self._live:
            self._live.update(view(status, message, self._links), refresh=True)
        elif time.monotonic() - self._last_line >= PLAIN_EVERY_S:
            self._last_line = time.monotonic()
            records = sum(t.records or 0 for t in status.topics)
            rows = sum(t.rows or 0 for t in status.topics)
            sealed = sum(t.sealed or 0 for t in status.topics)
            self.say(
                f"{message}: {records:,} records, {rows:,} rows, {sealed:,} sealed, "
                f"{status.blocks} blocks, lag {sum(status.lags.values()):,}"
            )
            for note in status.notes:
                self.say(note)
