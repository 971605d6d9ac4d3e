"""The Faust app of the agents: one ordinary Faust agent for each topic that rules read, in batches.

`create_app` builds the app, `run` is a worker process. `streams/worker/README.md` lists the pitfalls of Faust and
where each is met.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Hashable, Sequence
from secrets import token_hex
from typing import Any, NoReturn

from schemas.catalog import Catalog
from streams.config import StreamsConfig
from streams.errors import RuleFaultError, StopError, StreamsError
from streams.metrics import Emit, Metrics
from streams.produce.kafka import Producer
from streams.produce.producer import EventProducer
from streams.provenance.kafka_key_registry import kafka_registry
from streams.provenance.key_registry import Registry
from streams.state.changelog import KafkaChangelog
from streams.state.entries import Changelog
from streams.state.store import StateStore
from streams.worker.activity import Activity
from streams.worker.batch_runner import BatchRunner
from streams.worker.batches import Batch, BatchSchema
from streams.worker.discovery import discover
from streams.worker.faust_app import CityApp
from streams.worker.liveness import EXIT_UNHEALTHY, Liveness
from streams.worker.refusal_limit import RefusalLimit
from streams.worker.rule_executor import RuleExecutor

_REQUEST_TIMEOUT_S = 40.0
_POLL_INTERVAL_S = 300.0
_QUIET_S = 86_400.0
_CHATTY = ("aiokafka", "faust", "mode")

ChangelogFactory = Callable[[str], Changelog]


def create_app(
    config: StreamsConfig,
    catalog: Catalog,
    emit: Emit | None = None,
    *,
    producer: EventProducer | None = None,
    changelog: ChangelogFactory | None = None,
    registry: Registry | None = None,
) -> CityApp:
    """Return an app with an agent for each topic that rules read.

    Args:
        config: Settings.
        catalog: Topics and schemas.
        emit: Receives lag and counts every `metrics_interval_s`; None: no metrics and no liveness check.
        producer: Sends outputs and dead letters; None: to Kafka.
        changelog: Makes the changelog of a topic from its name; None: in Kafka.
        registry: Keys that may sign for each source; None: the registry in Kafka.

    Raises:
        KafkaDownError: Kafka does not answer.
        StopError: A topic is missing or has another number of partitions than its state, or the refusal limit
            contradicts itself.
        DeclarationError: A rule names a topic that the catalogue does not have, or two rules share a name.
    """
    rules = discover(config, catalog)
    limit = RefusalLimit(config.refusal_limit, config.refusal_share, config.refusal_window)
    producer = producer or Producer(config, catalog)
    owner = token_hex(6)
    make = changelog or (lambda topic: KafkaChangelog(config, producer, topic, owner))
    app = _bare_app(config)
    app.event_producer, app.metrics, app.stores = producer, Metrics(), []
    app.stopped, app.activities = set(), {}
    app.unfinished_batches = config.unfinished_batches
    registry = registry or kafka_registry(config, catalog)
    for topic, handlers in sorted(rules.items()):
        executor = RuleExecutor(catalog, topic, handlers, app.event_producer, app.metrics, registry, limit)
        _add_agent(app, config, topic, executor, make)
    _follow_assignment(app)
    if emit is not None:
        _start_liveness(app, config, sorted(rules), emit)
    return app


def run(
    config: StreamsConfig,
    catalog: Catalog,
    emit: Emit,
    stop: threading.Event | None = None,
    beat: Callable[[], None] | None = None,
) -> NoReturn:
    """Run a worker in the main thread until SIGTERM or SIGINT, then end the process within `stop_within_s`.

    Args:
        config: Settings.
        catalog: Topics and schemas.
        emit: Receives lag and counts every `metrics_interval_s`.
        stop: Acts as SIGTERM when set. An event that is set before the worker is up also stops it.
        beat: Called by the event loop every second; must not block.

    Raises:
        SystemExit: 0 after a signal; otherwise another status, with one line on stderr.
    """
    try:
        app = create_app(config, catalog, emit)
    except StreamsError as error:
        sys.stderr.write(f"agents: {error}\n")
        raise SystemExit(EXIT_UNHEALTHY) from error
    if beat is not None:
        _beat_every_second(app, beat)
    run_app(app, config, stop)


def run_app(app: CityApp, config: StreamsConfig, stop: threading.Event | None = None) -> NoReturn:
    """Run an app that `create_app` returned, as `run` does.

    Args:
        app: The app.
        config: Settings.
        stop: Acts as SIGTERM when set.

    Raises:
        SystemExit: 0 after a signal; otherwise another status, with one line on stderr.
    """
    worker = app.Worker(
        loop=asyncio.new_event_loop(),
        quiet=True,
        override_logging=False,
        redirect_stdouts=False,
    )
    worker.spinner = None
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    _end_after_signal(worker, config.stop_within_s)
    if stop is not None:
        _signal_when_set(app, stop)
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:
        reason = app.crash_reason or worker.crash_reason
        if reason is not None:
            sys.stderr.write(f"agents: {type(reason).__name__}: {reason}\n")
        status = EXIT_UNHEALTHY if reason is not None else ended.code
        raise SystemExit(status) from None
    raise SystemExit(0)


def _bare_app(config: StreamsConfig) -> CityApp:
    """Return the app without agents. Every setting that differs from Faust's own stands here."""
    return CityApp(
        config.group,
        broker=";".join(f"kafka://{each}" for each in config.kafka.split(",")),
        autodiscover=False,
        web_enabled=False,  # it would serve table contents on all interfaces
        topic_allow_declare=False,  # topics are created up front, with the right partitions
        topic_disable_leader=True,
        stream_wait_empty=False,  # a stuck agent would block SIGTERM for ever
        stream_buffer_maxsize=100_000,  # never reached: unfinished batches are capped
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=config.max_fetch_bytes,
        broker_max_poll_records=config.max_batch_records,
        broker_max_poll_interval=_POLL_INTERVAL_S,
        broker_session_timeout=config.session_timeout_s,
        broker_heartbeat_interval=config.heartbeat_s,
        broker_request_timeout=max(_REQUEST_TIMEOUT_S, config.session_timeout_s),
        broker_commit_interval=config.commit_interval_s,
        broker_commit_livelock_soft_timeout=_QUIET_S,  # liveness has its own watch
        stream_processing_timeout=_QUIET_S,
        store="memory://",
        reply_create_topic=False,
    )


