"""Growth of the boards: what each panel's query takes with 50 M readings of air quality in the typed table.

The tables are filled inside the engine (`tests/bench/fill.py`), the roll-ups likewise, and each query is the text of
its panel over the board's own time range, sent to the door as Grafana sends it. A panel's figure is the middle of
`RUNS` runs, answer included and not parsed; the engine's caches are warm, as they are for a board that is looked at.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.build import boards
from dashboards.queries import expand
from infra.clickhouse.migrations.migrate import migrate
from infra.clickhouse.migrations.scripts import load_rollups
from schemas.catalog import load_catalog
from streams.clickhouse_sink.rollups import names_zones
from tests.bench.fill import Fill, roll_up, settle
from tests.bench.limits import LimitRow, Quantity
from tests.harness.engine import EngineProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_MS = 300.0
RUNS = 5
BOARDS = ("city-overview", "city-air-quality", "city-vehicle", "city-energy")
READING = "air-quality.reading"
SHARES = {
    READING: 1.0,
    "air-quality.index": 0.2,
    "air-quality.category-change": 0.01,
    "vehicle.signal": 0.1,
    "vehicle.trip": 0.001,
    "vehicle.hard-braking": 0.001,
    "vehicle.accident": 0.0001,
    "energy.reading": 0.05,
    "energy.balance": 0.05,
    "energy.community-balance": 0.005,
}
"""By topic: rows, as a share of the readings of air quality."""
_DAYS = {"now-30d": 30.0, "now-1h": 1 / 24, "now-15m": 1 / 96}


@contextlib.contextmanager
def stage(events: int) -> Iterator[Any]:
    """Start an engine, fill its tables and roll-ups; give a client."""
    with tempfile.TemporaryDirectory(prefix="city-bench-panels-") as name:
        (Path(name) / "clickhouse").mkdir()
        door = EngineProcess(Path(name) / "clickhouse" / "data")
        client = door.start().client(query_limit=0, send_receive_timeout=600)
        try:
            _fill(client, events)
            yield client
        finally:
            client.close()
            door.stop()


def _fill(client: Any, events: int) -> None:
    catalog, until_s = load_catalog(), int(time.time())
    migrate(client, catalog)
    for name, share in SHARES.items():
        Fill(catalog.topics[name], int(events * share)).run(client, until_s)
    for statement in load_rollups(catalog)[READING]:
        if not names_zones(statement):
            roll_up(client, statement, until_s)
    settle(client)


def measure(client: Any, number: int, events: int) -> list[Quantity]:
    """Run every panel's query."""
    del number
    middle: dict[str, float] = {}
    slowest = 0.0
    for name, sql in queries():
        took = [_milliseconds(client, sql) for _ in range(RUNS)]
        middle[name] = statistics.median(took)
        slowest = max(slowest, *took)
    over = sum(each > LIMIT_MS for each in middle.values())
    return [
        Quantity("rows of the largest table", "rows", _rows(client), least=events),
        Quantity(f"panels of {len(middle)} over {LIMIT_MS:g} ms", "panels", over, most=0),
        Quantity("slowest run of any panel", "ms", slowest),
        *(Quantity(name, "ms", each, most=LIMIT_MS) for name, each in middle.items()),
    ]


def queries() -> Iterator[tuple[str, str]]:
    """Yield every panel, named with its board and kind, and its query over the board's own time range."""
    made = boards(load_catalog())
    end = datetime.now(tz=UTC)
    for uid in BOARDS:
        start = end - timedelta(days=_DAYS[made[uid]["time"]["from"]])
        for panel in made[uid]["panels"]:
            for place, target in enumerate(panel.get("targets", [])):
                name = f"{uid}, {panel['title']} ({panel['type']}{f' {place}' if place else ''})"
                seconds = max(int((end - start).total_seconds() // 720), 1)
                yield name, expand(target["rawSql"], start, end, interval_s=seconds)


def _milliseconds(client: Any, sql: str) -> float:
    begun = time.perf_counter()
    client.raw_query(sql, fmt="Native")
    return (time.perf_counter() - begun) * 1e3


def _rows(client: Any) -> float:
    return float(client.command(f"SELECT count() FROM city.{load_catalog().topics[READING].table}"))


GROWTH_PANELS = LimitRow(
    "growth-panels",
    "the boards' panels over so many readings of air quality, a year of them",
    stage,
    measure,
    events=50_000_000,
    small=200_000,
)
