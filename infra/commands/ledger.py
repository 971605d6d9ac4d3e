"""`city prove|audit|witness|keys`: evidence from the ledger, its audit, a witness, and its keys."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.commands.common import catalog, data_option, one_line_errors, print_json, running
from infra.commands.one_line import CityGroup
from infra.commands.progress import shown_progress
from ledger_sink.regular_file import read_regular_text

if TYPE_CHECKING:
    from infra.evidence.audit import WholeAudit
    from infra.settings import Settings
    from schemas.catalog import Catalog


def register(group: click.Group) -> None:
    """Add the commands to `city`."""
    for command in (prove, audit, witness, keys):
        group.add_command(command)


@click.command()
@data_option
@click.option("--topic", help="The records' topic.")
@click.option(
    "--partition", help="The partition; with --subject, only if the subject has records in several."
)
@click.option("--offset", help="The record's offset.")
@click.option("--event", help="Instead of topic, partition and offset: the event_id.")
@click.option(
    "--subject", help="All records with this key (a station, a vehicle, a pseudonym), in one bundle."
)
@click.option("--from", "start", help="From this time (2026-11-22T10:00:00Z) or offset on.")
@click.option("--to", "end", help="Up to this time or offset, itself not included.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@click.option("--wait", default=15.0, show_default=True, help="Seconds to wait for a cosigned checkpoint.")
@one_line_errors
def prove(data: Path, output: Path | None, wait: float, **parameters: str | None) -> None:
    """Write the evidence bundle of one record, one event, or an interval, for `ledger-verify`.

    With --subject, --from or --to the bundle holds every leaf of the interval, and the records of the subject (without
    a subject: all records).
    """
    from infra.evidence.prove import EvidenceRequest, prove_request

    names = {"start": "from", "end": "to"}
    request = EvidenceRequest.of({names.get(k, k): v for k, v in parameters.items() if v is not None})
    settings = running(data, *request.needs)
    bundle = prove_request(settings, catalog(), request, wait)
    path = output or Path(bundle.name)
    path.write_bytes(bundle.data)
    click.echo(f"{path}: {len(bundle.data)} bytes, evidence of {bundle.about}")
    click.echo(f"check it: ledger-verify {path} --policy {settings.data / 'ledger' / 'policy.txt'}")


MOST_PROBLEMS = 20


@click.command()
@data_option
@click.option("--incremental", is_flag=True, help="Only what came after the last audit that passed.")
@click.option("--verbose", is_flag=True, help="Print every problem, and all that was not checked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of words.")
@one_line_errors
def audit(data: Path, incremental: bool, verbose: bool, as_json: bool) -> None:
    """Recompute everything: Kafka, archive, leaves, tiles, checkpoints, blocks, cosignatures, typed rows, roll-ups.

    Exit code 0: all holds. 1: something does not. 3: something could not be read, and the rest holds.
    """
    from infra.evidence.audit import run_audit

    settings, topics = running(data), catalog()
    with shown_progress("audit", "reading the stores") as progress:
        result = run_audit(
            settings,
            topics,
            settled=False,
            incremental=incremental,
            progress=lambda line: progress(f"reading {line}"),
        )
    _send(settings, topics, result)
    if as_json:
        print_json(
            {
                "verdict": result.verdict,
                "problems": result.problems,
                "unreadable": result.unreadable,
                "explained": result.explained,
                "set_aside": result.set_aside,
                "rests_on": result.rests_on,
                "not_checked": result.not_checked,
                "compared": result.compared(),
                "seconds": round(result.ledger.seconds, 3),
            }
        )
    else:
        _print_audit(result, verbose=verbose)
    sys.exit(result.exit_code)


def _send(settings: Settings, topics: Catalog, result: WholeAudit) -> None:
    """Send the audit's event; where Kafka cannot take it, say so."""
    from confluent_kafka import KafkaException

    from infra.known_errors import known_errors
    from infra.platform_events.events import send_audit

    document = {
        "audit": {
            "verdict": "pass" if result.verdict == "pass" else "fail",
            "problems": [*result.problems, *result.unreadable],
        },
        "city_log": {"origin": f"{settings.city}/city"},
    }
    if any(line.startswith("Kafka: ") for line in result.unreadable):
        return
    try:
        send_audit(settings, topics, document)
    except (KafkaException, *known_errors()) as error:
        click.echo(f"city: the audit's event was not sent: {error}", err=True)


def _print_audit(result: WholeAudit, *, verbose: bool) -> None:
    """Print the verdict first, then what it leaves out, then the problems."""
    head = [result.verdict_line()]
    head += [f"rests on: {line}" for line in result.rests_on]
    head += [f"could not read: {line}" for line in result.unreadable]
    head += [f"set aside: {line}" for line in result.set_aside]
    if verbose:
        head += [f"not checked: {line}" for line in result.not_checked]
        head += [f"explained: {line}" for line in result.explained]
    else:
        head += [f"not checked: {len(result.not_checked)} things (--verbose lists them)"]
        if result.explained:
            head.append(f"{len(result.explained)} records have no row, and a dead letter each")
    shown = result.problems if verbose else result.problems[:MOST_PROBLEMS]
    head += [f"PROBLEM {line}" for line in shown]
    if len(shown) < len(result.problems):
        head.append(f"and {len(result.problems) - len(shown):,} problems more (--verbose lists them)")
    click.echo("\n".join(head))


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def witness(words: tuple[str, ...]) -> None:
    """Run a C2SP tlog-witness for anybody's logs: `ledger-witness`, see `--help`."""
    from ledger_sink.witness.cli import main

    sys.exit(main(list(words)))


@click.group(cls=CityGroup)
def keys() -> None:
    """Show the ledger's verifier keys, declare a discontinuity, or register which key may sign for a source."""


@keys.command("show")
@data_option
@one_line_errors
def show(data: Path) -> None:
    """Print the verifier keys of every log (tlog-policy lines)."""
    click.echo(read_regular_text(running(data).data / "ledger" / "keys.txt"), nl=False)


@keys.command("new-epoch")
@data_option
@click.option(
    "--sound", is_flag=True, help="Also end logs that could go on, because a key changed for example."
)
@click.argument("topic")
@one_line_errors
def new_epoch(data: Path, topic: str, sound: bool) -> None:
    """Declare a discontinuity of TOPIC while the city is stopped: its logs go on in a new epoch."""
    from infra.admin.produce import declare_epoch

    for origin in declare_epoch(running(data), catalog(), topic, sound=sound):
        click.echo(origin)
