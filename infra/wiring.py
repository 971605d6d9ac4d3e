"""Joins the parts: each role's run, from one `Settings`; what each part is given of it stands in `configs.py`.

A layer gets what it needs as values and callables (a config record, a catalogue, an `emit`); no layer knows
the settings or another layer. Each `run_<role>` runs one process of the stack until `stop` is set.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.configs import catalog, ledger_config, sink_config, streams_config
from infra.emit import Emitter, pause_file

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Mapping, Sequence

    from infra.settings import Settings
    from schemas.catalog import Catalog
    from streams.pace import Speed
    from streams.produce import Producer


class PlatformEvents:
    """Sends events of the platform about itself."""

    def __init__(self, producer: Producer, process: str) -> None:
        self._producer = producer
        self._process = process

    def event(self, topic: str, body: Mapping[str, Any]) -> None:
        """Send one event of a platform topic, with an envelope of its own."""
        from streams.identity import device_id, device_salt

        now_us = time.time_ns() // 1000
        self._producer.produce(
            topic,
            {
                "event_id": device_id(now_us // 1000),
                "salt": device_salt(),
                "source": f"urn:city:{self._process}",
                "occurred_at": now_us,
                "recorded_at": None,
                **body,
            },
        )

    def send(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        """Send one metric."""
        from schemas.names import topic_name

        body = {"name": name, "value": float(value), "labels": dict(labels)}
        self.event(topic_name("platform", "metric"), {**body, "process": self._process, "host": None})

    def flush(self) -> None:
        """Wait until all is delivered."""
        self._producer.flush()


def emitter(settings: Settings, topics: Catalog) -> Emitter:
    """Return this process's running emitter of metric events."""
    from infra.settings import process_name
    from streams.produce import Producer

    sender = PlatformEvents(Producer(streams_config(settings), topics), process_name())
    return Emitter(sender, pause_file(settings.data), settings.metrics_interval_s).start()


# --- roles -------------------------------------------------------------------------------------------