def _add_agent(
    app: CityApp,
    config: StreamsConfig,
    topic: str,
    executor: RuleExecutor,
    make: ChangelogFactory,
) -> None:
    store = StateStore(make(topic)) if executor.stateful else None
    if store is not None:
        app.stores.append(store)
        if executor.provenance is not None:
            executor.provenance.partitions = store.changelog.partitions
    activity = Activity() if store is None else Activity(lambda: store.changelog.entries_read)
    app.activities[topic] = activity
    runner = BatchRunner(config, executor, app.event_producer, store, app.metrics, app, activity)

    async def agent(stream: Any) -> None:
        async for event in stream.events():
            batch: Batch = event.value
            if topic in app.stopped:
                continue  # the batch is never done, so no offset behind the stop is committed
            try:
                await runner.run(batch)
            except RuleFaultError as error:
                app.stop_topic(topic, error)
            except StopError as error:
                await app.crash(error)
                raise
            except Exception as error:  # noqa: BLE001 - the batch is not done, so it is fetched again
                await app.give_back(batch, error)
            else:
                app.succeeded()

    channel = app.topic(topic, schema=BatchSchema(), maxsize=100_000)
    app.agent(channel, name=f"agents.{topic}", concurrency=1)(agent)


def _follow_assignment(app: CityApp) -> None:
    """Keep `app.assigned` current, and discard state when partitions are revoked."""

    def on_revoked(_app: Any, _revoked: Any, **_: Any) -> None:
        app.assigned = frozenset()
        for store in app.stores:
            store.discard()

    def on_assigned(_app: Any, assigned: Any, **_: Any) -> None:
        app.assigned = frozenset((tp.topic, tp.partition) for tp in assigned)

    app.on_partitions_revoked.connect(on_revoked, weak=False)
    app.on_partitions_assigned.connect(on_assigned, weak=False)


def _start_liveness(app: CityApp, config: StreamsConfig, topics: Sequence[str], emit: Emit) -> None:
    """Start the liveness thread when the app starts."""

    def worked(topic: str) -> Hashable:
        return app.activities[topic].progress()

    liveness = Liveness(
        config, topics, lambda: app.assigned, app.metrics, emit, stopped=app.stopped, worked=worked
    )

    async def watch() -> None:
        liveness.start()

    app.task(watch)


def _beat_every_second(app: CityApp, beat: Callable[[], None]) -> None:
    """Call `beat` from the event loop, so that it stands still while the loop is blocked."""

    async def tick() -> None:
        while not app.should_stop:
            beat()
            await asyncio.sleep(1.0)

    app.task(tick)


def _signal_when_set(app: CityApp, stop: threading.Event) -> None:
    """Send SIGTERM to this process when the event is set, but not before the worker handles signals."""

    def wait() -> None:
        stop.wait()
        os.kill(os.getpid(), signal.SIGTERM)

    async def listen() -> None:
        threading.Thread(target=wait, name="stop", daemon=True).start()

    app.task(listen)


def _end_after_signal(worker: Any, within_s: float) -> None:
    """Make SIGTERM and SIGINT end the process within `within_s`, even if a part does not stop."""

    def end() -> None:
        sys.stderr.write(
            f"agents: did not stop within {within_s:g} s: ending; unfinished batches come again\n"
        )
        sys.stderr.flush()
        os._exit(EXIT_UNHEALTHY)

    def arm() -> None:
        timer = threading.Timer(within_s, end)
        timer.daemon = True
        timer.start()

    schedule = worker._schedule_shutdown  # noqa: SLF001 - Faust handles both signals here

    def shutdown(sent: signal.Signals) -> None:
        arm()
        schedule(sent)

    worker._schedule_shutdown = shutdown  # noqa: SLF001
