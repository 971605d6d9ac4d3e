"""`city replay`, `city produce`, `city forget`: sends records into a running stack, erases a person from it."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.commands.common import (
    catalog,
    data_option,
    one_line_errors,
    print_json,
    running,
    speed_type,
)
from infra.commands.progress import shown_progress

if TYPE_CHECKING:
    from typing import TextIO

    from streams.replay.schedule import Speed


def register(group: click.Group) -> None:
    """Add the commands to `city`."""
    for command in (replay, produce, forget):
        group.add_command(command)


@click.command()
@data_option
@click.option("--format", "format_name", help="Read every file as this format instead of detecting it.")
@click.option(
    "--speed", type=speed_type, default="max", show_default=True, help="live, max, or N times real time."
)
@click.option("--shift-to-now/--no-shift-to-now", default=False, show_default=True)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@one_line_errors
def replay(
    data: Path, format_name: str | None, speed: Speed, shift_to_now: bool, paths: tuple[Path, ...]
) -> None:
    """Replay recordings (files or folders) into a running stack."""
    from infra.admin.produce import replay_reports

    settings, topics = running(data, "kafka"), catalog()
    with shown_progress("replay", "reading through the files") as progress:
        reports = replay_reports(
            settings,
            topics,
            paths,
            format_name=format_name,
            speed=speed,
            shift_to_now=shift_to_now,
            stop=threading.Event(),
            progress=progress,
        )
    print_json(reports)


@click.command()
@data_option
@click.argument("topic")
@click.argument("file", type=click.File("r", encoding="utf-8"), default="-")
@click.option(
    "--source", default="urn:city:manual", show_default=True, help="The events' source (CloudEvents)."
)
@click.option(
    "--sign-with",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Sign each event with this key file (`city keys new-source`).",
)
@click.option(
    "--number-from",
    type=click.IntRange(min=1),
    help="Number the events of each subject from this number on (header `sequence`).",
)
@one_line_errors
def produce(
    data: Path, topic: str, file: TextIO, source: str, sign_with: Path | None, number_from: int | None
) -> None:
    """Produce events to TOPIC, a JSON object a line from FILE or standard input."""
    from infra.admin.produce import produce_lines

    sent, refused = produce_lines(
        running(data, "kafka"), catalog(), topic, file, source, key_file=sign_with, first_number=number_from
    )
    for line in refused:
        click.echo(line, err=True)
    click.echo(f"{sent} events produced to {topic}, {len(refused)} lines refused")
    sys.exit(1 if refused else 0)


@click.command()
@data_option
@click.argument("person")
@click.option("--ground", required=True, help="Why, such as 'GDPR Art. 17 (1) b'; kept in platform.erasure.")
@one_line_errors
def forget(data: Path, person: str, ground: str) -> None:
    """Erase PERSON: delete their keys, so that no personal value of theirs can be read again.

    PERSON is the name under which the sources know them (such as nhanes:93703), or a pseudonym (p-…).
    """
    from infra.admin.erasures import forget_person

    keys = forget_person(running(data, "kafka"), catalog(), person, ground)
    if not keys:
        click.echo(
            f"city: nobody is known here as {person}: is the name right? No key was deleted; the erasure is noted, and "
            "also holds for records that come later",
            err=True,
        )
        sys.exit(1)
    click.echo(f"forgotten: {len(keys)} keys deleted; every proof stays valid")
