"""A worker process of the probe domain, for tests that kill and stop it: `worker.py KAFKA DATA GROUP [name=value …]`."""

import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from streams.app import run as run_worker
from streams.config import StreamsConfig
from streams.metrics import no_emit
from streams.runner import Runner
from tests.streams.probe import probe_catalog


def probe_config(kafka: str, data: Path, group: str, **changes: Any) -> StreamsConfig:
    """Return settings for short tests: small batches, fast commits, a session that ends soon."""
    base = StreamsConfig(
        kafka=kafka,
        data=data,
        group=group,
        domains=False,
        extra_agents=("tests.streams.probe",),
        session_timeout_s=6.0,
        heartbeat_s=1.0,
        commit_interval_s=0.2,
        max_batch_records=100,
        delivery_timeout_s=10.0,
        metrics_interval_s=0.5,
    )
    return replace(base, **changes)


def commit_early() -> None:
    """Break the one rule: call a batch done before it is. The control that must lose."""
    honest = Runner.run

    async def run(self: Runner, batch: Any) -> None:
        batch.done = True
        await honest(self, batch)

    Runner.run = run  # type: ignore[method-assign]


def main(arguments: list[str]) -> None:
    """Run a worker until it is ended."""
    kafka, data, group, *rest = arguments
    given = dict(each.split("=", 1) for each in rest)
    if given.pop("early", ""):
        commit_early()
    kinds = {each.name: each.type for each in fields(StreamsConfig)}
    changes = {name: (int if kinds[name] is int else float)(value) for name, value in given.items()}
    config = probe_config(kafka, Path(data), group, **changes)
    run_worker(config, probe_catalog(), no_emit)


if __name__ == "__main__":
    main(sys.argv[1:])
