"""`city dashboards build|push`: the boards as files, or into a running Grafana."""

from __future__ import annotations

from pathlib import Path

import click

from infra.commands.common import catalog, data_option, one_line_errors, running


def register(group: click.Group) -> None:
    """Add the commands to `city`."""
    group.add_command(dashboards)


@click.group()
def dashboards() -> None:
    """Build the boards, or push them to a running Grafana."""


@dashboards.command("build")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("boards"),
    show_default=True,
    help="Folder for one JSON file per board.",
)
@one_line_errors
def build(output: Path) -> None:
    """Write every board as Grafana's JSON."""
    from dashboards.build import write

    for path in write(catalog(), output):
        click.echo(path)


@dashboards.command("push")
@data_option
@click.option(
    "--grafana",
    required=True,
    help="Grafana's address with user and password, http://admin:admin@127.0.0.1:3000.",
)
@click.option("--keep-datasource", is_flag=True, help="Leave Grafana's ClickHouse data source as it is.")
@one_line_errors
def push(data: Path, grafana: str, keep_datasource: bool) -> None:
    """Create or replace folder, data source and boards in a running Grafana."""
    from dashboards.push import ClickHouseAddress
    from dashboards.push import push as send

    settings = running(data.absolute())
    address = None
    if not keep_datasource:
        address = ClickHouseAddress(
            settings.clickhouse_url, settings.clickhouse_user, str(settings.clickhouse_password)
        )
    for url in send(grafana, catalog(), address):
        click.echo(url)
