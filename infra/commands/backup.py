"""`city backup` and `city restore`: copy a running city, and make one from a copy."""

from __future__ import annotations

from pathlib import Path

import click

from infra.commands.common import data_option, one_line_errors, running
from infra.commands.progress import shown_progress


def register(group: click.Group) -> None:
    """Add the commands to `city`."""
    group.add_command(backup)
    group.add_command(restore)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--without-keys", is_flag=True, help="Leave out keys and passwords; keep them elsewhere.")
@data_option
@one_line_errors
def backup(directory: Path, without_keys: bool, data: Path) -> None:
    """Copy the city at --data into DIRECTORY, all stores of one instant; the city may run."""
    from infra.recovery.backup import back_up

    settings = running(data.absolute())
    with shown_progress("backup", "listing the files") as progress:
        made = back_up(settings, directory.absolute(), with_keys=not without_keys, progress=progress)
    manifest = made.manifest
    paused = f", the city paused for {made.paused_s * 1000:.0f} ms" if manifest.running else ""
    click.echo(
        f"{directory}: {len(manifest.files):,} files, {manifest.size / 1e6:.1f} MB, "
        f"{sum(manifest.ledger.values()):,} leaves{paused}"
    )
    if manifest.keys:
        click.echo("it holds the city's keys: whoever reads it can sign as the city and read personal values")
    else:
        click.echo(
            f"without keys: keep {data / 'keys'} and {data / 'witness' / 'witness.seed'} elsewhere, safely"
        )


@click.command()
@click.argument("directory", metavar="BACKUP", type=click.Path(path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Only compare the backup with its manifest.")
@data_option
@one_line_errors
def restore(directory: Path, only_check: bool, data: Path) -> None:
    """Make the data directory --data from BACKUP; what is there is never written over."""
    from infra.recovery.restore import check
    from infra.recovery.restore import restore as make

    with shown_progress("restore", "reading the manifest") as progress:
        whole = directory.absolute()
        manifest = check(directory, progress) if only_check else make(whole, data.absolute(), progress)
    done = "is as it was made" if only_check else f"restored to {data}"
    click.echo(
        f"{directory}: {len(manifest.files):,} files, {manifest.size / 1e6:.1f} MB of {manifest.city}, "
        f"as of {manifest.made}, {done}"
    )
    if only_check:
        return
    if not manifest.keys:
        click.echo(
            f"the backup has no keys: put {data / 'keys'} and {data / 'witness' / 'witness.seed'} back first"
        )
    click.echo(f"start it: city up --data {data}")
    click.echo("never run it beside the city it was copied from: two would sign two histories with one key")
