"""`city subscribe`: reads events through the SASL listener, with a subscriber's own rights."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.commands.common import catalog, data_option, one_line_errors, print_json
from infra.commands.tables_text import print_table

if TYPE_CHECKING:
    from infra.admin.subscriber_reader import Reader
    from streams.subscriber import Start


def register(group: click.Group) -> None:
    """Add the commands to `city`."""
    group.add_command(subscribe)


@click.command()
@data_option
@click.option("--as", "name", help="The subscriber, such as insurer-a.")
@click.option("--list", "listed", is_flag=True, help="Show the subscribers and what each may read.")
@click.option("--asyncapi", is_flag=True, help="Print the AsyncAPI document of what it may read.")
@click.option("--topic", "topics", multiple=True, help="Read this topic (repeatable). Default: all granted.")
@click.option(
    "--group", help="Consumer group, under the subscriber's own prefix. Default: NAME.city-subscribe."
)
@click.option(
    "--from",
    "start",
    type=click.Choice(["left-off", "beginning", "now"]),
    default="left-off",
    show_default=True,
    help="Where to begin; left-off: where the group did, at first at the beginning.",
)
@click.option("--count", type=click.IntRange(1), help="End after so many events.")
@click.option(
    "--timeout", type=float, help="End after so many seconds; with --count, fewer events are an error."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option(
    "--kafka", help="SASL listener (host:port) of a city elsewhere, instead of the stack in --data."
)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="With --kafka: the file that holds the password.",
)
@click.option("--registry", help="Take schemas from this registry (URL) instead of the installed catalogue.")
@one_line_errors
def subscribe(
    data: Path,
    name: str | None,
    listed: bool,
    asyncapi: bool,
    topics: tuple[str, ...],
    group: str | None,
    start: Start,
    count: int | None,
    timeout: float | None,
    as_json: bool,
    kafka: str | None,
    password_file: Path | None,
    registry: str | None,
) -> None:
    """Read events with their ledger coordinates, as a subscriber; what was not granted, Kafka refuses.

    Each event counts as handled once it is printed: a reader that is killed before gets it again.
    """
    from infra.admin.subscriber_reader import Reader, describe, plain_event
    from infra.errors import SettingsError

    if listed:
        _show(as_json)
        return
    if not name:
        raise SettingsError("name the subscriber: --as NAME (`city subscribe --list` shows them)")
    if asyncapi:
        print_json(describe(data.absolute(), catalog(), name, kafka, registry))
        return
    reader = Reader.of(data.absolute(), catalog(), name, kafka, password_file, registry)
    try:
        with reader.subscription(topics, group, start) as events:
            for event in reader.read(events, count, timeout, _waits):
                fields = plain_event(event, reader.city)
                click.echo(
                    json.dumps(fields, ensure_ascii=False, allow_nan=False) if as_json else _line(fields)
                )
                sys.stdout.flush()
                events.handled(event)
    except KeyboardInterrupt:
        return  # the printed events are committed, as after any other end
    _end(reader, count, timeout)


def _waits(words: str) -> None:
    click.echo(f"city: {words}; `--from beginning` reads everything", err=True)


def _end(reader: Reader, count: int | None, timeout: float | None) -> None:
    if count is not None and reader.seen < count:
        click.echo(f"city: got {reader.seen} of {count} events within {timeout:g} s", err=True)
        sys.exit(1)


def _line(fields: dict[str, object]) -> str:
    mark = "  SIMULATED" if fields["simulated"] else ""
    return (
        f"{fields['topic']}/{fields['partition']} offset {fields['offset']}  received {fields['received_at']}{mark}\n"
        f"  commit {fields['commit']} in {fields['log']}\n"
        f"  {json.dumps(fields['event'], ensure_ascii=False) if fields['event'] else fields['problem']}"
    )


def _show(as_json: bool) -> None:
    from infra.layer_configs import subscribers

    rows = subscribers(catalog())
    if as_json:
        print_json([vars(each) for each in rows.values()])
        return
    print_table(
        ("subscriber", "may read", "who", "roles", "what for"),
        [
            (each.name, "\n".join(each.topics), each.title, ", ".join(each.roles), each.purpose)
            for each in rows.values()
        ],
        kept=("subscriber", "may read"),
    )
