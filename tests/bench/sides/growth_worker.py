"""A worker of the platform for `growth-stream`: all agents, or the ClickHouse sink with its roll-ups, until SIGTERM."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

from infra.clickhouse.migrations.scripts import load_rollups
from schemas.catalog import load_catalog
from streams.clickhouse_sink.sink import SinkConfig
from streams.clickhouse_sink.sink import run as run_sink
from streams.config import StreamsConfig
from streams.gc_tuning import tune_gc
from streams.metrics import no_emit
from streams.worker.app import run as run_agents


def main() -> None:
    """Be what is asked for."""
    told = json.loads(sys.argv[1])
    catalog = load_catalog()
    if "agents" in told:
        config = StreamsConfig(**{**told["agents"], "data": Path(told["agents"]["data"])})
        run_agents(config, catalog, no_emit)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    tune_gc()  # as the sink's role does
    run_sink(SinkConfig(**told["sink"], rollups=load_rollups(catalog)), catalog, stop)


if __name__ == "__main__":
    main()
