"""What a status holds: the counts of each topic and the facts that health is computed from, of one snapshot.

Unknown is `None` everywhere, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.process.report import Condition


COUNTED_LETTERS = frozenset({"raw", "dead-letter"})
"""Kinds of topics that show the dead letters of their domain."""

OPTIONAL = ("grafana",)
"""Processes that a stack may have, and that it goes on without."""


class Severity(StrEnum):
    """How bad a problem is: red needs somebody now, yellow should be looked at."""

    RED = "red"
    YELLOW = "yellow"


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be."""

    severity: Severity
    part: str
    """The part that has it: `kafka`, `clickhouse`, a process, `ledger`, `city log`, an anchor."""
    reason: str
    """Short name of the kind; stable, for alerts."""
    what: str
    """One sentence for people, without a full stop."""
    todo: str
    """What to do."""
    since: float | None = None
    """POSIX seconds; None: not known."""


@dataclass
class TopicStatus:
    """The status of one topic. Counts are cumulative per data directory; ages are in seconds."""

    topic: str
    domain: str
    kind: str
    records: int | None = None
    """Records that a read-committed consumer gets: those in the topic's logs, and what lies behind them, at most. Of a
    topic that is not sealed: its offsets up to the last stable one."""
    events: int | None = None
    rows: int | None = None
    dead_letters: int | None = None
    """Dead letters of the domain that nobody has decided about."""
    dead_letters_settled: int | None = None
    """Dead letters of the domain that were replayed or discarded."""
    sealed: int | None = None
    unsealed: int | None = None
    """Readable records that no log of the topic has appended, at most: the difference of positions, not of counts. 0
    only if there is none. None: unknown, or the topic is not sealed."""
    lag: int | None = None
    held_back: int = 0
    """Records that an open transaction holds back."""
    age_s: float | None = None
    """Age of the newest event that does not lie in the future; where all do, time since the last one came."""
    future: int = 0
    """Events whose time lies ahead of the clock."""
    simulated: bool = False


@dataclass(frozen=True)
class Part:
    """A part that is asked over the network."""

    name: str
    address: str
    problem: str | None = None
    """Why it does not answer; None: it does."""
    since: float | None = None


class ProcessState(StrEnum):
    """What a process of the stack does."""

    RUNS = "runs"
    STARTS = "starts"
    """It runs and has not reported yet."""
    STOPPED = "stopped"
    """Suspended by a signal."""
    HANGS = "hangs"
    """Its main loop stands still."""
    SILENT = "silent"
    """It does not report."""
    ENDED = "ended"
    MISSING = "missing"
    """It was never started."""


@dataclass(frozen=True)
class ProcessFact:
    """One process of the stack."""

    name: str
    state: ProcessState
    since: float | None = None
    conditions: tuple[Condition, ...] = ()
    pid: int | None = None


@dataclass(frozen=True)
class LogFact:
    """One partition log, newest epoch."""

    topic: str
    partition: int
    folder: str
    """Below the ledger directory."""
    sealed: int | None = 0
    """Record leaves below the published checkpoint; None: it cannot be read."""
    next_offset: int | None = None
    """Offset up to which the log has appended; None: there is no state yet, or it cannot be read."""
    stopped: str = ""
    refused: str = ""
    unreadable: str = ""
    reason_since: float | None = None
    """When the file with the reason was written."""
    uncovered_since: float | None = None
    """When Kafka received the oldest appended record that no cosigned block covers; None: all are covered."""
    appended: int | None = 0
    """Record leaves that the log has appended, published or not; None: unknown."""


@dataclass(frozen=True)
class CityLogFact:
    """The city log."""

    blocks: int | None = None
    """Blocks below the published checkpoint; None: unknown."""
    checkpoint: str = ""
    """Text of the newest city checkpoint; empty if there is none."""
    checkpoint_age_s: float | None = None
    stopped: str = ""
    waiting: str = ""
    unreadable: str = ""
    reason_since: float | None = None


@dataclass(frozen=True)
class Confinement:
    """Whether the engine that runs SQL of others is confined."""

    confined: bool
    by: str = ""
    why_not: str = ""


@dataclass
class Status:
    """The whole stack at one moment."""

    city: str
    time: float
    """When the snapshot was complete, POSIX seconds."""
    topics: list[TopicStatus] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lags: dict[str, int] | None = None
    """Records each consumer group has not committed yet."""
    checkpoint: str = ""
    """The text of the newest city checkpoint."""
    blocks: int | None = None
    checkpoint_age_s: float | None = None
    anchors: dict[str, float | None] = field(default_factory=dict)
    """For each anchor, seconds since the city log outgrew its newest receipt; None: it has no receipt yet."""
    dead_letters: dict[str, tuple[int, int]] | None = None
    """For each domain with any: dead letters that are open, and that are settled."""
    rows_time: float | None = None
    """When ClickHouse was counted, POSIX seconds; None: it could not be."""
    reporting: dict[str, bool] = field(default_factory=dict)
    """For each source of counts (kafka, clickhouse, ledger): whether this snapshot has its counts."""

    @property
    def red(self) -> list[Problem]:
        """Return the problems that need somebody now."""
        return [problem for problem in self.problems if problem.severity is Severity.RED]


def age_in_words(seconds: float | None) -> str:
    """Return an age as text: 3 s, 12 min, 5 h, 40 d, 6 y; a dash for None."""
    if seconds is None:
        return "–"
    for unit, size, limit in (
        ("s", 1, 120),
        ("min", 60, 7200),
        ("h", 3600, 172800),
        ("d", 86400, 86400 * 730),
    ):
        if seconds < limit:
            return f"{max(0, seconds) / size:.0f} {unit}"
    return f"{seconds / 86400 / 365.25:.0f} y"
