"""`city up`: starts the stack, replays recordings, shows the status, stops in order.

With `--once` it continues to the end (docs/counts.md#coming-to-rest): replay → agents drained → sinks drained →
metric events paused → drained again → sealed → watermarks frozen → count, audit → report → the audit's own event.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.admin.subscriber_access import where
from infra.connections import connect
from infra.errors import StackError
from infra.kafka.progress import TerminalProgress
from infra.layer_configs import subscribers
from infra.platform_events.metric_emitter import pause_file
from infra.process.disk_space import DiskWatch, no_room
from infra.process.supervisor import Supervisor
from infra.reconcile import count, drain, letters, report
from infra.reconcile.count_ledger import ledger_counts
from infra.reconcile.held_back import describe_held_back
from infra.reconcile.lag import LagMeter
from infra.recovery.key_check import require_keys
from infra.settings import remember
from infra.stack.schema_memory import check_schemas
from infra.stack.stack import Stack
from infra.stack.standstill import StandstillWatch, standstill
from infra.status.reader import StatusReader
from infra.status.refresh import RefreshSchedule
from infra.status.terminal import Screen
from ledger_sink.regular_file import read_regular_text
from schemas.names import topic_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from infra.process.supervisor import Child
    from infra.settings import Settings
    from schemas.catalog import Catalog
    from streams.replay.schedule import Speed

LETTERS_CODE = 3
"""Exit code of a run whose counts and audit hold, but that has dead letters which were not expected."""
REPLAY_RESULT = "replay.json"
CACHE_AFTER_S = 20.0
"""Seconds from ready until a stack that stays up makes the broker's ahead-of-time cache."""
CACHE_MAKER_STOP_S = 2.0


@dataclass(frozen=True)
class UpOptions:
    """The options of `city up` (docs/commands.md#city-up)."""

    recordings: tuple[Path, ...] = ()
    format: str | None = None
    speed: Speed = "live"
    shift_to_now: bool | None = None
    once: bool = False
    report: Path | None = None
    expect_dead_letters: int | None = None
    grafana: bool = True


@dataclass
class Run:
    """One run of `city up`: its parts and its state."""

    settings: Settings
    catalog: Catalog
    options: UpOptions
    supervisor: Supervisor
    screen: Screen
    links: dict[str, str]
    started: float = field(default_factory=time.monotonic)
    replay: Child | None = None
    interrupted: bool = False
    cache_maker: subprocess.Popen[bytes] | None = None
    stack: Stack | None = None

    def __post_init__(self) -> None:
        self._ledger_watch = StandstillWatch(self.settings.data / "ledger")

    def check(self) -> None:
        """Check that the run may continue.

        Raises:
            StackError: A process ended that should run, or the ledger stands still and all must come to rest.
            KeyboardInterrupt: The operator pressed Ctrl-C.
        """
        for child in self.supervisor.children:
            if child.needed and child is not self.replay and not child.alive:
                raise StackError(
                    child.exit_message() if self.stack is None else self.stack.exit_message(child)
                )
        if self.interrupted:
            raise KeyboardInterrupt
        if self.options.once:
            self._ledger_watch.check()

    def inputs(self) -> dict[str, dict[str, Any]]:
        """Return the replay's report of each recording, by path; empty before the replay has ended."""
        path = self.settings.data / "run" / REPLAY_RESULT
        return dict(json.loads(read_regular_text(path))) if path.exists() else {}

    def replay_ended(self) -> bool:
        """Return whether the replay has ended.

        Raises:
            StackError: The replay failed.
        """
        if self.replay is None or self.replay.alive:
            return self.replay is None
        if self.replay.process.returncode != 0:
            error = StackError(self.replay.exit_message())
            error.exit_code = self.replay.process.returncode if self.replay.process.returncode == 2 else 1
            raise error
        self.supervisor.children.remove(self.replay)
        self.replay = None
        return True


def up(settings: Settings, catalog: Catalog, options: UpOptions) -> int:
    """Run the stack; return the exit code."""
    supervisor = Supervisor(settings.data)
    supervisor.take()
    require_keys(settings)
    check_schemas(settings.data, catalog)
    remember(settings)  # only under the lock: commands that join a running stack read it
    links = _links(settings, where(settings, subscribers(catalog)))
    with Screen(links) as screen:
        run = Run(settings, catalog, options, supervisor, screen, links)

        def on_signal(_number: int, _frame: object) -> None:
            run.interrupted = True

        signal.signal(signal.SIGINT, on_signal)
        signal.signal(signal.SIGTERM, on_signal)
        code = 1
        try:
            code = _go(run)
        except KeyboardInterrupt:
            screen.say("stopping in order; nothing is lost, the next `city up` goes on from here")
            code = 130 if options.once else _say_standstill(run)
        except OSError as error:
            line = no_room(error, settings.data)
            if line is None:
                raise
            raise StackError(line) from error
        finally:
            _end_cache_maker(run)
            killed = supervisor.stop()
            supervisor.release()
            if killed:
                screen.say(f"had to be killed: {', '.join(killed)}")
        return code


