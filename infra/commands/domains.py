"""`city domains new`: lays a new domain in every layer from the template."""

from __future__ import annotations

import click

from infra.commands.common import one_line_errors
from infra.commands.one_line import CityGroup


def register(group: click.Group) -> None:
    """Add the commands to `city`."""
    group.add_command(domains)


@click.group(cls=CityGroup)
def domains() -> None:
    """Start a new domain."""


@domains.command("new")
@click.argument("name")
@one_line_errors
def new(name: str) -> None:
    """Lay the files of a new domain NAME in every layer of the repository; they run and pass their tests as laid."""
    from infra.domain_template.lay import lay

    for path in lay(name):
        click.echo(path)
