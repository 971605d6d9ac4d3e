"""`city dead-letters list|show|replay|discard`: records that could not be taken further, and decisions on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from infra.commands.common import catalog, data_option, one_line_errors, print_json, running
from infra.commands.one_line import CityGroup

if TYPE_CHECKING:
    from pathlib import Path


def register(group: click.Group) -> None:
    """Add the commands to `city`."""
    group.add_command(dead_letters)


@click.group("dead-letters", cls=CityGroup)
def dead_letters() -> None:
    """List, show, replay or discard records that could not be taken further."""


@dead_letters.command("list")
@data_option
@click.option("--domain", help="Only of this domain, such as air_quality.")
@click.option("--all", "decided_too", is_flag=True, help="Those that were replayed or discarded, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--limit", default=50, show_default=True, help="At most so many, newest first.")
@one_line_errors
def list_(data: Path, domain: str | None, decided_too: bool, as_json: bool, limit: int) -> None:
    """List dead letters, newest first."""
    from infra.admin.dead_letters import DeadLetterOffice

    with DeadLetterOffice(running(data, "clickhouse"), catalog()) as office:
        letters = office.letters(domain=domain, decided=decided_too, limit=limit)
    if as_json:
        print_json(letters)
        return
    for letter in letters:
        click.echo(
            f"{letter['event_id']}  {letter['stage']:<7} {letter['origin']}  {letter['reason']}"
            + (f"  [{letter['decision']}]" if letter["decision"] else "")
        )
    if not letters:
        click.echo("no dead letters")


@dead_letters.command("show")
@data_option
@click.argument("event_id")
@one_line_errors
def show(data: Path, event_id: str) -> None:
    """Show one dead letter whole, with its bytes."""
    from infra.admin.dead_letters import DeadLetterOffice

    with DeadLetterOffice(running(data, "clickhouse"), catalog()) as office:
        print_json(office.show(event_id))


@dead_letters.command("replay")
@data_option
@click.argument("event_ids", nargs=-1, required=True)
@one_line_errors
def replay(data: Path, event_ids: tuple[str, ...]) -> None:
    """Send the original records to their topics again; their event_id stays."""
    from infra.admin.dead_letters import DeadLetterOffice

    with DeadLetterOffice(running(data, "kafka", "clickhouse"), catalog()) as office:
        for event_id in event_ids:
            click.echo(office.replay(event_id))


@dead_letters.command("discard")
@data_option
@click.argument("event_ids", nargs=-1, required=True)
@click.option("--why", required=True, help="The reason; it is kept in platform.audit.")
@one_line_errors
def discard(data: Path, event_ids: tuple[str, ...], why: str) -> None:
    """Mark dead letters as dealt with; nothing is deleted."""
    from infra.admin.dead_letters import DeadLetterOffice

    with DeadLetterOffice(running(data, "kafka", "clickhouse"), catalog()) as office:
        for event_id in event_ids:
            click.echo(office.discard(event_id, why))
