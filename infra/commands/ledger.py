"""`city prove|audit|witness|keys`: evidence from the ledger, its audit, a witness, and its keys."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from infra.commands.common import catalog, data_option, one_line_errors, print_json, running
from infra.commands.one_line import CityGroup


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


@click.command()
@data_option
@click.option("--incremental", is_flag=True, help="Only what came after the last audit that passed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of words.")
@one_line_errors
def audit(data: Path, incremental: bool, as_json: bool) -> None:
    """Recompute everything: Kafka, archive, leaves, tiles, checkpoints, blocks, cosignatures."""
    from infra.evidence.records import run_audit
    from infra.platform_events.events import send_audit

    settings, topics = running(data), catalog()
    result = run_audit(settings, topics, settled=False, incremental=incremental)
    document = {
        "audit": {"verdict": result.verdict, "problems": list(result.problems)},
        "city_log": {"origin": f"{settings.city}/city"},
    }
    send_audit(settings, topics, document)
    if as_json:
        print_json(document["audit"])
    else:
        for problem in result.problems:
            click.echo(problem)
        for reason in result.not_checked:
            click.echo(f"not checked: {reason}")
        counts = result.counts.values()
        click.echo(
            f"compared {sum(c.sealed for c in counts):,} leaves, {sum(c.records for c in counts):,} records in "
            f"Kafka, {sum(c.archived for c in counts):,} rows of the archive in {result.seconds:.1f} s"
        )
        click.echo(f"audit: {result.verdict}, {len(result.problems)} problems")
    sys.exit(0 if result.verdict == "pass" else 1)


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
    click.echo((running(data).data / "ledger" / "keys.txt").read_text(), nl=False)


@keys.command("new-epoch")
@data_option
@click.argument("topic")
@one_line_errors
def new_epoch(data: Path, topic: str) -> None:
    """Declare a discontinuity of TOPIC (re-created in Kafka): its logs go on in a new epoch."""
    from infra.admin.produce import declare_epoch

    for origin in declare_epoch(running(data), catalog(), topic):
        click.echo(origin)
