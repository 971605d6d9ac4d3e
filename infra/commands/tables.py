"""`city tables rebuild`: makes typed tables and roll-ups again from the archive, or the archive from Kafka."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING

import click

from infra.commands.common import catalog, data_option, one_line_errors, running
from infra.commands.progress import shown_progress

if TYPE_CHECKING:
    from pathlib import Path

    from infra.commands.progress import Progress


def register(group: click.Group) -> None:
    """Add the commands to `city`."""
    group.add_command(tables)


@click.group()
def tables() -> None:
    """Make typed tables again from the archive."""


@tables.command("rebuild")
@click.argument("topic", required=False)
@click.option("--all", "every", is_flag=True, help="Every topic that is archived.")
@click.option(
    "--from",
    "origin",
    type=click.Choice(["archive", "kafka"]),
    default="archive",
    show_default=True,
    help="kafka: make the archived rows what Kafka has and the ledger sealed, first.",
)
@data_option
@one_line_errors
def rebuild(topic: str | None, every: bool, origin: str, data: Path) -> None:
    """Make the table of TOPIC and its roll-ups again, exactly, beside a running stack.

    Ends with 1 where Kafka or the archive contradicts the ledger; each such offset is named, with what was used.
    """
    from infra.connections import connect
    from infra.errors import SettingsError, StackError
    from infra.tables.from_kafka import FromKafka
    from infra.tables.rebuild import rebuild as rebuild_table

    parts = ("kafka", "clickhouse") if origin == "kafka" else ("clickhouse",)
    settings, topics = running(data, *parts), catalog()
    archived = {each.name: each for each in topics.topics.values() if each.archived}
    if every == (topic is not None):
        raise SettingsError("tables rebuild: name a topic, or give --all")
    if topic is not None and topic not in archived:
        known = (
            "it is not archived"
            if topic in topics.topics
            else "there is no such topic; see `city schemas list`"
        )
        raise SettingsError(f"tables rebuild: {topic}: {known}")
    code = 0
    with ExitStack() as stack:
        progress = stack.enter_context(shown_progress("tables rebuild", "reading"))
        client = stack.enter_context(closing(connect(settings)))
        repair = None
        if origin == "kafka":
            repair = stack.enter_context(closing(FromKafka(client, settings, topics))).repair
        names = list(archived) if every else [str(topic)]
        for number, name in enumerate(names, 1):
            where = f"{name} ({number} of {len(names)})"
            step = partial(_show, progress, where)
            try:
                done = rebuild_table(client, settings, archived[name], archive=repair, step=step)
            except StackError as error:
                progress.clear()
                click.echo(f"city: tables rebuild: {error}", err=True)
                code = error.exit_code
                continue
            progress.clear()
            click.echo(str(done))
            if done.archive is not None:
                for line in done.archive.lines():
                    click.echo(f"  {line}")
                code = code or int(done.archive.contradicted > 0)
    if code:
        sys.exit(code)


def _show(progress: Progress, where: str, step: str) -> None:
    progress(f"{where}: {step}")
