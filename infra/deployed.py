"""Two jobs that a deployed stack needs once, because it has no `city up` as its parent.

`python -m infra.deployed prepare` waits for Kafka and ClickHouse and brings topics and tables to the catalogue's
shape. It writes the settings into the data directory, where every `city` command finds them.

`python -m infra.deployed settle PATH… --report FILE` replays recordings and waits until everything has come to
rest. Then it counts, audits and reports, exactly as `city up --once` does at its end. The processes stay up.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from infra import layer_configs as configs
from infra import settings as settings_module
from infra.errors import CityError, StackError
from infra.kafka.admin import cluster_id, connect
from infra.known_errors import known_errors
from infra.platform_events.metric_emitter import pause_file
from infra.process.supervisor import Supervisor
from infra.stack.roles import run_replay, speed_argument
from infra.stack.schema_memory import check_schemas
from infra.stack.stores import answers, prepare_stores
from infra.stack.up import REPLAY_RESULT, Run, UpOptions, finish
from infra.status.terminal import Screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.settings import Settings
    from streams.replay.schedule import Speed

STORES_S = 120.0
"""Seconds that Kafka and ClickHouse have to come up."""
POLL_S = 0.5


def prepare(settings: Settings) -> int:
    """Wait for the stores and bring them to the catalogue's shape; safe to repeat.

    Raises:
        StackError: A store did not answer in time.
    """
    admin = connect(settings.kafka_address)
    _await("Kafka", settings.kafka_address, lambda: cluster_id(admin, timeout_s=5) is not None)
    _await(
        "ClickHouse", settings.clickhouse_url, lambda: answers(f"{settings.clickhouse_url}/ping", timeout_s=5)
    )
    settings_module.remember(settings)
    catalog = configs.catalog()
    check_schemas(settings.data, catalog)
    prepare_stores(settings, catalog)
    return 0


def settle(settings: Settings, paths: list[Path], speed: Speed, report: Path | None) -> int:
    """Replay, come to rest, count, audit and report; return the exit code of `city up --once`.

    Args:
        settings: The stack.
        paths: Recordings; none: the bundled ones.
        speed: `live`, `max`, or a factor of real time.
        report: File for the report; None: none is written.

    Raises:
        CityError: Something that the operator can correct, or the stack does not come to rest.
    """
    started = time.monotonic()
    result = settings.data / "run" / REPLAY_RESULT
    result.parent.mkdir(parents=True, exist_ok=True)
    pause_file(settings.data).unlink(missing_ok=True)
    result.unlink(missing_ok=True)
    words = ["--speed", str(speed), "--no-shift", "--result", str(result), "--", *map(str, paths)]
    code = run_replay(settings, threading.Event(), words)
    if code:
        return code
    options = UpOptions(recordings=tuple(paths), speed=speed, once=True, report=report)
    try:
        with Screen({}) as screen:
            supervisor = Supervisor(settings.data)  # without children: the containers are started elsewhere
            run = Run(settings, configs.catalog(), options, supervisor, screen, {}, started=started)
            return finish(run)
    finally:
        pause_file(settings.data).unlink(missing_ok=True)


def _await(what: str, where: str, answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STORES_S
    while not answers():
        if time.monotonic() > deadline:
            raise StackError(f"{what} at {where} did not answer within {STORES_S:g} s")
        time.sleep(POLL_S)


def main(arguments: list[str] | None = None) -> int:
    """Run one job; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.deployed", description=__doc__)
    jobs = parser.add_subparsers(dest="job", required=True)
    jobs.add_parser("prepare", help="topics and tables")
    job = jobs.add_parser("settle", help="replay, come to rest, report")
    job.add_argument("paths", nargs="*", type=Path, help="recordings (none: the bundled ones)")
    job.add_argument("--speed", type=speed_argument, default="max")
    job.add_argument("--report", type=Path)
    given = parser.parse_args(arguments)
    try:
        settings = settings_module.from_environment()
        if given.job == "prepare":
            return prepare(settings)
        return settle(settings, given.paths, given.speed, given.report)
    except CityError as error:
        return _report(given.job, error, error.exit_code)
    except known_errors() as error:
        return _report(given.job, error, 2)


def _report(job: str, error: Exception, code: int) -> int:
    print(f"{job}: {error}", file=sys.stderr, flush=True)  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main())
