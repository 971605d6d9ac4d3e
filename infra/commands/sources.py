"""`city keys new-source|register|revoke-source|sources`: registers which key may sign for which source."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.commands.common import catalog, data_option, one_line_errors, print_json, running
from infra.commands.ledger import keys

if TYPE_CHECKING:
    from collections.abc import Callable


def register(group: click.Group) -> None:
    """Add the commands to `city keys`."""
    del group  # `city keys` exists already: it shows the ledger's own keys
    for command in (new_source, register_source, revoke_source, sources):
        keys.add_command(command)


def _key_options(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--ground", required=True, help="Why; kept in platform.source-key."),
        click.option("--did", required=True, help="The key: did:key:z6Mk…"),
        click.option("--source", required=True, help="The source, as its events name it (up to #)."),
    ):
        function = option(function)
    return function


@click.command("new-source")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@one_line_errors
def new_source(file: Path) -> None:
    """Make a key pair for a device or gateway: the private key into FILE (PEM, 0600), its did:key printed."""
    from streams.signing.signer import Signer

    click.echo(Signer.create(file.absolute()).did)


@click.command("register")
@data_option
@_key_options
@click.option(
    "--required/--not-required",
    default=True,
    show_default=True,
    help="Whether each event of the source must be signed from then on.",
)
@click.option("--from", "valid_from", help="Not before this, ISO 8601 with offset (default: now).")
@one_line_errors
def register_source(
    data: Path, source: str, did: str, ground: str, required: bool, valid_from: str | None
) -> None:
    """Register the key that may sign for a source: a sealed record, in force a few seconds later."""
    from infra.admin.source_keys import register as write

    begin = datetime.now(UTC) if valid_from is None else _instant(valid_from)
    since = write(
        running(data, "kafka"), catalog(), source, did, required=required, valid_from=begin, ground=ground
    )
    must = "must be signed" if required else "may be signed"
    click.echo(f"{source}: {did} signs; its events {must}, in force from {since}")


@click.command("revoke-source")
@data_option
@_key_options
@click.option(
    "--required/--not-required",
    default=None,
    help="Whether the source must sign on, with another key (default: as before).",
)
@one_line_errors
def revoke_source(data: Path, source: str, did: str, ground: str, required: bool | None) -> None:
    """Revoke a key of a source: what it signs is refused from then on; what it signed stays as it is."""
    from infra.admin.source_keys import revoke

    since = revoke(running(data, "kafka"), catalog(), source, did, required=required, ground=ground)
    click.echo(f"{source}: {did} signs no more, in force from {since}")


@click.command("sources")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of words.")
@one_line_errors
def sources(data: Path, as_json: bool) -> None:
    """List the registered keys of sources, and how many of their numbers are missing."""
    from infra.admin.source_keys import source_keys

    found = source_keys(running(data, "kafka", "clickhouse"), catalog())
    if as_json:
        print_json(found)
        return
    for each in found:
        must = "must sign" if each["required"] else "may sign"
        since = f" since {each['in_force_from']}" if each["in_force_from"] else ""
        which = each["did"] or "unsigned"
        click.echo(f"{each['source']}  {which}  {each['standing']}{since}, {must}, {each['missing']} missing")
    if not found:
        click.echo("no source has a key")


def _instant(text: str) -> datetime:
    from infra.errors import SettingsError
    from streams.produce.json_lines import instant

    try:
        return instant("--from", text)
    except ValueError as error:
        raise SettingsError(str(error)) from None
