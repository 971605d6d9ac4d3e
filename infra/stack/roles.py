"""Joins the parts: each role's run, from one `Settings`; what each part is given of it stands in `configs.py`.

A layer gets what it needs as values and callables (a config record, a catalogue, an `emit`); no layer knows
the settings or another layer. Each `run_<role>` runs one process of the stack until `stop` is set.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from infra.admin.produce import replay_reports
from infra.layer_configs import catalog, ledger_config, sink_config, streams_config
from infra.platform_events.events import emitter

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from infra.settings import Settings
    from streams.replay.schedule import Speed


# --- roles -------------------------------------------------------------------------------------------


def run_worker(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run one Faust worker; it handles signals itself."""
    from streams.worker.app import run

    topics = catalog()
    run(streams_config(settings), topics, emitter(settings, topics), stop)
    return 0


def run_sink(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the ClickHouse sink."""
    from streams.clickhouse_sink.sink import run
    from streams.gc_tuning import tune_gc

    topics = catalog()
    tune_gc()
    run(sink_config(settings, topics), topics, stop, emitter(settings, topics))
    return 0


def run_ledger(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the ledger sink: sequencers and the city chain."""
    from ledger_sink.sealing.sink import run
    from streams.gc_tuning import tune_gc

    topics = catalog()
    tune_gc()
    run(ledger_config(settings, topics), stop, emitter(settings, topics))
    return 0


def run_signer(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the signer: it holds the key and sees no events."""
    from ledger_sink.config import SignerConfig
    from ledger_sink.signer.server import run

    run(SignerConfig(settings.data, settings.city, settings.listen, settings.ports.signer), stop)
    return 0


def run_witness(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the stack's own witness (not independent; verdicts say so)."""
    from ledger_sink.config import WitnessConfig
    from ledger_sink.format.keys import own_witness_name
    from ledger_sink.witness.server import run

    config = WitnessConfig(
        directory=settings.data / "witness",
        name=own_witness_name(settings.city),
        logs_file=settings.data / "ledger" / "policy.txt",
        host=settings.listen,
        port=settings.ports.witness,
    )
    run(config, stop)
    return 0


def run_web(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the status page, registry, metrics and ledger tiles."""
    from infra.web.app import serve

    serve(settings, catalog(), stop)
    return 0


# --- audit -------------------------------------------------------------------------------------------


# --- recordings and events by hand ----------------------------------------------------------------------


def run_door(settings: Settings, _stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the embedded ClickHouse engine behind its HTTP door; it handles signals itself."""
    from infra.clickhouse.server.embedded import serve

    serve(
        settings.data / "clickhouse",
        settings.listen,
        settings.ports.clickhouse,
        settings.clickhouse_user,
        str(settings.clickhouse_password),
    )
    return 0


def speed_argument(text: str) -> Speed:
    """Parse a speed for `argparse`, which passes the words of this error on to the user."""
    from streams.replay.schedule import parse_speed

    try:
        return parse_speed(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run_replay(settings: Settings, stop: threading.Event, arguments: Sequence[str]) -> int:
    """Replay recordings and leave what became of each in a result file.

    Args:
        settings: the stack.
        stop: ends the replay in order.
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
