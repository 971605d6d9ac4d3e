"""A ClickHouse sink that drops one record and doubles another: the report must turn red.

Run in place of the real one: `CITY_COMMAND_SINK="<python> -m tests.faults.broken_sink"`.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from infra import layer_configs as configs
from infra.platform_events.events import emitter
from infra.process.child import stop_event
from infra.settings import from_environment
from streams.clickhouse_sink.sink import run

if TYPE_CHECKING:
    from streams.clickhouse_sink.batch import InsertBatch

TOPIC = "air-quality.reading"


class Faults:
    """Drops the fourth record of the first batch of readings and doubles the fifth."""

    def __init__(self) -> None:
        self.done = False

    def __call__(self, batch: InsertBatch) -> InsertBatch:
        """Change the one batch."""
        if self.done or batch.topic != TOPIC or len(batch) < 6:
            return batch
        self.done = True
        return batch.pick([0, 1, 2, 4, 4, *range(5, len(batch))])


if __name__ == "__main__":
    settings = from_environment()
    catalog = configs.catalog()
    stop = stop_event()
    run(
        configs.sink_config(settings, catalog),
        catalog,
        stop,
        emitter(settings, catalog),
        transform_for_tests=Faults(),
    )
    sys.stdout.flush()
    os._exit(0)
