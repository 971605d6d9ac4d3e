"""Events of the platform's own topics, with their envelopes: metrics, audit results, decisions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from infra.layer_configs import streams_config
from infra.platform_events.metric_emitter import Emitter, pause_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.settings import Settings
    from schemas.catalog import Catalog
    from streams.produce.kafka import Producer


class PlatformEvents:
    """Sends events of the platform's own topics.

    Args:
        producer: Checks and sends the events.
        process: Name of the sender; part of the events' source `urn:city:<process>`.
    """

    def __init__(self, producer: Producer, process: str) -> None:
        self._producer = producer
        self._process = process

    def event(self, topic: str, body: Mapping[str, Any]) -> None:
        """Send one event of a platform topic; the envelope is added to `body`."""
        from streams.identity.event_ids import device_id, device_salt

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
        """Send one metric as a `platform.metric` event."""
        from schemas.names import topic_name

        body = {"name": name, "value": float(value), "labels": dict(labels)}
        self.event(topic_name("platform", "metric"), {**body, "process": self._process, "host": None})

    def flush(self) -> None:
        """Wait until all events are delivered."""
        self._producer.flush()


def emitter(settings: Settings, topics: Catalog) -> Emitter:
    """Start this process's emitter of metric events and return it."""
    from infra.settings import process_name
    from streams.produce.kafka import Producer

    sender = PlatformEvents(Producer(streams_config(settings), topics), process_name())
    return Emitter(sender, pause_file(settings.data), settings.metrics_interval_s).start()


def send_audit(settings: Settings, topics: Catalog, document: Mapping[str, Any]) -> None:
    """Send the `platform.audit` event with the result of an audit, and the SHA-256 of the verifier that made it.

    The ledger seals the event, so an auditor can compare the sources of `ledger-verify` with those that the city ran.

    Args:
        settings: The stack.
        topics: Its catalogue.
        document: Has the members `audit` and `city_log` of the report.
    """
    from ledger_sink.verifier.source_digest import source_digest
    from schemas.names import topic_name
    from streams.produce.kafka import Producer

    verdict = document["audit"]
    with Producer(streams_config(settings), topics) as producer:
        PlatformEvents(producer, "audit").event(
            topic_name("platform", "audit"),
            {
                "kind": "ledger",
                "subject": f"{settings.city}/city",
                "verdict": verdict["verdict"].upper(),
                "problems": list(verdict["problems"])[:100],
                "details": {
                    **{k: str(v) for k, v in document["city_log"].items()},
                    "verifier": source_digest(),
                },
            },
        )
        producer.flush()