def _say_standstill(run: Run) -> int:
    """Print why logs stand still, if any do; return the exit code of an orderly stop."""
    reasons = standstill(run.settings.data / "ledger")
    for reason in reasons:
        run.screen.say(f"PROBLEM {reason}")
    return 1 if reasons else 0


def _go(run: Run) -> int:
    pause_file(run.settings.data).unlink(missing_ok=True)
    (run.settings.data / "run" / REPLAY_RESULT).unlink(missing_ok=True)
    download = TerminalProgress(run.screen.console)
    stack = Stack(run.settings, run.catalog, run.supervisor, run.check, download, run.screen.say)
    run.stack = stack
    stack.start()
    if stack.erasures:
        run.screen.say(str(stack.erasures))
    run.screen.say(f"ready after {time.monotonic() - run.started:.1f} s")
    for name, address in run.links.items():
        run.screen.say(f"  {name:<11} {address}")
    run.replay = stack.start_replay(_replay_arguments(run))
    if run.options.grafana and not run.options.once:
        run.screen.say(stack.start_grafana())
    status = StatusReader(run.settings, run.catalog)
    schedule = RefreshSchedule()
    disk = DiskWatch(run.settings.data, run.settings.disk_warning_mb << 20)
    message = "replaying"
    cache_due = None if run.options.once else time.monotonic() + CACHE_AFTER_S
    while not (run.replay_ended() and run.options.once):
        run.check()
        if run.replay is None:
            message = "replayed; everything stays up (Ctrl-C stops in order)"
        if cache_due is not None and time.monotonic() > cache_due:
            cache_due = None
            run.cache_maker = _start_cache_maker(stack, run.screen) if stack.broker_lacks_cache else None
        disk.look(run.screen.say)
        current = status.read()
        run.screen.show(current, message)
        _pause(run, schedule.refresh_s(current, time.monotonic()))
    return finish(run)


def _start_cache_maker(stack: Stack, screen: Screen) -> subprocess.Popen[bytes] | None:
    """Start the maker of the broker's cache; where that fails, the next start goes without a cache."""
    try:
        return stack.start_cache_maker()
    except OSError as error:
        screen.say(f"the broker's ahead-of-time cache is not made: {error}")
        return None


def _end_cache_maker(run: Run) -> None:
    """End the maker of the broker's cache; the next one removes its temporary files."""
    if run.cache_maker is None:
        return
    run.cache_maker.terminate()
    try:
        run.cache_maker.wait(CACHE_MAKER_STOP_S)
    except subprocess.TimeoutExpired:
        run.cache_maker.kill()
        run.cache_maker.wait()


