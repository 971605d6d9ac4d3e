"""The tables of docs/ agree with the code that they describe: commands, options, report, counts, stages, envelope."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import click

from infra.cli import main
from infra.reconcile import report
from infra.reconcile.count import TopicCount
from schemas.catalog import load_catalog
from streams.dead_letter import Stage

ROOT = Path(__file__).parents[1]
_CODE = re.compile(r"`([^`]+)`")
_WORD = re.compile(r"[a-z][a-z-]*")


def first_cells(page: str, heading: str) -> list[str]:
    """Return the first cell of every row of the tables below a heading, header rows left out."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")]
    return [cell for cell in cells if cell.startswith("`")]


def quoted(page: str, heading: str) -> list[str]:
    """Return what stands in backticks in the first cells below a heading."""
    return [code for cell in first_cells(page, heading) for code in _CODE.findall(cell)]


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Return the words of every command that is no group."""
    found: set[tuple[str, ...]] = set()
    for name, command in group.commands.items():
        words = (*path, name)
        found |= leaves(command, words) if isinstance(command, click.Group) else {words}
    return found


def documented_commands() -> set[tuple[str, ...]]:
    """Return the words of each command that docs/commands.md tells, `city` left out."""
    found: set[tuple[str, ...]] = {("up",)}
    for cell in first_cells("commands.md", "Other commands"):
        before: tuple[str, ...] = ()
        for code in _CODE.findall(cell):
            words = tuple(word for word in code.split() if _WORD.fullmatch(word))
            words = words[1:] if words[0] == "city" else (*before[:-1], *words)
            found.add(words)
            before = words
    return found


def test_the_page_of_commands_has_every_command_and_no_other() -> None:
    """A command that is added or dropped changes docs/commands.md."""
    assert documented_commands() == leaves(main)


def test_the_page_of_commands_has_every_option_of_up_and_no_other() -> None:
    """The options of `city up`, both spellings of a switch."""
    options = {
        name
        for each in main.commands["up"].params
        if isinstance(each, click.Option)
        for name in (*each.opts, *each.secondary_opts)
    }
    told = {name for cell in first_cells("commands.md", "city up") for name in re.findall(r"--[a-z-]+", cell)}
    assert told == options - {"--help", "-h"}


def test_the_report_has_the_members_that_its_page_names() -> None:
    """The members of `--report`, in their order."""
    document = report.build(
        catalog=load_catalog(),
        inputs={},
        counts={},
        city_log={},
        logs=[],
        to_row_ms={},
        audit_problems=[],
        seconds=1.0,
    )
    assert quoted("commands.md", "Report") == list(document)


def test_the_counts_are_those_of_their_page() -> None:
    """The members of a topic's counts."""
    assert set(quoted("counts.md", "What is counted")) == {each.name for each in fields(TopicCount)}


def test_the_stages_of_dead_letters_are_those_of_their_page() -> None:
    """Every stage stands in the page and no other."""
    assert set(quoted("dead-letters.md", "Stages")) == set(get_args(Stage))


def test_the_fields_of_a_dead_letter_are_those_of_their_page() -> None:
    """Every field of the schema stands in the page and no other."""
    path = ROOT / "schemas" / "domains" / "platform" / "dead-letter.v1.avsc"
    schema = json.loads(path.read_text(encoding="utf-8"))
    assert set(quoted("dead-letters.md", "Topics")) == {each["name"] for each in schema["fields"]}


def test_the_envelope_is_that_of_its_page() -> None:
    """The fields of every event, in their order."""
    schema = json.loads((ROOT / "schemas" / "envelope.v1.avsc").read_text(encoding="utf-8"))
    assert quoted("events.md", "Envelope") == [each["name"] for each in schema["fields"]]
