"""`city bench`: the platform against its peers, measured here."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import click

from infra.commands.common import one_line_errors


def register(group: click.Group) -> None:
    """Add the command to `city`."""
    group.add_command(bench)


@click.command()
@click.option("--small", is_flag=True, help="Small sizes: show that the rows work, not how fast they are.")
@click.option("--rounds", type=click.IntRange(1, 100), help="Turns of each side  [default: 5; small: 2]")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write every round to FILE."
)
@click.option("--record", is_flag=True, help="Put the outcome into tests/bench/RESULTS.md.")
@click.argument("rows", nargs=-1)
@one_line_errors
def bench(
    small: bool, rounds: int | None, json_file: Path | None, record: bool, rows: tuple[str, ...]
) -> None:
    """Run benchmarks: ours and its peers in turn, on one broker; ROWS by name or its beginning, by default all."""
    from infra.errors import CityError

    harness = _harness()
    try:
        harness.bench(rows, small=small, rounds=rounds, json_file=json_file, recorded=record)
    except harness.ChoiceError as error:
        raise CityError(str(error)) from error


def _harness() -> Any:
    """Return the benchmark harness, which is part of the repository and not of the installed package."""
    from infra.errors import CityError

    try:
        return importlib.import_module("tests.bench.run")
    except ModuleNotFoundError as error:
        raise CityError(
            f"city bench needs the repository's tests/ and development dependencies ({error.name} is missing): "
            "clone it, and `uv run city bench` there"
        ) from error
