"""One snapshot of a stack: counts of each topic, lag of each group, what is sealed, and every problem.

One reader serves the terminal, `city status`, the status page and `/metrics`. A part that does not answer is unknown
(`None`) and a problem. The whole takes less than 10 s, whatever hangs.

The order of reading makes the numbers fit together: the ledger first, then ClickHouse, then Kafka. Kafka only grows, so
nothing is sealed or in a table that is not among the records.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, TypeVar

from infra.kafka.log_files import strays
from infra.layer_configs import anchor_settings
from infra.process.disk_space import almost_full
from infra.reconcile.held_back import describe_held_back
from infra.running import look
from infra.status.health import LATE_S, VERY_LATE_S, Facts, problems
from infra.status.ledger_facts import LedgerFacts, ledger_facts
from infra.status.model import COUNTED_LETTERS, Confinement, Part, Status, TopicStatus
from infra.status.patience import PatientQuestion
from infra.status.processes import process_facts
from infra.status.stores import ClickHouseCounter, ClickHouseCounts, KafkaCounter, KafkaCounts
from ledger_sink.anchor.audit import anchor_states
from ledger_sink.errors import LedgerError
from ledger_sink.format import FormatError
from ledger_sink.regular_file import read_regular_text
from ledger_sink.store import FileStore

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.catalog import Catalog

T = TypeVar("T")

PROBE_S = 1.5
"""Longest wait for the answer of a part that is asked whether it is there."""
COUNT_S = 4.5
"""Longest wait for the counts of a store that answers."""
WHOLE_S = 8.0
"""Longest time of a snapshot; what is not there by then is unknown in it."""
LEAST_S = 1.0
"""What a store gets at least."""
CONFINEMENT = "clickhouse-confinement.json"


class StatusReader:
    """Reads snapshots of one stack over the same connections.

    Args:
        settings: The stack.
        catalog: Its catalogue.
        inside: Name of the part that this process is; it does not ask itself.
    """

    def __init__(self, settings: Settings, catalog: Catalog, *, inside: str = "") -> None:
        self._settings = settings
        self._catalog = catalog
        self._inside = inside
        self._sealed = [topic.name for topic in catalog.topics.values() if topic.sealed]
        self._appended: dict[tuple[str, int], int] = {}
        self._leaves: dict[str, int | None] = {}
        self._kafka: PatientQuestion[KafkaCounts] = self._kafka_question()
        self._clickhouse: PatientQuestion[ClickHouseCounts] = self._clickhouse_question()
        self._silent_since: dict[str, float] = {}
        self._first = True

    def read(self) -> Status:
        """Return a snapshot; a part that does not answer becomes a problem and raises nothing."""
        settings, now = self._settings, time.time()
        status = Status(settings.city, now, [self._row(name) for name in self._ordered()])
        ledger = ledger_facts(settings.data / "ledger", self._sealed, now)
        facts = Facts(now, parts=self._parts(now), processes=process_facts(settings, now))
        self._fill_ledger(status, facts, ledger)
        silent = {part.name for part in facts.parts if part.problem}
        self._fill_clickhouse(status, facts, silent)
        self._fill_kafka(status, facts, silent)
        facts.confinement, facts.overruns = _confinement(settings)
        facts.strays = _strays(settings)
        facts.disk = almost_full(settings.data, settings.disk_warning_mb << 20) or ""
        status.time = facts.time = time.time()
        status.problems = problems(facts)
        self._first = False
        return status

    def _ordered(self) -> list[str]:
        topics = sorted(self._catalog.topics.values(), key=lambda t: (t.domain == "platform", t.name))
        return [topic.name for topic in topics]

    def _row(self, name: str) -> TopicStatus:
        topic = self._catalog.topics[name]
        return TopicStatus(topic.name, topic.domain, topic.kind)

    def _parts(self, now: float) -> list[Part]:
        """Ask every part whether it is there; remember since when one is not."""
        found = []
        for part in look(self._settings.data, within_s=PROBE_S).parts:
            if part.name == self._inside:
                continue
            since = self._silent_since.setdefault(part.name, now) if part.problem else None
            if not part.problem:
                self._silent_since.pop(part.name, None)
            found.append(Part(part.name, part.address, part.problem, since if not self._first else None))
        return found

    def _fill_ledger(self, status: Status, facts: Facts, ledger: LedgerFacts) -> None:
        facts.ledger_damaged = ledger.damaged
        facts.logs, facts.city_log, facts.ledger_unreadable = ledger.logs, ledger.city_log, ledger.unreadable
        self._appended = {
            (log.topic, log.partition): log.next_offset for log in ledger.logs if log.next_offset is not None
        }
        status.reporting["ledger"] = not ledger.unreadable
        if ledger.unreadable:
            return
        sealed: dict[str, int | None] = dict.fromkeys(self._sealed, 0)
        self._leaves = dict.fromkeys(self._sealed, 0)
        for log in ledger.logs:
            sealed[log.topic] = _sum(sealed[log.topic], log.sealed)
            self._leaves[log.topic] = _sum(self._leaves[log.topic], log.appended)
        for row in status.topics:
            row.sealed = sealed.get(row.topic)
        city = ledger.city_log
        status.blocks = 0 if city is None else city.blocks
        if city is not None:
            status.checkpoint, status.checkpoint_age_s = city.checkpoint, city.checkpoint_age_s
        if city is not None and city.checkpoint:
            self._fill_anchors(status, facts)

    def _fill_anchors(self, status: Status, facts: Facts) -> None:
        settings = self._settings
        try:
            states = anchor_states(
                FileStore(settings.data / "ledger"), settings.city, anchor_settings(settings)
            )
        except (LedgerError, FormatError, OSError) as error:
            facts.anchors = [f"the anchors' files cannot be read: {error}"]
            return
        for each in states:
            status.anchors[each.name] = each.waiting_s if each.size else None
        facts.anchors = [each.problem for each in states if each.problem]

    def _fill_clickhouse(self, status: Status, facts: Facts, silent: set[str]) -> None:
        counted = self._counts("clickhouse", self._clickhouse, facts, silent)
        found, since = counted
        status.reporting["clickhouse"] = found is not None
        status.rows_time = since
        if found is None:
            return
        facts.missing_tables = found.missing
        status.dead_letters = found.dead_letters
        for row in status.topics:
            table = found.tables.get(row.topic)
            if table is not None:
                row.rows, row.events, row.age_s = table.rows, table.events, table.age_s
                row.future, row.simulated = table.future, table.simulated
            if row.kind in COUNTED_LETTERS:
                row.dead_letters, row.dead_letters_settled = found.dead_letters.get(row.domain, (0, 0))

    def _fill_kafka(self, status: Status, facts: Facts, silent: set[str]) -> None:
        counted = self._counts("kafka", self._kafka, facts, silent)
        found = counted[0]
        status.reporting["kafka"] = found is not None
        if found is None:
            return
        status.lags = {group: sum(rows.values()) for group, rows in found.lags.items()}
        lags: dict[str, int] = {}
        for rows in found.lags.values():
            for (name, _), lag in rows.items():
                lags[name] = max(lags.get(name, 0), lag)
        for row in status.topics:
            row.records = found.offsets.get(row.topic)
            if row.topic in self._sealed:
                row.unsealed = found.unsealed.get(row.topic)
                appended = self._leaves.get(row.topic) if status.reporting["ledger"] else None
                row.records = _sum(appended, row.unsealed)
            row.lag = None if row.records is None else lags.get(row.topic, 0)
            row.held_back = sum(count for (name, _), count in found.held_back.items() if name == row.topic)
        facts.held_back = describe_held_back(found.held_back)
        very = found.received.get(VERY_LATE_S, {})
        facts.unread = {
            key: (end - at, very.get(key, 0) > at)
            for key, end in found.received.get(LATE_S, {}).items()
            if end > (at := self._appended.get(key, 0))
        }

    def _counts(
        self, store: str, question: PatientQuestion[T], facts: Facts, silent: set[str]
    ) -> tuple[T | None, float | None]:
        """Return a store's counts and their time; None if they are unknown."""
        if store in silent:
            question.forget()
            return None, None
        left_s = WHOLE_S - (time.time() - facts.time)
        answer = question.answer(max(LEAST_S, min(COUNT_S, left_s)))
        if answer.error is not None:
            first = next(iter(str(answer.error).splitlines()), "")[:160]
            address = self._settings.kafka_address if store == "kafka" else self._settings.clickhouse_url
            why = f"{type(answer.error).__name__}: {first}"
            facts.parts = [*facts.parts, Part(store, address, why)]
            return None, None
        if answer.late and store == "kafka":  # older counts could be less than what is sealed by now
            facts.slow = {**facts.slow, store: None}
            return None, None
        if answer.late:
            facts.slow = {**facts.slow, store: answer.time if answer.value is not None else None}
        return answer.value, answer.time

    def _kafka_question(self) -> PatientQuestion[KafkaCounts]:
        counter = KafkaCounter(self._settings, self._catalog)
        return PatientQuestion(lambda: counter.count(self._appended))

    def _clickhouse_question(self) -> PatientQuestion[ClickHouseCounts]:
        return PatientQuestion(ClickHouseCounter(self._settings, self._catalog).count)


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _strays(settings: Settings) -> list[str]:
    """Return one line for each partition that the embedded Kafka has set aside, or that this cannot be read."""
    try:
        return [] if settings.kafka else list(strays(settings.data / "kafka" / "log"))
    except OSError as error:
        return [f"{error.filename} cannot be read, so what Kafka has is unknown; there: {error.strerror}"]


def _confinement(settings: Settings) -> tuple[Confinement | None, int]:
    """Return what the engine's process wrote: its confinement, None if nothing, and how many statements overrun."""
    try:
        value = json.loads(read_regular_text(settings.data / "run" / CONFINEMENT))
        found = Confinement(bool(value["confined"]), str(value.get("by", "")), str(value.get("why_not", "")))
        return found, int(value.get("overruns", 0))
    except FileNotFoundError:
        return None, 0
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Confinement(confined=False, why_not=f"run/{CONFINEMENT} cannot be read: {error}"), 0
