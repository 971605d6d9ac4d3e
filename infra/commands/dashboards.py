"""`city dashboards build|push|show`: the boards as files, into a running Grafana, or in the terminal."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from infra.commands.common import catalog, data_option, one_line_errors, running
from infra.commands.one_line import CityGroup

PICTURE_COLUMNS, LEAST_COLUMNS = 140, 80


def register(group: click.Group) -> None:
    """Add the commands to `city`."""
    group.add_command(dashboards)


@click.group(cls=CityGroup)
def dashboards() -> None:
    """Build the boards, push them to a running Grafana, or show them here."""


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
    metavar="URL",
    help="Grafana's address: http://USER@HOST:PORT with --password-file, http://HOST:PORT with --token-file.",
)
@click.option(
    "--password-file",
    metavar="FILE",
    help="File with the password of the address's user; - is standard input.",
)
@click.option(
    "--token-file", metavar="FILE", help="File with a service account's token; - is standard input."
)
@click.option("--keep-datasource", is_flag=True, help="Leave Grafana's ClickHouse data source as it is.")
@click.option("--keep-permissions", is_flag=True, help="Leave the folder's permissions as they are.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Change nothing: show what would be created and, as a difference, what would be changed; exit code 0.",
)
@one_line_errors
def push(
    data: Path,
    grafana: str,
    password_file: str | None,
    token_file: str | None,
    keep_datasource: bool,
    keep_permissions: bool,
    dry_run: bool,
) -> None:
    """Bring folder, permissions, data source and boards of a running Grafana to this city's.

    What is the same there is not sent, but for the data source's password. Boards are code: one that was changed in
    Grafana is overwritten (--dry-run shows it), viewers and editors may view them, administrators may change them.
    """
    from dashboards.datasource import ClickHouseAddress
    from dashboards.push.run import push as steps
    from infra.grafana.address import parse
    from infra.grafana.client import connect
    from infra.grafana.credentials import read
    from infra.grafana.push_report import reach, report

    address = parse(grafana)
    settings = running(data)
    credentials = read(address, password_file, token_file)
    clickhouse = None
    if not keep_datasource:
        clickhouse = ClickHouseAddress(
            settings.clickhouse_url, settings.board_user, str(settings.board_password)
        )
    there = connect(address, credentials, (clickhouse.password,) if clickhouse else ())
    made = steps(there, catalog(), clickhouse, keep_permissions=keep_permissions, dry_run=dry_run)
    for line in report(there, made, dry_run=dry_run):
        click.echo(line)
    if clickhouse and (note := reach(address, clickhouse.url)):
        click.echo(note, err=True)


@dashboards.command("show")
@click.argument("names", nargs=-1, metavar="BOARD...")
@click.option("--all", "every", is_flag=True, help="Show every board.")
@data_option
@click.option(
    "--since", default=None, help="Show from then on: a date, or 30d, 12h, 15m. Default: the board's own."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Write each board as a picture (SVG) into this folder instead.",
)
@click.option("--width", type=click.IntRange(80, 400), default=None, help="Characters across.")
@click.option(
    "--rows", type=click.IntRange(1, 1000), default=10, show_default=True, help="Rows of each table."
)
@one_line_errors
def show(
    names: tuple[str, ...],
    every: bool,
    data: Path,
    since: str | None,
    output: Path | None,
    width: int | None,
    rows: int,
) -> None:
    """Show what a board shows, from the running stack, without a Grafana.

    BOARD is a name like overview, air-quality or pipeline. The exit code is 1 if a panel could not be shown.
    """
    from rich.console import Console

    from dashboards.terminal.screen import Size
    from infra.errors import SettingsError
    from infra.status.boards import BoardReader
    from infra.status.svg import save_picture

    columns = width or (PICTURE_COLUMNS if output else max(LEAST_COLUMNS, shutil.get_terminal_size().columns))
    with BoardReader(running(data, "clickhouse"), catalog()) as reader:
        chosen = list(reader.boards.values()) if every else [reader.find(name) for name in names]
        if not chosen:
            raise SettingsError(f"name a board, or --all: {', '.join(reader.boards)}")
        for made in chosen:
            content = reader.draw(made, Size(columns, rows), since)
            if output:
                path = output / f"{made['uid']}.svg"
                save_picture(
                    content, path, f"city dashboards show {made['uid'].removeprefix('city-')}", columns
                )
                click.echo(path)
            else:
                Console(width=columns, highlight=False).print(content)
        failed = reader.failed
    sys.exit(1 if failed else 0)
