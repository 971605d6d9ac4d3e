"""`city schemas list|check`: lists and checks the catalogue of topics and schemas."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from infra.commands.common import catalog, one_line_errors, print_json
from infra.commands.one_line import CityGroup
from infra.commands.tables_text import print_table


def register(group: click.Group) -> None:
    """Add the commands to `city`."""
    group.add_command(schemas)


@click.group(cls=CityGroup)
def schemas() -> None:
    """List and check the schemas of the domains."""


@schemas.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@one_line_errors
def list_(as_json: bool) -> None:
    """List every topic with its schema ids, key, table and readers."""
    from schemas.catalog_commands import rows as list_rows

    rows = [asdict(row) for row in list_rows(catalog())]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("topic", "kind", "key", "schema ids", "table", "days", "sealed", "readers"),
        [
            (
                *(str(row[name]) for name in ("topic", "kind", "key")),
                ", ".join(map(str, row["schema_ids"])),
                str(row["table"]),
                str(row["retention_days"]),
                "yes" if row["sealed"] else "no",
                ", ".join(row["readers"]),
            )
            for row in rows
        ],
        kept=("topic",),
    )


@schemas.command("check")
@one_line_errors
def check() -> None:
    """Check names, ids, examples and that each version may follow the one before."""
    from schemas.catalog_commands import check as problems_of

    problems = problems_of()
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        sys.exit(1)
    topics = catalog().topics.values()
    click.echo(f"{len(topics)} topics, {sum(len(t.schemas) for t in topics)} schemas: all right")
