"""`city dashboards push` as an operator types it: options, output, exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from infra.cli import main
from tests.dashboards.pushing_city import PASSWORD, UIDS, City, pushing_city
from tests.harness.parts import stack_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

TOKEN = "glsa_geheim"


@pytest.fixture
def city() -> Iterator[City]:
    """A city with an empty Grafana that knows a password and a token."""
    with pushing_city() as city:
        city.grafana.authorizations.add(f"Bearer {TOKEN}")
        yield city


def push(data: Path, url: str, *words: str, typed: str = "") -> Result:
    """Run the command over a stack that has run in a data directory; no secret may be printed."""
    with stack_of(data, {}, running=False) as settings:
        command = ["dashboards", "push", "--data", str(data), "--grafana", url, *words]
        done = CliRunner().invoke(main, command, input=typed)
        for secret in (PASSWORD, TOKEN, str(settings.board_password)):
            assert secret not in done.output
    return done


def test_with_a_password_file_everything_is_pushed(city: City, tmp_path: Path) -> None:
    """One line each and a summary; the stack need not run."""
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    done = push(tmp_path / "data", city.url.replace("//", "//admin@"), "--password-file", str(file))
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == len(UIDS) + 4
    assert set(city.grafana.boards) == set(UIDS)


def test_a_token_from_standard_input_and_a_dry_run(city: City, tmp_path: Path) -> None:
    """The dry run ends with 0 and sends nothing."""
    done = push(tmp_path / "data", city.url, "--token-file", "-", "--dry-run", typed=f"{TOKEN}\n")
    assert done.exit_code == 0, done.output
    assert "would be created" in done.stdout
    assert city.grafana.changes == []


def test_a_wrong_password_is_one_line(city: City, tmp_path: Path) -> None:
    """Exit code 2, nothing on standard output."""
    done = push(
        tmp_path / "data", city.url.replace("//", "//admin@"), "--password-file", "-", typed="wrong\n"
    )
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(
        f"city: {city.url}/: Grafana refuses to say whether the plug-in is there: 401"
    )
    assert len(done.stderr.splitlines()) == 1


def test_a_password_in_the_address_is_refused_before_anything_is_asked(city: City, tmp_path: Path) -> None:
    """Exit code 2, and the options that take its place; help names them too, and the dry run."""
    done = push(tmp_path / "data", city.url.replace("//", f"//admin:{TOKEN}@"))
    assert done.exit_code == 2
    assert "--password-file FILE" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert city.grafana.asked == []
    text = CliRunner().invoke(main, ["dashboards", "push", "--help"]).output
    assert all(word in text for word in ("--token-file", "--dry-run", "--keep-permissions", "overwritten"))
