"""The roles of a stack's processes: `ROLES` is the table of their functions.

Each function runs one process until its `stop` event is set and returns the exit code. It joins the parts of the
role. A layer gets values and callables (a config record, a catalogue, an `emit`), and knows neither the settings nor
another layer. `infra/layer_configs.py` makes each part's configuration.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from infra.admin.produce import replay_reports
from infra.layer_configs import catalog, ledger_config, sink_config, streams_config
from infra.platform_events.events import emitter
from infra.process.report import Reporter
from infra.settings import process_name

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from infra.settings import Settings
    from streams.replay.schedule import Speed


def run_worker(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run one Faust worker; it handles signals itself."""
    from streams.worker.app import run

    topics = catalog()
    report = Reporter(settings.data, process_name())
    emit = report.tee(emitter(settings, topics))
    try:
        run(streams_config(settings), topics, emit, stop, report.beat)
    finally:
        report.close()
    return 0


def run_sink(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the ClickHouse sink."""
    from streams.clickhouse_sink.sink import run
    from streams.gc_tuning import tune_gc

    topics = catalog()
    tune_gc()
    report = Reporter(settings.data, process_name())
    emit = report.tee(emitter(settings, topics))
    try:
        run(sink_config(settings, topics), topics, stop, emit, beat=report.beat)
    finally:
        report.close()
    return 0


def run_ledger(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the ledger sink: the sequencers of all partitions and the city log."""
    from ledger_sink.sealing.sink import run
    from streams.gc_tuning import tune_gc

    topics = catalog()
    tune_gc()
    report = Reporter(settings.data, process_name())
    try:
        run(ledger_config(settings, topics), stop, report.tee(emitter(settings, topics)), report.beat)
    finally:
        report.close()
    return 0


def run_signer(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the signer, which holds the signing key and sees no events."""
    from ledger_sink.config import SignerConfig
    from ledger_sink.signer.server import run

    config = SignerConfig(
        settings.data, settings.city, settings.listen, settings.ports.signer, settings.host_names
    )
    run(config, stop)
    return 0


def run_witness(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the stack's own witness. It is not independent, and verdicts state so."""
    from ledger_sink.config import WitnessConfig
    from ledger_sink.format.keys import own_witness_name
    from ledger_sink.witness.server import run

    config = WitnessConfig(
        directory=settings.data / "witness",
        name=own_witness_name(settings.city),
        logs_file=settings.data / "ledger" / "policy.txt",
        host=settings.listen,
        port=settings.ports.witness,
        hosts=settings.host_names,
    )
    run(config, stop)
    return 0


def run_clickhouse(settings: Settings, _stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the embedded ClickHouse engine with its HTTP server, in place of this process; it handles signals itself."""
    from infra.clickhouse.server.auth import make_user
    from infra.clickhouse.server.config import ServerConfig
    from infra.clickhouse.server.embedded import serve
    from infra.process.confinement import STATE_FILE
    from infra.settings import ConfinementChoice

    users = [make_user(settings.clickhouse_user, str(settings.clickhouse_password), "platform")]
    if settings.board_user != settings.clickhouse_user:
        users.append(make_user(settings.board_user, str(settings.board_password), "boards"))
    config = ServerConfig(
        path=(settings.data / "clickhouse").resolve(),
        host=settings.listen,
        port=settings.ports.clickhouse,
        users=tuple(users),
        hosts=tuple(settings.host_names),
    )
    serve(
        config,
        required=settings.confinement is ConfinementChoice.REQUIRED,
        state=settings.data / "run" / STATE_FILE,
    )


def run_web(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the web process: status page, schema registry, metrics and ledger tiles."""
    from infra.web.app import serve

    serve(settings, catalog(), stop)
    return 0


def run_replay(settings: Settings, stop: threading.Event, arguments: Sequence[str]) -> int:
    """Replay recordings and write the report of each into a result file.

    The result file is replaced as a whole at the end. A replay that was stopped writes none.

    Args:
        settings: The stack.
        stop: Ends the replay in order.
        arguments: `--speed S --shift|--no-shift [--format F] --result FILE -- PATH…`
    """
    options = argparse.ArgumentParser(prog="replay")
    options.add_argument("--speed", type=speed_argument, default="live")
    options.add_argument("--shift", action=argparse.BooleanOptionalAction, default=False)
    options.add_argument("--format", default=None)
    options.add_argument("--result", type=Path, required=True)
    options.add_argument("paths", nargs="*", type=Path)
    given = options.parse_args(list(arguments))
    reports = replay_reports(
        settings,
        catalog(),
        given.paths,
        format_name=given.format,
        speed=given.speed,
        shift_to_now=given.shift,
        stop=stop,
    )
    if not stop.is_set():
        temporary = given.result.with_name(f".{given.result.name}")
        temporary.write_text(json.dumps(reports, ensure_ascii=False))
        temporary.replace(given.result)
    return 0


def speed_argument(text: str) -> Speed:
    """Parse a speed for `argparse`, which passes the text of this error on to the user.

    Raises:
        argparse.ArgumentTypeError: The text is no speed.
    """
    from streams.replay.schedule import parse_speed

    try:
        return parse_speed(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


ROLES: Mapping[str, Callable[[Settings, threading.Event, Sequence[str]], int]] = {
    "worker": run_worker,
    "sink": run_sink,
    "ledger": run_ledger,
    "signer": run_signer,
    "witness": run_witness,
    "clickhouse": run_clickhouse,
    "web": run_web,
    "replay": run_replay,
}
"""Name of the role → the function that runs it, given the settings, the stop event and the role's arguments."""