def _pause(run: Run, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not run.interrupted and run.supervisor.complete:
        time.sleep(0.1)


def _replay_arguments(run: Run) -> list[str]:
    options = run.options
    shift = options.speed == "live" if options.shift_to_now is None else options.shift_to_now
    arguments = ["--speed", str(options.speed), "--shift" if shift else "--no-shift"]
    if options.format:
        arguments += ["--format", options.format]
    result = run.settings.data / "run" / REPLAY_RESULT
    return [*arguments, "--result", str(result), "--", *(str(p) for p in options.recordings)]


def finish(run: Run) -> int:
    """Come to rest, count, audit, report (docs/counts.md#coming-to-rest); return the exit code."""
    settings, catalog, screen = run.settings, run.catalog, run.screen
    meter = LagMeter(settings.kafka_address, catalog)
    screen.say("draining: agents, sinks, ledger")
    metrics = [topic_name("platform", "metric")]
    drain.wait_drained(meter, run.check, without=metrics)
    drain.wait_released(meter, run.check, screen.say)
    drain.wait_drained(meter, run.check, without=metrics)
    pause_file(settings.data).touch()
    time.sleep(2 * drain.POLL_S)
    drain.wait_drained(meter, run.check)
    sealed = [t.name for t in catalog.topics.values() if t.sealed]
    drain.wait_sealed(settings.data / "ledger", sealed, run.check)
    seconds = time.monotonic() - run.started
    document = counted(run, seconds, describe_held_back(meter.held_back()))
    audit_event(run, document)
    drain.wait_drained(meter, run.check)
    drain.wait_sealed(settings.data / "ledger", sealed, run.check)
    if run.options.report:
        run.options.report.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    show_report(screen, document)
    if document["audit"]["verdict"] != "pass":
        return 1
    return LETTERS_CODE if document["dead_letters"]["problem"] else 0


def counted(run: Run, seconds: float, held: Sequence[str]) -> dict[str, Any]:
    """Count and audit a stack at rest; return the report.

    Args:
        run: The run.
        seconds: Its duration.
        held: One line for each partition in which an open transaction holds records back: a problem, because what is
            behind it is counted nowhere.
    """
    settings, catalog = run.settings, run.catalog
    marks = count.watermarks(settings.kafka_address, list(catalog.topics))
    refused: count.Refused = {}
    counts = count.consumer_pass(settings.kafka_address, catalog, marks, refused)
    client = connect(settings)
    count.clickhouse_counts(client, catalog, counts)
    explained = count.without_rows(client, catalog, refused)
    city_log, logs = ledger_counts(settings.data / "ledger", catalog, counts)
    to_row = count.row_latency(client)
    all_letters, open_letters = letters.count_letters(client, catalog)
    client.close()
    from infra.evidence.audit import run_audit  # noqa: PLC0415 - the ledger's libraries load only when needed

    result = run_audit(settings, catalog, settled=True)
    document = report.build(
        catalog=catalog,
        inputs=run.inputs(),
        counts=counts,
        city_log=city_log,
        logs=logs,
        to_row_ms=to_row,
        audit_problems=[*result.problems, *result.unreadable, *held],
        seconds=seconds,
        explained=explained,
    )
    document["dead_letters"] = {
        "by_stage": all_letters,
        "open": open_letters,
        "problem": letters.unexpected(all_letters, open_letters, run.options.expect_dead_letters),
    }
    document["stayed_empty"] = letters.stayed_empty(catalog, counts)
    return document


def audit_event(run: Run, document: Mapping[str, Any]) -> None:
    """Send the audit's own event, after everything that it counts."""
    from infra.platform_events.events import send_audit  # noqa: PLC0415

    send_audit(run.settings, run.catalog, document)


def show_report(screen: Screen, document: Mapping[str, Any]) -> None:
    """Print the report."""
    for path, row in document["inputs"].items():
        if row["format"] is None:
            screen.say(f"  {path}: not read, {row.get('reason', 'no known format')}")
        else:
            screen.say(
                f"  {path}: {row['format']}, read {row['read']:,} = accepted {row['accepted']:,} "
                f"+ refused {row['refused']:,}"
            )
            for rule, found in row["refusals"].items():
                screen.say(
                    f"    {rule} refused {found['count']:,}, first record {found['record']}: {found['reason']}"
                )
    for name, row in document["topics"].items():
        if row["records"]:
            screen.say(
                f"  {name}: records {row['records']:,}, archived {row['archived']}, sealed {row['sealed']}, "
                f"events {row['events']:,}, rows {row['rows']:,}, repeats {row['repeats']}, "
                f"undecodable {row['undecodable']}"
            )
    for line in document["explained"]:
        screen.say(f"  explained: {line}")
    for problem in document["audit"]["problems"]:
        screen.say(f"  PROBLEM {problem}")
    if document["stayed_empty"]:
        screen.say(f"  stayed empty: {', '.join(document['stayed_empty'])}")
    dead = document["dead_letters"]
    if dead["problem"]:
        screen.say(f"  LOOK AT {dead['problem']}: city dead-letters list --group")
    latencies = document["latency_ms"]
    total = sum(dead["by_stage"].values())
    shown = f"{total:,} dead letters ({letters.words(dead['by_stage'])})" if total else "no dead letters"
    screen.say(
        f"{document['audit']['verdict'].upper()} after {document['seconds']:.1f} s, "
        f"{document['events_per_second']:,.0f} records/s, {shown}, city log {document['city_log']['size']} blocks, "
        f"to row p50 {_ms(latencies['to_row']['p50'])}, to seal p50 {_ms(latencies['to_seal']['p50'])}"
    )


def _links(settings: Settings, shared: str) -> dict[str, str]:
    return {
        "status": settings.web_url,
        "Kafka": settings.kafka_address,
        "ClickHouse": f"{settings.clickhouse_url}  (user {settings.clickhouse_user}, password in "
        f"{settings.data / 'keys' / 'clickhouse-password'})"
        if not settings.clickhouse
        else settings.clickhouse_url,
        "registry": settings.web_url,
        "ledger": f"{settings.web_url}/ledger/",
        "logs": str(settings.data / "logs"),
        "subscribers": shared,
    }


def _ms(value: float | None) -> str:
    """Return milliseconds as text; a run shorter than the metrics' interval has none."""
    return "not measured" if value is None else f"{value:.0f} ms"
