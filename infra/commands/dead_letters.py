"""`city dead-letters list|show|mend|replay|discard`: records that could not be taken further, and decisions on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from infra.commands.common import catalog, data_option, one_line_errors, print_json, running
from infra.commands.one_line import CityGroup


def register(group: click.Group) -> None:
    """Add the commands to `city`."""
    group.add_command(dead_letters)


@click.group("dead-letters", cls=CityGroup)
def dead_letters() -> None:
    """List, show, mend, replay or discard records that could not be taken further."""


@dead_letters.command("list")
@data_option
@click.option("--domain", help="Only of this domain, such as air_quality.")
@click.option("--topic", help="Only of records of this topic.")
@click.option("--file", "file", help="Only of records of this file (its base name).")
@click.option("--rule", help="Only those that this rule refused, with or without @version.")
@click.option("--stage", type=click.Choice(["read", "agent", "decode", "origin"]), help="Only of this stage.")
@click.option("--all", "decided", is_flag=True, help="Those that were mended, replayed or discarded, too.")
@click.option("--group", is_flag=True, help="Count them by rule and by file or topic, with an example each.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    help="At most so many, newest first.",
)
@one_line_errors
def list_(data: Path, group: bool, as_json: bool, limit: int, **which: Any) -> None:
    """List dead letters, newest first, or count them by rule and origin."""
    from infra.admin.dead_letters import DeadLetterOffice, Wanted

    wanted = Wanted(**which)
    with DeadLetterOffice(running(data, "clickhouse"), catalog()) as office:
        groups = office.groups(wanted)
        letters = [] if group else office.letters(wanted, limit=limit)
    if as_json:
        print_json(groups if group else letters)
        return
    if group:
        for row in groups:
            click.echo(
                f"{row['letters']:>7}  {row['stage']:<7} {row['rule'] or '-'}  {row['origin']}  e.g. {row['example']}"
            )
    for letter in letters:
        click.echo(
            f"{letter['event_id']}  {letter['stage']:<7} {letter['rule'] or '-'}  {letter['origin']}  "
            f"{letter['reason']}" + (f"  [{letter['decision']}]" if letter["decision"] else "")
        )
    total = sum(row["letters"] for row in groups)
    if not total:
        click.echo("no dead letters")
    elif not group and len(letters) < total:
        click.echo(
            f"{len(letters)} of {total} shown; --group counts them, --limit {total} shows all", err=True
        )


@dead_letters.command("show")
@data_option
@click.option("--raw", is_flag=True, help="Print the bytes of its record alone, to be corrected.")
@click.argument("event_id", metavar="ID")
@one_line_errors
def show(data: Path, raw: bool, event_id: str) -> None:
    """Show one dead letter whole, with its bytes; the first digits of its ID suffice."""
    from infra.admin.dead_letters import DeadLetterOffice

    with DeadLetterOffice(running(data, "clickhouse"), catalog()) as office:
        if raw:
            click.get_binary_stream("stdout").write(office.content(event_id))
        else:
            print_json(office.show(event_id))


@dead_letters.command("mend")
@data_option
@click.argument("event_id", metavar="ID")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@one_line_errors
def mend(data: Path, event_id: str, file: Path) -> None:
    """Send the corrected form of a refused record of a recording, and nothing else of the recording.

    FILE is of the recording's own format: its header, if it has one, and the corrected record. All of FILE is accepted,
    or nothing is sent. The same FILE a second time changes nothing.
    """
    from infra.admin.dead_letters import DeadLetterOffice

    with DeadLetterOffice(running(data, "kafka", "clickhouse"), catalog()) as office:
        click.echo(office.mend(event_id, file))


@dead_letters.command("replay")
@data_option
@click.argument("event_ids", nargs=-1, required=True, metavar="ID...")
@one_line_errors
def replay(data: Path, event_ids: tuple[str, ...]) -> None:
    """Send the original records to their topics again; their event_id stays."""
    from infra.admin.dead_letters import DeadLetterOffice

    with DeadLetterOffice(running(data, "kafka", "clickhouse"), catalog()) as office:
        for event_id in event_ids:
            click.echo(office.replay(event_id))


@dead_letters.command("discard")
@data_option
@click.argument("event_ids", nargs=-1, required=True, metavar="ID...")
@click.option("--why", required=True, help="The reason; it is kept in platform.audit.")
@one_line_errors
def discard(data: Path, event_ids: tuple[str, ...], why: str) -> None:
    """Mark dead letters as dealt with; nothing is deleted."""
    from infra.admin.dead_letters import DeadLetterOffice

    with DeadLetterOffice(running(data, "kafka", "clickhouse"), catalog()) as office:
        for event_id in event_ids:
            click.echo(office.discard(event_id, why))
