"""The health of a stack: facts of one snapshot → problems. Pure (docs/operating.md#problems).

Every view shows these problems and no others: `city status` and its exit code, the status page, `/status.json`,
`/metrics`, and the screen of `city up`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.running import TITLES
from infra.status.model import OPTIONAL, Problem, ProcessState, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from infra.process.report import Condition
    from infra.status.model import CityLogFact, Confinement, LogFact, Part, ProcessFact

LATE_S = 10.0
"""Seconds after which a record that no cosigned block covers, or a group without progress, is a yellow problem."""
VERY_LATE_S = 30.0
"""Seconds after which it is red."""

RED, YELLOW = Severity.RED, Severity.YELLOW


@dataclass
class Facts:
    """What one snapshot found."""

    time: float
    """POSIX seconds."""
    parts: Sequence[Part] = ()
    slow: Mapping[str, float | None] = field(default_factory=dict)
    """Stores that answer but whose counts did not come in time → POSIX seconds of the counts shown; None: none are."""
    processes: Sequence[ProcessFact] = ()
    logs: Sequence[LogFact] = ()
    city_log: CityLogFact | None = None
    ledger_unreadable: str = ""
    ledger_damaged: Sequence[str] = ()
    """Files that say whose signatures count and are not as they must be, one line each."""
    unread: Mapping[tuple[str, int], tuple[int, bool]] = field(default_factory=dict)
    """By topic and partition: records that were received more than LATE_S ago and that the ledger has not appended,
    at most; and whether some of them are older than VERY_LATE_S."""
    anchors: Sequence[str] = ()
    """What is wrong with an anchor, one sentence each."""
    held_back: Sequence[str] = ()
    """One sentence for each partition in which an open transaction holds records back."""
    confinement: Confinement | None = None
    overruns: int = 0
    """Statements of boards that run beyond their limit and that the engine cannot stop."""
    missing_tables: Sequence[str] = ()
    strays: Sequence[str] = ()
    """One line for each partition that Kafka has set aside: what, and what to do."""
    disk: str = ""
    """That the disk is almost full, and what to do; empty: it is not."""


def problems(facts: Facts) -> list[Problem]:
    """Return the problems, red ones first, in the order in which one thing causes another."""
    found = [
        *_parts(facts),
        *_processes(facts),
        *_slow(facts),
        *_city_log(facts),
        *_logs(facts),
        *_late(facts),
        *_conditions(facts),
        *_rest(facts),
    ]
    return sorted(found, key=lambda problem: problem.severity is not RED)


def _silent(facts: Facts) -> set[str]:
    return {part.name for part in facts.parts if part.problem}


def _parts(facts: Facts) -> Iterator[Problem]:
    states = {process.name: process for process in facts.processes}
    for part in facts.parts:
        if not part.problem:
            continue
        title = TITLES.get(part.name, f"the {part.name}")
        counts = "; its counts are unknown" if part.name in {"kafka", "clickhouse"} else ""
        why, todo = part.problem, f"see logs/{part.name}.log; Ctrl-C and `city up` start all again"
        process = states.get(part.name)
        if process is not None and process.state in _STATES:
            why, todo = _STATES[process.state][1], _todo(process)
        what = f"{title} does not answer at {part.address} ({why}){counts}"
        yield Problem(RED, part.name, "no-answer", what, todo, part.since)


def _todo(process: ProcessFact) -> str:
    return _STATES[process.state][2] + (f" {process.pid}" if process.pid else "")


_STATES: Mapping[ProcessState, tuple[Severity, str, str]] = {
    ProcessState.STOPPED: (RED, "is suspended by a signal (SIGSTOP)", "continue it: kill -CONT"),
    ProcessState.HANGS: (RED, "hangs: its main loop stands still", "see its log; end it, then `city up`"),
    ProcessState.SILENT: (RED, "does not report", "see its log; end it, then `city up`"),
    ProcessState.ENDED: (RED, "has ended", "see its log; then `city up`: nothing is lost"),
    ProcessState.MISSING: (YELLOW, "is not started yet", "wait until `city up` is ready"),
}


def _processes(facts: Facts) -> Iterator[Problem]:
    silent = _silent(facts)
    kafka_away = "kafka" in silent
    for process in facts.processes:
        if process.state not in _STATES or process.name in silent:
            continue
        severity, what, _ = _STATES[process.state]
        todo = _todo(process)
        if process.name in OPTIONAL:
            severity, what = YELLOW, f"{what}; the city goes on without it"
        if process.state is ProcessState.HANGS and kafka_away:
            severity, what, todo = YELLOW, "waits for Kafka", "bring Kafka back"
        name = "`city up`" if process.name == "parent" else process.name
        yield Problem(severity, process.name, process.state.value, f"{name} {what}", todo, process.since)


def _slow(facts: Facts) -> Iterator[Problem]:
    for store, since in facts.slow.items():
        shown = "its counts are unknown" if since is None else "its counts shown here are older"
        yield Problem(
            YELLOW,
            store,
            "slow-counts",
            f"{TITLES[store]} answers, but counting takes long: {shown}",
            "look again; if it stays, see its log",
            since,
        )


def _city_log(facts: Facts) -> Iterator[Problem]:
    if facts.ledger_unreadable:
        yield Problem(
            RED, "ledger", "unreadable", facts.ledger_unreadable, "restore the files; run `city audit`"
        )
    for what in facts.ledger_damaged:
        yield Problem(RED, "ledger", "damaged", what, "restore the file; run `city audit`")
    log = facts.city_log
    if log is None:
        return
    if log.stopped:
        yield Problem(
            RED,
            "city log",
            "log-stopped",
            f"the city log has stopped, no block is made: {log.stopped}",
            "act on the reason, then `city up` again; sealing goes on meanwhile",
            log.reason_since,
        )
    if log.waiting:
        yield Problem(RED, "city log", "clock", log.waiting, "check the machine's clock", log.reason_since)
    if log.unreadable:
        yield Problem(RED, "city log", "unreadable", log.unreadable, "restore the file; run `city audit`")


def _logs(facts: Facts) -> Iterator[Problem]:
    for log in facts.logs:
        name = f"{log.topic}/{log.partition}"
        if log.stopped:
            yield Problem(
                RED, f"log {name}", "log-stopped", f"log {name} has stopped, its records are not sealed: {log.stopped}",
                "act on the reason, then `city up` again", log.reason_since,
            )  # fmt: skip
        if log.refused:
            yield Problem(
                RED, f"log {name}", "log-refused", f"the city log refuses log {name}: {log.refused}",
                "run `city audit`; act on the reason, then `city up` again", log.reason_since,
            )  # fmt: skip
        if log.unreadable:
            yield Problem(
                RED,
                f"log {name}",
                "unreadable",
                log.unreadable,
                "restore the file; run `city audit`",
            )


def _late(facts: Facts) -> Iterator[Problem]:
    """Yield what Kafka has and no cosigned block covers, unless a reason is named already."""
    named = {(log.topic, log.partition) for log in facts.logs if log.stopped or log.refused or log.unreadable}
    unread = {key: found for key, found in facts.unread.items() if key not in named}
    if unread:
        count = sum(records for records, _ in unread.values())
        very = any(red for _, red in unread.values())
        limit = VERY_LATE_S if very else LATE_S
        yield Problem(
            RED if very else YELLOW,
            "ledger",
            "not-sealed",
            f"Kafka is ahead of the ledger: up to {count:,} records of {_some(unread)} were received more than "
            f"{limit:.0f} s ago and are not sealed",
            "see logs/ledger.log; under heavy load it catches up",
        )
    city = facts.city_log
    if city is not None and (city.stopped or city.waiting):
        return
    late = {
        (log.topic, log.partition): log.uncovered_since
        for log in facts.logs
        if log.uncovered_since is not None and (log.topic, log.partition) not in named
        if facts.time - log.uncovered_since > LATE_S
    }
    if late:
        since = min(late.values())
        yield Problem(
            RED if facts.time - since > VERY_LATE_S else YELLOW,
            "city log",
            "not-covered",
            f"no cosigned city checkpoint covers the newest records of {_some(late)}",
            "see logs/ledger.log, and whether signer and witnesses answer",
            since,
        )


def _some(keys: Mapping[tuple[str, int], object]) -> str:
    names = [f"{topic}/{partition}" for topic, partition in sorted(keys)]
    rest = len(names) - 2
    return ", ".join(names[:2]) + (f" and {rest} more" if rest > 0 else "")


def _conditions(facts: Facts) -> Iterator[Problem]:
    silent = _silent(facts)
    for process in facts.processes:
        for each in process.conditions:
            if problem := _condition(process.name, each, silent, facts.time):
                yield problem


def _condition(process: str, each: Condition, silent: set[str], now: float) -> Problem | None:
    label = each.labels.get
    lasts_s = now - each.since
    match each.metric:
        case "ledger_signer_down" if "signer" not in silent:
            what, reason = "the signer does not sign", "signer-down"
            todo, part, severity = "see logs/signer.log", "signer", RED
        case "ledger_witness_down" if "witness" not in silent:
            what, reason = f"witness {label('witness')} does not cosign", "witness-down"
            todo, part, severity = "see logs/ledger.log; the quorum decides", "witness", YELLOW
        case "ledger_quorum_lag_seconds":
            what, reason = "no quorum of witnesses has cosigned the newest block", "quorum"
            todo, part = "see whether the witnesses answer", "city log"
            severity = RED if lasts_s > VERY_LATE_S else YELLOW
        case "ledger_anchor_down":
            what, reason = f"anchor {label('anchor')} does not answer as it should", "anchor-down"
            todo, part, severity = "see logs/ledger.log", f"anchor {label('anchor')}", YELLOW
        case "ledger_file_changed":
            what, reason = f"ledger/{label('file')} is not as it was when it was full", "changed"
            todo, part, severity = "see logs/ledger.log; put the file back from a backup", "ledger", RED
        case "agents_topic_stopped":
            what, reason = f"a rule refused too much: topic {label('topic')} is not read", "topic-stopped"
            todo = f"see logs/{process}.log; mend the rule, then `city up` again"
            part, severity = process, RED
        case "agents_stalled_seconds" | "sink.stalled_seconds" if lasts_s > LATE_S and "kafka" not in silent:
            where = f" of {label('topic')}/{label('partition')}" if label("topic") else ""
            what, reason = f"{process} has records to read{where} and commits nothing", "stalled"
            todo, part = f"see logs/{process}.log", process
            severity = RED if lasts_s > VERY_LATE_S else YELLOW
        case "agents_slow_seconds" if lasts_s > LATE_S and "kafka" not in silent:
            where = f"{label('topic')}/{label('partition')}"
            what, reason = f"{process} works on records of {where} and has committed none", "slow"
            todo, part, severity = f"wait; if it lasts, see logs/{process}.log", process, YELLOW
        case _:
            return None  # a stopped log and a waiting clock are known from the ledger's files
    return Problem(severity, part, reason, what, todo, each.since)


def _rest(facts: Facts) -> Iterator[Problem]:
    if facts.disk:
        what, _, todo = facts.disk.partition("; ")
        yield Problem(RED, "disk", "almost-full", what, todo)
    for what in facts.anchors:
        yield Problem(YELLOW, "anchors", "anchor-late", what, "see logs/ledger.log")
    for what in facts.held_back:
        line, _, todo = what.rpartition(": ")
        yield Problem(YELLOW, "kafka", "held-back", line, todo)
    for what in facts.strays:
        line, _, todo = what.rpartition("there: ")
        yield Problem(RED, "kafka", "set-aside", f"{line}there", todo)
    if facts.missing_tables:
        first, rest = facts.missing_tables[0], len(facts.missing_tables) - 1
        what = f"table {first}{f' and {rest} more' if rest else ''} is not there"
        yield Problem(RED, "clickhouse", "no-table", what, "`city up` makes missing tables")
    if facts.overruns:
        many = (
            "a statement of a board runs"
            if facts.overruns == 1
            else f"{facts.overruns} statements of boards run"
        )
        yield Problem(
            RED,
            "clickhouse",
            "overrun",
            f"{many} beyond the limit, and the engine cannot stop what it has begun: cores, memory and turns are taken",
            "change the password of `board`; Ctrl-C and `city up` start all again, nothing is lost",
        )
    if facts.confinement is not None and not facts.confinement.confined:
        yield Problem(
            YELLOW,
            "clickhouse",
            "not-confined",
            f"the engine that runs SQL is not confined by the operating system: {facts.confinement.why_not}",
            "let only trusted people send SQL; see SECURITY.md",
        )
