"""One whole stack, as `city up` starts it: broker, engine, signer, witness, worker, sink, ledger and web.

Without the replay, Grafana and the screen of the command, which are no part of the path. It runs in a folder of its
own on ports of its own, and every process is ended with it.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.layer_configs import catalog
from infra.ports import free_port
from infra.process.supervisor import Supervisor
from infra.settings import Settings, remember, settle_ports
from infra.stack.stack import Stack
from tests.bench.path.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.catalog import Catalog, Topic

DOMAINS = ("air_quality", "vehicle")


@dataclass(frozen=True)
class City:
    """A running stack and the load's process.

    Attributes:
        settings: Where its parts are.
        topics: Its catalogue.
        supervisor: Its processes.
        driver: The load's.
    """

    settings: Settings
    topics: Catalog
    supervisor: Supervisor
    driver: Driver

    @property
    def ledger(self) -> Path:
        """Folder of the ledger's published files."""
        return self.settings.data / "ledger"

    @property
    def watched(self) -> list[Topic]:
        """The topics on which the load and what is derived from it come."""
        return [each for each in self.topics.topics.values() if each.domain in DOMAINS]

    def check(self) -> None:
        """Raise if a process ended.

        Raises:
            StackError: One did; in its last words.
        """
        self.supervisor.check()

    def pids(self) -> dict[str, int]:
        """Return the processes by name, the load among them."""
        return {
            **{child.name: child.process.pid for child in self.supervisor.children},
            "load": self.driver.pid,
        }


@contextlib.contextmanager
def a_city() -> Iterator[City]:
    """Start a stack and a load that sends nothing yet."""
    with tempfile.TemporaryDirectory(prefix="city-bench-path-") as folder:
        kafka = free_port()
        clickhouse = free_port([kafka])
        named = {"kafka": kafka, "clickhouse": clickhouse, "web": free_port([kafka, clickhouse])}
        settings = Settings(data=Path(folder) / "city", ports=settle_ports(named))
        topics, supervisor = catalog(), Supervisor(settings.data)
        supervisor.take()
        try:
            remember(settings)
            Stack(settings, topics, supervisor, supervisor.check).start()
            with Driver(settings.kafka_address, Path(folder)) as driver:
                yield City(settings, topics, supervisor, driver)
        finally:
            supervisor.stop()
            supervisor.release()
