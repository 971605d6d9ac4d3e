"""The live status of a stack: the counts of each topic, each group's lag, what is sealed, how old it is.

One reader serves the terminal, `city status`, the status page and `/metrics`. It reads Kafka, ClickHouse and the
ledger's published files. A part that does not answer is shown as unknown (`None`), with the reason in `notes`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.connections import connect
from infra.layer_configs import anchor_settings
from infra.process.disk_space import almost_full
from infra.reconcile.count import watermarks
from infra.reconcile.count_ledger import checkpoint, newest_epoch
from infra.reconcile.held_back import describe_held_back
from infra.reconcile.lag import LagMeter
from ledger_sink.anchor.audit import anchor_states
from ledger_sink.store import FileStore
from schemas.names import ARCHIVE_TABLE, DATABASE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from clickhouse_connect.driver.client import Client

    from infra.settings import Settings
    from schemas.catalog import Catalog

EXACT_UP_TO = 3_000_000
"""Rows of a table up to which events are counted exactly at each read; above, the rows of its parts are summed."""


@dataclass
class TopicStatus:
    """The status of one topic. Counts are cumulative per data directory; ages are in seconds."""

    topic: str
    domain: str
    kind: str
    records: int | None = None
    """Offsets up to the last stable one. Where transactions are written, some hold no readable record."""
    events: int | None = None
    rows: int | None = None
    dead_letters: int = 0
    sealed: int | None = None
    lag: int | None = None
    held_back: int = 0
    """Records that an open transaction holds back."""
    age_s: float | None = None
    simulated: bool = False


@dataclass
class Status:
    """The whole stack at one moment."""

    city: str
    time: float
    topics: list[TopicStatus] = field(default_factory=list)
    lags: dict[str, int] = field(default_factory=dict)
    """Records each consumer group has not committed yet."""
    checkpoint: str = ""
    """The text of the newest city checkpoint."""
    blocks: int = 0
    checkpoint_age_s: float | None = None
    anchors: dict[str, float | None] = field(default_factory=dict)
    """For each anchor, seconds since the city log outgrew its newest receipt; None: it has no receipt yet."""
    notes: list[str] = field(default_factory=list)


class StatusReader:
    """Reads the status of one stack repeatedly over the same connections.

    Args:
        settings: The stack.
        catalog: Its catalogue.
    """

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog
        self._meter: LagMeter | None = None
        self._client: Client | None = None

    def read(self) -> Status:
        """Return the status now; a part that does not answer becomes a note and raises nothing."""
        status = Status(self._settings.city, time.time())
        topics = {
            t.name: TopicStatus(t.name, t.domain, t.kind)
            for t in sorted(self._catalog.topics.values(), key=lambda t: (t.domain == "platform", t.name))
        }
        status.topics = list(topics.values())
        for name, read in (
            ("Kafka", self._kafka),
            ("ClickHouse", self._clickhouse),
            ("ledger", self._ledger),
        ):
            try:
                read(topics, status)
            except Exception as error:  # noqa: BLE001 - the status reports a failed part, it does not fail itself
                first = next(iter(str(error).splitlines()), "")
                status.notes.append(f"{name} does not answer: {type(error).__name__}: {first[:160]}")
        full = almost_full(self._settings.data, self._settings.disk_warning_mb << 20)
        status.notes += [full] if full else []
        return status

    def _kafka(self, topics: Mapping[str, TopicStatus], status: Status) -> None:
        address = self._settings.kafka_address
        for (name, _), (low, high) in watermarks(address, list(topics)).items():
            topics[name].records = (topics[name].records or 0) + high - low
        self._meter = self._meter or LagMeter(address, self._catalog)
        for group, rows in self._meter.lag().items():
            status.lags[group] = sum(rows.values())
            for (name, _), lag in rows.items():
                topics[name].lag = max(topics[name].lag or 0, lag)
        for row in topics.values():
            if row.records is not None:
                row.lag = row.lag or 0
        held = self._meter.held_back()
        for (name, _), count in held.items():
            topics[name].held_back += count
        status.notes += describe_held_back(held)

    def _clickhouse(self, topics: Mapping[str, TopicStatus], _status: Status) -> None:
        self._client = self._client or connect(self._settings)
        sizes = dict(
            self._client.query(
                f"SELECT name, total_rows FROM system.tables WHERE database = '{DATABASE}'"
            ).result_rows
        )
        for name, row in topics.items():
            topic = self._catalog.topics[name]
            size = sizes.get(topic.table)
            if size is None:
                continue
            if size > EXACT_UP_TO:
                row.events = row.rows = size
                continue
            exact = self._client.query(
                f"SELECT uniqExact(event_id), count(), toFloat64(now64(6)) - toFloat64(max(occurred_at)), "
                f"countIf(simulated) FROM {DATABASE}.{topic.table} FINAL"
            ).result_rows[0]
            row.events, row.rows, row.age_s = exact[0], exact[1], exact[2] if exact[1] else None
            row.simulated = bool(exact[3])
            if topic.kind == "dead-letter" or topic.event == "dead-letter":
                for dead in topics.values():
                    if dead.domain == topic.domain and dead.kind == "raw":
                        dead.dead_letters = exact[1]
        if ARCHIVE_TABLE not in sizes:
            raise LookupError(f"table {DATABASE}.{ARCHIVE_TABLE} is not there yet")

    def _ledger(self, topics: Mapping[str, TopicStatus], status: Status) -> None:
        ledger = self._settings.data / "ledger"
        for name, row in topics.items():
            if self._catalog.topics[name].sealed:
                row.sealed = sum(_leaves(p) for p in (ledger / name).glob("[0-9]*"))
        city = newest_epoch(ledger / "city")
        head = checkpoint(city) if city else None
        if city and head:
            status.blocks = head[1]
            status.checkpoint = (city / "checkpoint").read_text(encoding="utf-8")
            status.checkpoint_age_s = max(0.0, time.time() - (city / "checkpoint").stat().st_mtime)
            self._anchors(ledger, status)

    def _anchors(self, ledger: Path, status: Status) -> None:
        for each in anchor_states(FileStore(ledger), self._settings.city, anchor_settings(self._settings)):
            status.anchors[each.name] = each.waiting_s if each.size else None
            if each.problem:
                status.notes.append(each.problem)


def _leaves(partition: Path) -> int:
    """Return how many record leaves a partition's newest log has published, without START and GAP leaves."""
    folder = newest_epoch(partition)
    head = checkpoint(folder) if folder else None
    if folder is None or head is None:
        return 0
    control = folder / "control"
    return max(0, head[1] - (len(list(control.glob("*.json"))) if control.is_dir() else 0))


def age_in_words(seconds: float | None) -> str:
    """Return an age as text: 3 s, 12 min, 5 h, 40 d, 6 y; a dash for None."""
    if seconds is None:
        return "–"
    for unit, size, limit in (
        ("s", 1, 120),
        ("min", 60, 7200),
        ("h", 3600, 172800),
        ("d", 86400, 86400 * 730),
    ):
        if seconds < limit:
            return f"{max(0, seconds) / size:.0f} {unit}"
    return f"{seconds / 86400 / 365.25:.0f} y"
