"""A worker process of the probe domain, for tests that kill and stop it: `KAFKA DATA GROUP [name=value …]`."""

import logging
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from schemas.codec import decode
from streams.config import StreamsConfig
from streams.metrics import no_emit
from streams.produce.deliveries import DeliveryTracker
from streams.state.store import PartitionStore, StateTransaction
from streams.worker.app import create_app, run_app
from streams.worker.app import run as run_worker
from streams.worker.batches import Batch, PartitionProgress
from streams.worker.faust_app import CityApp
from tests.streams.probe import BROKEN, ECHO, SECRET, probe_catalog


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
        origin_settle_s=1.0,
    )
    return replace(base, **changes)


def commit_early() -> None:
    """Break the one rule: call batches done when they are delivered to the agent. The control that must lose."""
    honest = PartitionProgress.deliver

    def deliver(self: PartitionProgress, batch: Batch) -> None:
        honest(self, batch)
        batch.done = True

    PartitionProgress.deliver = deliver  # type: ignore[method-assign]


def fail_at(number: int) -> None:
    """Have every batch up to `number` fail once, after its outputs are delivered and before its state is written."""
    honest, failed = PartitionStore.write, set[int]()

    def write(
        self: PartitionStore,
        transaction: StateTransaction,
        committed: int | None,
        deliveries: DeliveryTracker,
    ) -> None:
        last = max(offset for offset, _ in transaction.changes.values())
        if len(failed) < number and last not in failed:
            failed.add(last)
            raise OSError("told to")
        honest(self, transaction, committed, deliveries)

    PartitionStore.write = write  # type: ignore[method-assign]


def raise_in_agent(number: int) -> None:
    """Have the first batches escape the agent's own care, so that Faust starts the agent again."""
    honest, left = CityApp.give_back, [number]

    async def give_back(self: CityApp, batch: Batch, error: BaseException) -> None:
        if left[0] and not isinstance(error, LookupError):
            left[0] -= 1
            raise LookupError("told to escape") from error
        await honest(self, batch, error)

    CityApp.give_back = give_back  # type: ignore[method-assign]


def run_beside(app: CityApp) -> None:
    """Add an ordinary Faust agent of an ordinary per-record topic: it answers each `probe.secret` with an echo."""
    catalog = probe_catalog()

    async def beside(stream: Any) -> None:
        async for event in stream.events():
            _, secret = decode(event.value, catalog, raw=True)
            head = {name: secret[name] for name in ("event_id", "salt", "source", "occurred_at")}
            app.event_producer.produce(
                ECHO, {**head, "subject": secret["subject"], "number": event.message.offset}
            )

    topic = app.topic(SECRET, value_type=bytes, value_serializer="raw")
    app.agent(topic, name="beside")(beside)


def print_stopped(name: str, value: float, labels: Mapping[str, str]) -> None:
    """Take a figure; print it if it shows a stopped topic."""
    if name == "agents_topic_stopped":
        sys.stderr.write(f"{name} {value:g} {labels['topic']}\n")


def main(arguments: list[str]) -> None:
    """Run a worker until it is ended."""
    logging.basicConfig(level=logging.WARNING)
    kafka, data, group, *rest = arguments
    given = dict(each.split("=", 1) for each in rest)
    if given.pop("early", ""):
        commit_early()
    fail_at(int(given.pop("fail", "0")))
    if escaping := int(given.pop("escape", "0")):
        raise_in_agent(escaping)
    besides = given.pop("beside", "")
    if given.pop("broken", ""):
        BROKEN.add("probe-echo")
    answers = ("tests.streams.probe_answers",) if given.pop("answers", "") else ()
    kinds = {each.name: each.type for each in fields(StreamsConfig)}
    changes = {name: (int if kinds[name] is int else float)(value) for name, value in given.items()}
    config = probe_config(kafka, Path(data), group, **changes)
    config = replace(config, extra_agents=(*config.extra_agents, *answers))
    if besides:
        app = create_app(config, probe_catalog(), no_emit)
        run_beside(app)
        run_app(app, config)
    run_worker(config, probe_catalog(), print_stopped)


if __name__ == "__main__":
    main(sys.argv[1:])
