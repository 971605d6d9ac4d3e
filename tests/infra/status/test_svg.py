"""`city status --output`: the terminal's status as a picture, also of a stack of which no part answers."""

from __future__ import annotations

import fcntl
from dataclasses import replace
from typing import TYPE_CHECKING

from click.testing import CliRunner

from infra.cli import main
from infra.ports import free_port
from infra.settings import Settings, remember

if TYPE_CHECKING:
    from pathlib import Path


def test_the_status_is_drawn_with_what_does_not_answer(tmp_path: Path) -> None:
    """The picture holds every topic and says which parts are silent; the exit code is 1, as without a picture."""
    settings = Settings()
    port = free_port()
    silent = replace(settings.ports, kafka=port, clickhouse=port, web=port)
    remember(replace(settings, data=tmp_path, ports=silent))
    path = tmp_path / "status.svg"
    with (tmp_path / "run" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as `city up` does
        drawn = CliRunner().invoke(main, ["status", "--data", str(tmp_path), "--output", str(path)])
    assert (drawn.exit_code, drawn.output) == (1, f"{path}\n")
    svg = path.read_text(encoding="utf-8")
    assert "air-quality.reading" in svg
    assert "ClickHouse\N{NO-BREAK SPACE}does\N{NO-BREAK SPACE}not\N{NO-BREAK SPACE}answer" in svg
    own = ("http://www.w3.org/", "http://127.0.0.1:")  # SVG's own vocabulary, and the parts of the stack
    assert svg.count("://") == sum(svg.count(each) for each in own)
