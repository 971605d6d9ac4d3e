"""Grafana beside the stack: found, provisioned, or told how to get."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dashboards.build import boards
from infra.grafana.server import HOW_TO_GET, home_of, prepare
from infra.settings import Settings, Switch
from schemas.catalog import load_catalog

if TYPE_CHECKING:
    from pathlib import Path


def test_without_grafana_one_line_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No program on the PATH: nothing to start, and one line that names the ways."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert prepare(replace(Settings(), data=tmp_path), load_catalog(), 3000) is None
    assert "\n" not in HOW_TO_GET
    assert "city dashboards push" in HOW_TO_GET


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program named `grafana-server`, the only one on the PATH."""
    program = tmp_path / "bin" / "grafana-server"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


def test_a_grafana_that_is_found_gets_data_source_and_every_board(tmp_path: Path, program: Path) -> None:
    """The provisioning files name our ClickHouse and hold every board; secrets are not world-readable."""
    settings = replace(Settings(), data=tmp_path / "data")
    catalog = load_catalog()
    grafana = prepare(settings, catalog, 3999)
    assert grafana is not None
    assert grafana.command[0] == str(program)
    assert grafana.environment["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    folder = tmp_path / "data" / "grafana"
    source = folder / "provisioning" / "datasources" / "city.yaml"
    assert source.stat().st_mode & 0o077 == 0
    data = json.loads(source.read_text())["datasources"][0]
    assert data["jsonData"]["port"] == settings.ports.clickhouse
    assert data["jsonData"]["username"] == "board"
    assert data["secureJsonData"]["password"] == str(settings.board_password)
    assert str(settings.clickhouse_password) not in source.read_text()
    assert {path.stem for path in (folder / "boards").glob("*.json")} == set(boards(catalog))


@pytest.mark.usefixtures("program")
def test_nobody_sees_boards_without_signing_in_unless_asked(tmp_path: Path) -> None:
    """The administrator's password is generated, readable by the owner only, and never `admin`."""
    settings = replace(Settings(), data=tmp_path / "data")
    anonymous = {}
    for switch in Switch:
        grafana = prepare(replace(settings, grafana_anonymous=switch), load_catalog(), 3999)
        assert grafana is not None
        assert grafana.environment["GF_SECURITY_ADMIN_PASSWORD"] == str(settings.grafana_password)
        anonymous[switch] = grafana.environment["GF_AUTH_ANONYMOUS_ENABLED"]
    assert anonymous == {Switch.ON: "true", Switch.OFF: "false"}
    assert len(str(settings.grafana_password)) >= 20
    for name in ("grafana-admin-password", "clickhouse-board-password"):
        assert (settings.data / "keys" / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("program", "home", "link"),
    [
        ("opt/grafana-13.0.0/bin/grafana", "opt/grafana-13.0.0", None),
        ("Cellar/grafana/12.4.1/bin/grafana", "Cellar/grafana/12.4.1/share/grafana", "bin/grafana"),
        (
            "nix/store/abc-grafana-12.4.1/bin/grafana-server",
            "nix/store/abc-grafana-12.4.1/share/grafana",
            "bin/g",
        ),
        ("srv/grafana/bin/grafana-server", "srv/grafana", "usr/local/bin/grafana-server"),
    ],
)
def test_the_home_of_any_installation_is_found(
    tmp_path: Path, program: str, home: str, link: str | None
) -> None:
    """An archive that was unpacked anywhere, Homebrew, Nix, a link on the PATH."""
    real, found = tmp_path / program, tmp_path / (link or program)
    for path in (real, found, tmp_path / home / "conf" / "defaults.ini"):
        path.parent.mkdir(parents=True, exist_ok=True)
    real.write_text("")
    (tmp_path / home / "conf" / "defaults.ini").write_text("")
    if link:
        found.symlink_to(real)
    assert home_of(found) == tmp_path / home


def test_a_program_without_a_home_beside_it_finds_its_own(tmp_path: Path) -> None:
    """A wrapper script, for example."""
    assert home_of(tmp_path / "bin" / "grafana") is None
