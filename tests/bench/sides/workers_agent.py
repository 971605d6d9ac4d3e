"""One of several agent workers for `workers-agents`: the worker process as the platform runs it, with one rule."""

from __future__ import annotations

from pathlib import Path

from schemas.catalog import load_catalog
from streams.app import run
from streams.config import StreamsConfig
from streams.metrics import no_emit
from tests.bench.sides.agents_ours import MODULE, declare
from tests.bench.sides.told import Told


def main() -> None:
    """Work until SIGTERM."""
    told = Told.read()
    declare(told)
    config = StreamsConfig(
        kafka=told.kafka, data=Path(told.folder), group=told.group, domains=False, extra_agents=(MODULE,)
    )
    run(config, load_catalog(), no_emit)


if __name__ == "__main__":
    main()
