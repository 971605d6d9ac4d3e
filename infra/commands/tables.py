"""`city tables rebuild`: makes typed tables and roll-ups again from the archive, or the archive from Kafka."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from infra.commands.common import catalog, data_option, one_line_errors, running
from infra.commands.progress import shown_progress

if TYPE_CHECKING:
    from pathlib import Path


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
    help="kafka: put records that the archive lacks back first, as far as Kafka has them.",
)
@data_option
@one_line_errors
def rebuild(topic: str | None, every: bool, origin: str, data: Path) -> None:
    """Make the table of TOPIC and its roll-ups again, exactly, beside a running stack."""
    from infra.connections import connect
    from infra.errors import SettingsError
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
    names = list(archived) if every else [str(topic)]
    with closing(connect(settings)) as client, shown_progress("tables rebuild", "reading") as progress:
        for number, name in enumerate(names, 1):
            where = f"{name} ({number} of {len(names)})"
            done = rebuild_table(
                client,
                settings,
                topics,
                archived[name],
                from_kafka=origin == "kafka",
                step=lambda step, where=where: progress(f"{where}: {step}"),  # type: ignore[misc]
            )
            progress.clear()
            click.echo(str(done))
