"""The whole platform as containers passes the end-to-end suite of the processes, and survives kills like them."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from schemas.subscriber_grants import load_subscribers
from streams.subscriber import Connection, Subscription
from tests.end_to_end.test_up_once import (
    test_bundled_recordings_come_through_whole_and_a_second_run_changes_nothing,
)
from tests.harness.comparison import assert_nothing_differs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from schemas.catalog import Catalog
    from tests.containers.container_city import ContainerCity
    from tests.harness.city import City

__all__ = ["test_bundled_recordings_come_through_whole_and_a_second_run_changes_nothing"]

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]
VICTIMS = ("kafka", "clickhouse", "signer", "witness", "worker", "sink", "ledger", "web")


def test_killed_containers_lose_and_double_nothing(
    make_city: Callable[..., ContainerCity], small_recordings: Path, whole_city: City, catalog: Catalog
) -> None:
    """Every container killed once during a replay: all is as in an undisturbed stack of processes, subscribers too."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    city = make_city()
    city.up()
    replay = city.project.start(*city.settle_words("--recordings", str(small_recordings), speed="400000"))
    for victim in chance.sample(VICTIMS, len(VICTIMS)):
        time.sleep(chance.uniform(0.2, 1.5))
        city.kill(victim)
    replay.communicate(timeout=200)  # it may have met a dead store and said so; the next run goes on
    run = city.up_once("--recordings", str(small_recordings))
    assert run.returncode == 0, run.stdout + run.stderr + city.logs()
    assert city.read_report()["audit"] == {"verdict": "pass", "problems": []}
    assert_nothing_differs(city, whole_city)
    for name, declared in load_subscribers(catalog).items():
        password = city.inside("web", "cat", f"/data/keys/subscribers/{name}").strip()
        connection = Connection(f"127.0.0.1:{city.ports['sasl']}", name, password)
        with Subscription(connection, catalog) as events:
            assert events.granted == declared.topics