def run_worker(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run one Faust worker; it handles signals itself."""
    from streams.app import run

    topics = catalog()
    run(streams_config(settings), topics, emitter(settings, topics), stop)
    return 0


def run_sink(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the ClickHouse sink."""
    from streams.collector import rest_collector
    from streams.sinks.clickhouse import run

    topics = catalog()
    rest_collector()
    run(sink_config(settings, topics), topics, stop, emitter(settings, topics))
    return 0


def run_ledger(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the ledger sink: sequencers and the city chain."""
    from ledger_sink.sink import run
    from streams.collector import rest_collector

    topics = catalog()
    rest_collector()
    run(ledger_config(settings, topics), stop, emitter(settings, topics))
    return 0


def run_signer(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the signer: it holds the key and sees no events."""
    from ledger_sink.config import SignerConfig
    from ledger_sink.signer import run

    run(SignerConfig(settings.data, settings.city, settings.listen, settings.ports.signer), stop)
    return 0


def run_witness(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the stack's own witness (not independent; verdicts say so)."""
    from ledger_sink.config import WitnessConfig
    from ledger_sink.format.keys import own_witness_name
    from ledger_sink.witness import run

    config = WitnessConfig(
        directory=settings.data / "witness",
        name=own_witness_name(settings.city),
        logs_file=settings.data / "ledger" / "policy.txt",
        host=settings.listen,
        port=settings.ports.witness,
    )
    run(config, stop)
    return 0


def run_web(settings: Settings, stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the status page, registry, metrics and ledger tiles."""
    from infra.web.app import serve

    serve(settings, catalog(), stop)
    return 0


# --- audit -------------------------------------------------------------------------------------------


def send_audit(settings: Settings, topics: Catalog, document: Mapping[str, Any]) -> None:
    """Send the event that tells what an audit found."""
    from schemas.names import topic_name
    from streams.produce import Producer

    verdict = document["audit"]
    with Producer(streams_config(settings), topics) as producer:
        PlatformEvents(producer, "audit").event(
            topic_name("platform", "audit"),
            {
                "kind": "ledger",
                "subject": f"{settings.city}/city",
                "verdict": verdict["verdict"].upper(),
                "problems": list(verdict["problems"])[:100],
                "details": {k: str(v) for k, v in document["city_log"].items()},
            },
        )
        producer.flush()


# --- recordings and events by hand ----------------------------------------------------------------------


def run_door(settings: Settings, _stop: threading.Event, _arguments: Sequence[str]) -> int:
    """Run the embedded ClickHouse engine behind its HTTP door; it handles signals itself."""
    from infra.clickhouse.embedded import serve

    serve(
        settings.data / "clickhouse",
        settings.listen,
        settings.ports.clickhouse,
        settings.clickhouse_user,
        str(settings.clickhouse_password),
    )
    return 0


def speed_argument(text: str) -> Speed:
    """Parse a speed for `argparse`, which passes the words of this error on to the user."""
    from streams.pace import parse_speed

    try:
        return parse_speed(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run_replay(settings: Settings, stop: threading.Event, arguments: Sequence[str]) -> int:
    """Replay recordings and leave what became of each in a result file.

    Args:
        settings: the stack.
        stop: ends the replay in order.
        arguments: `--speed S --shift|--no-shift [--format F] --result FILE -- PATH…`
    """
    options = argparse.ArgumentParser(prog="replay")
    options.add_argument("--speed", type=speed_argument, default="live")
    options.add_argument("--shift", action=argparse.BooleanOptionalAction, default=False)
    options.add_argument("--format", default=None)
    options.add_argument("--result", type=Path, required=True)
    options.add_argument("paths", nargs="*", type=Path)
    given = options.parse_args(list(arguments))
    reports = replay_reports(
        settings,
        catalog(),
        given.paths,
        format_name=given.format,
        speed=given.speed,
        shift_to_now=given.shift,
        stop=stop,
    )
    if not stop.is_set():
        temporary = given.result.with_name(f".{given.result.name}")
        temporary.write_text(json.dumps(reports, ensure_ascii=False))
        temporary.replace(given.result)
    return 0


def replay_reports(
    settings: Settings,
    topics: Catalog,
    paths: Sequence[Path],
    *,
    format_name: str | None,
    speed: Speed,
    shift_to_now: bool,
    stop: threading.Event,
) -> dict[str, dict[str, Any]]:
    """Replay files and folders (none: the bundled ones); return what became of each, by path."""
    from streams.recordings import bundled, bundled_scenarios
    from streams.replay import replay

    reports = replay(
        streams_config(settings),
        topics,
        list(paths) or [*bundled(), *bundled_scenarios()],
        format=format_name,
        speed=speed,
        shift_to_now=shift_to_now,
        stop=stop,
    )
    return {row.pop("path"): row for row in (asdict(r) for r in reports)}


def produce_lines(
    settings: Settings,
    topics: Catalog,
    topic: str,
    lines: Iterable[str],
    source: str,
    *,
    key_file: Path | None = None,
    first_number: int | None = None,
) -> tuple[int, list[str]]:
    """Produce one event per JSON line, signed if a key file is given; return how many went and what was refused."""
    from streams.manual import produce_lines as produce
    from streams.origin.signer import Signer
    from streams.produce import Producer

    signer = None if key_file is None else Signer.load(key_file)
    with Producer(streams_config(settings), topics, signer=signer) as producer:
        return produce(producer, topic, lines, source, first_number)


def forget_person(settings: Settings, topics: Catalog, person: str, ground: str) -> tuple[str, ...]:
    """Delete a person's keys, then tell it as `platform.erasure` events; return the keys' names.

    Args:
        settings: the stack.
        topics: its catalogue.
        person: name under which the sources know them, or a pseudonym.
        ground: why; kept in the events.
    """
    from schemas.names import topic_name
    from streams.forgetting import forget
    from streams.produce import Producer

    config = streams_config(settings)
    with Producer(config, topics) as producer:
        erasures = forget(config.keys, topics, person)
        for each in erasures:
            body = {"subject": each.subject, "ground": ground, "keys": list(each.keys)}
            PlatformEvents(producer, "forget").event(topic_name("platform", "erasure"), body)
        producer.flush()
    return tuple(key for each in erasures for key in each.keys)


def declare_epoch(settings: Settings, topics: Catalog, topic: str) -> list[str]:
    """Declare a new epoch of a topic's logs; return the new origins."""
    from ledger_sink.epochs import new_epoch

    return new_epoch(ledger_config(settings, topics), topic)
