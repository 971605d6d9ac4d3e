"""`city`: the one command of the platform. Its verbs are in `infra/commands/`, one file per noun."""

from __future__ import annotations

import click

from infra.commands import (
    backup,
    bench,
    dashboards,
    dead_letters,
    demo,
    domains,
    ledger,
    records,
    schemas,
    sharing,
    sources,
    stack,
    tables,
)
from infra.commands.one_line import CityGroup


@click.group(
    cls=CityGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="city-telemetry")
def main() -> None:
    """A city telemetry platform whose record can be proved right afterwards."""


for noun in (
    stack,
    demo,
    records,
    dead_letters,
    ledger,
    backup,
    tables,
    sources,
    sharing,
    domains,
    schemas,
    dashboards,
    bench,
):
    noun.register(main)

if __name__ == "__main__":
    main()
