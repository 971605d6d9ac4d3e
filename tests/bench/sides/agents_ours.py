"""Ours: the worker process as the platform runs it, with one rule; a clock around its batches."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from schemas.catalog import load_catalog
from streams.agents import Output, Record, State, batched
from streams.config import StreamsConfig
from streams.metrics import no_emit
from streams.worker.app import create_app, run_app
from streams.worker.batch_runner import BatchRunner
from tests.bench.kafka_stage import PATIENCE_S, Broker
from tests.bench.sides.told import Told
from tests.bench.work import READING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.worker.batches import Batch
    from tests.bench.clock import Clock

MODULE = "bench_rule"


def declare(told: Told) -> StreamsConfig:
    """Make the module that declares the rule, as a domain's `agents.py` does; return the settings of its worker."""
    task = told.task
    fold = task.fold

    def derive(record: Record) -> Iterator[Output]:
        yield Output(task.output, task.fields(record.event, None), key=record.key)

    def remember(record: Record, state: State) -> Iterator[Output]:
        after = fold(state.get(), record.event) if fold else None
        state.put(after)
        yield Output(task.output, task.fields(record.event, after), key=record.key)

    def nothing(record: Record) -> tuple[Output, ...]:
        del record
        return ()

    rule = (remember if fold else derive) if task.output else nothing
    outputs = (task.output,) if task.output else ()
    module = ModuleType(MODULE)
    module.rule = batched(READING, rule=str(task.rule), outputs=outputs)(rule)  # type: ignore[attr-defined]
    sys.modules[MODULE] = module
    return StreamsConfig(
        kafka=told.kafka, data=Path(told.folder), group=told.group, domains=False, extra_agents=(MODULE,)
    )


def watch(clock: Clock, ended: threading.Event) -> None:
    """Start the clock with the first batch, stop it when the last one is done."""
    honest = BatchRunner.run

    async def run(self: BatchRunner, batch: Batch) -> None:
        clock.begin()
        await honest(self, batch)
        if batch.done and clock.count(len(batch.records)):
            clock.finish()
            ended.set()

    BatchRunner.run = run  # type: ignore[method-assign]


def stop_when_committed(told: Told, ended: threading.Event, stop: threading.Event) -> None:
    """Stop the worker once it has committed what it did; a worker that is stopped at once leaves that to the next."""
    ended.wait()
    try:
        Broker(told.kafka, 0, Path(told.folder)).await_commit(told.group, told.source, PATIENCE_S)
    finally:
        stop.set()


def main() -> None:
    """Be a worker until everything is done."""
    told = Told.read()
    config = declare(told)
    ended, stop = threading.Event(), threading.Event()
    watch(told.clock(), ended)
    threading.Thread(target=stop_when_committed, args=(told, ended, stop), daemon=True).start()
    run_app(create_app(config, load_catalog(), no_emit), config, stop)


if __name__ == "__main__":
    main()
