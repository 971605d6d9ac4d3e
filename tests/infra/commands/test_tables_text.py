"""No table on standard output cuts what it is there for, at any width and in a pipe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click import unstyle
from click.testing import CliRunner
from rich.console import Console

from infra.cli import main
from schemas.catalog import load_catalog

if TYPE_CHECKING:
    from pathlib import Path


def shown(monkeypatch: pytest.MonkeyPatch, words: list[str], columns: int | None) -> str:
    """Return what a command prints on a terminal of so many columns; None: in a pipe."""
    monkeypatch.setattr(Console, "is_terminal", property(lambda _: columns is not None))
    monkeypatch.setenv("COLUMNS", str(columns or 80))
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return unstyle(done.output)


@pytest.mark.parametrize("columns", [None, 40, 60, 80, 100, 132, 200, 400])
def test_every_topic_of_the_catalogue_stands_whole_in_the_list(
    monkeypatch: pytest.MonkeyPatch, columns: int | None
) -> None:
    """In lines no longer than the terminal is wide; in a pipe one line for each topic."""
    output = shown(monkeypatch, ["schemas", "list"], columns)
    found = set(output.split())
    assert found >= set(load_catalog().topics)
    if columns is None:
        assert len(output.splitlines()) == len(load_catalog().topics) + 1
    else:
        assert max(map(len, output.splitlines())) <= columns


@pytest.mark.parametrize("columns", [None, 60, 80, 132])
def test_who_may_read_what_stands_whole(monkeypatch: pytest.MonkeyPatch, columns: int | None) -> None:
    """Subscribers and their topics."""
    found = set(shown(monkeypatch, ["subscribe", "--list"], columns).replace(",", " ").split())
    assert found >= {
        "insurer-a",
        "repair-shop-b",
        "vehicle.accident",
        "vehicle.dssad-event",
        "vehicle.hard-braking",
    }


def test_a_subscriber_elsewhere_gets_its_document_without_a_city(tmp_path: Path) -> None:
    """The address is the one that was named; what nobody told is left out."""
    words = [
        "subscribe",
        "--as",
        "insurer-a",
        "--asyncapi",
        "--kafka",
        "city.example:9093",
        "--data",
        str(tmp_path),
    ]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    document = json.loads(done.output)
    (server,) = document["servers"].values()
    assert server["host"] == "city.example:9093"
    assert "schemaRegistryUrl" not in server["bindings"]["kafka"]
    with_registry = CliRunner().invoke(main, [*words, "--registry", "http://city.example:8081"])
    (server,) = json.loads(with_registry.output)["servers"].values()
    assert server["bindings"]["kafka"]["schemaRegistryUrl"] == "http://city.example:8081"
