"""Runs one record through the rules of its topic: verify, decode, call, send outputs or a dead letter.

It never waits: `streams.worker.batch_runner` waits for deliveries and writes the state.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from schemas.catalog import Catalog, Topic
from schemas.codec import decode
from schemas.errors import UndecodableError
from streams.agents import Handler, Input, Output, Record
from streams.dead_letter import KafkaOrigin, Refusal, dead_letter, topic_for
from streams.errors import (
    DeclarationError,
    DeliveryError,
    RefusedEventError,
    RuleFaultError,
    StreamsError,
    SubjectForgottenError,
)
from streams.identity.event_ids import Rule, derived_identity
from streams.metrics import Metric, Metrics
from streams.privacy.field_encryption import Decryptor
from streams.produce.deliveries import DeliveryTracker
from streams.produce.producer import EventProducer
from streams.provenance.check import RULE as ORIGIN
from streams.provenance.check import ProvenanceCheck
from streams.provenance.key_registry import Registry
from streams.provenance.report import Reporter
from streams.record import Header, ProducerRecord
from streams.state.store import KeyedState, StateTransaction
from streams.worker.refusal_limit import RefusalLimit, RefusalWindow


def envelope(record: Record, output: Output, rule: Rule, index: int) -> dict[str, Any]:
    """Return the envelope of an output (docs/events.md#envelope).

    Args:
        record: The record that the rule was called with.
        output: What the rule derived.
        rule: The rule.
        index: Number of the output among those of the same inputs, from 0.
    """
    event = record.event
    inputs = output.inputs
    if inputs is None:
        inputs = (Input(event["event_id"], event["salt"]),)
    event_id, salt = derived_identity(inputs, rule, index)
    own = output.occurred_us
    return {
        "event_id": event_id,
        "salt": salt,
        "source": event["source"],
        "occurred_at": event["occurred_at"] if own is None else own,
        "recorded_at": event.get("recorded_at") if own is None else None,
    }


class RuleExecutor:
    """The rules of one topic.

    Args:
        catalog: Topics and schemas.
        topic: Topic the rules read.
        handlers: The rules, in the order they are called.
        producer: Sends outputs and dead letters.
        metrics: Counts of records, outputs, dead letters and skips.
        registry: Keys that may sign for each source; None: no key is registered.
        limit: Refusals of a rule that stop its topic; None: no limit.

    Attributes:
        provenance: Verifies each record of a raw topic before any rule. None for other topics, whose records the
            platform makes itself.

    Raises:
        DeclarationError: A rule reads or writes a topic that the catalogue does not have, or two share a
            name.
    """

    def __init__(
        self,
        catalog: Catalog,
        topic: str,
        handlers: Sequence[Handler],
        producer: EventProducer,
        metrics: Metrics,
        registry: Registry | None = None,
        limit: RefusalLimit | None = None,
    ) -> None:
        self._catalog = catalog
        self._topic = _known(catalog, topic, "reads")
        self._handlers = [(handler, str(handler.rule)) for handler in handlers]
        self._producer = producer
        self._metrics = metrics
        self._counts: Counter[Metric] = Counter()
        self._dead_letters = topic_for(self._topic.domain)
        self._of_persons = bool(self._topic.schema.personal)
        self.provenance = (
            ProvenanceCheck(topic, registry or Registry()) if self._topic.kind == "raw" else None
        )
        self._limit = limit
        self._windows: dict[tuple[str, int], RefusalWindow] = {}
        self._reporter = Reporter(catalog, self._topic, producer)
        names = [str(ORIGIN), *(name for _, name in self._handlers)]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise DeclarationError(f"{topic}: rule {twice[0]} is declared twice")
        for handler, name in self._handlers:
            for output in handler.outputs:
                _known(catalog, output, f"rule {name} writes")

    @property
    def stateful(self) -> bool:
        """Whether any state is kept, by a rule or by the provenance check of a raw topic."""
        return self.provenance is not None or any(handler.stateful for handler, _ in self._handlers)

    def report(self) -> None:
        """Add the counts of the batch that ended to the metrics."""
        for name, amount in self._counts.items():
            self._metrics.add(name, amount, self._topic.name)
        self._counts.clear()

    def derive(self, raw: Any, transaction: StateTransaction | None, deliveries: DeliveryTracker) -> None:
        """Run one record through the rules: send its outputs, add its state changes to the transaction.

        Args:
            raw: aiokafka record of this topic.
            transaction: State changes of the batch; None where no rule keeps state.
            deliveries: Tracks the outputs and dead letters until Kafka confirms them.

        Raises:
            DeliveryError: Kafka does not accept records; the batch must come again.
            RuleFaultError: A rule reached its refusal limit; the topic must stop.
        """
        self._counts["agents_records_total"] += 1
        checked = self.provenance is not None and not self.provenance.not_applicable(raw)
        if not (self._handlers or checked):
            return
        try:
            _, event = decode(raw.value, self._catalog, self._topic, raw=True)
        except UndecodableError:
            self._counts["agents_undecodable_total"] += 1
            return
        key = str(event[self._topic.key]) if raw.key is None else raw.key.decode("utf-8", "replace")
        record = Record(raw.topic, raw.partition, raw.offset, key, event)
        if checked and not self._verify_provenance(raw, record, transaction, deliveries):
            return
        for handler, name in self._handlers:
            state = None
            if handler.stateful:
                if transaction is None:
                    raise StreamsError(f"rule {name} keeps state, but this topic has no state store")
                state = transaction.state((name, key, handler.stream(record.source)), raw.offset)
                if state is None:
                    self._counts["agents_skipped_total"] += 1
                    continue
            given = record
            if handler.decrypts:
                decryptor = Decryptor(self._producer.keys, self._topic)
                given = Record(raw.topic, raw.partition, raw.offset, key, event, decryptor)
            self._apply(handler, given, state, raw.value, deliveries, self._window(name, given))

    def _verify_provenance(
        self, raw: Any, record: Record, transaction: StateTransaction | None, deliveries: DeliveryTracker
    ) -> bool:
        """Verify the record's provenance and send gap or dead-letter events. Return False if rules must skip it."""
        verdict = (
            None
            if self.provenance is None
            else self.provenance.verify(raw, record.event, record.key, transaction)
        )
        if verdict is None:
            return True
        for each in self._reporter.records(verdict, record, raw.value, _cause(record)):
            self._producer.send(each, deliveries)
        self._counts["agents_missing_numbers"] += sum(
            (-1 if gap.arrived else 1) * (gap.last - gap.first + 1) for gap in verdict.gaps
        )
        if verdict.refusal is None:
            return True
        self._counts["agents_origin_refused_total"] += not verdict.reported
        return False

    def _apply(
        self,
        handler: Handler,
        record: Record,
        state: KeyedState | None,
        value: bytes,
        deliveries: DeliveryTracker,
        window: RefusalWindow | None,
    ) -> None:
        """Call one rule. Either all its outputs and its state change take effect, or a dead letter is sent."""
        fault: RuleFaultError | None = None
        try:
            try:
                outputs = self._outputs(handler, record, state)
            except SubjectForgottenError:
                # The person was erased after the rule decrypted the event; the second call decrypts nothing.
                outputs = self._outputs(handler, record, state)
        except (DeliveryError, MemoryError):
            raise
        except SubjectForgottenError:  # nothing is written about an erased person, no dead letter either
            self._counts["agents_forgotten_total"] += 1
            return
        except Exception as error:  # noqa: BLE001 - any error of a rule concerns this record alone
            outputs = [self._dead_letter(handler, record, value, error)]
            self._counts["agents_dead_letters_total"] += 1
            if window is not None and window.refuse():
                fault = _fault(handler, record, window, self._reason(error))
        else:
            if state is not None:
                state.keep(record.offset)
            self._counts["agents_derived_total"] += len(outputs)
        for each in outputs:
            self._producer.send(each, deliveries)
        if fault is not None:
            raise fault

    def _window(self, rule: str, record: Record) -> RefusalWindow | None:
        """Count the call that follows in the rule's window; None: refusals are not limited."""
        if self._limit is None:
            return None
        which = (rule, record.partition)
        window = self._windows.get(which)
        if window is None:
            window = self._windows[which] = RefusalWindow(self._limit)
        window.call(record.offset)
        return window

    def _outputs(self, handler: Handler, record: Record, state: KeyedState | None) -> list[ProducerRecord]:
        outputs = handler.call(record, state) if state is not None else handler.call(record)
        prepared: list[ProducerRecord] = []
        counts: dict[tuple[str, ...], int] = {}
        for output in outputs or ():
            if output.topic not in handler.outputs:
                raise RefusedEventError(output.topic, f"rule {handler.rule} did not declare this output")
            same = () if output.inputs is None else tuple([each.event_id for each in output.inputs])
            index = counts.get(same, 0)
            counts[same] = index + 1
            event = {**envelope(record, output, handler.rule, index), **output.event}
            headers = (_cause(record),)
            prepared.append(self._producer.prepare(output.topic, event, key=output.key, headers=headers))
        return prepared

    def _reason(self, error: Exception) -> str:
        if isinstance(error, RefusedEventError):
            return str(error)
        if self._of_persons and not isinstance(error, StreamsError):
            return type(error).__name__  # the message of an error may contain a personal value
        return f"{type(error).__name__}: {error}"

    def _dead_letter(
        self, handler: Handler, record: Record, value: bytes, error: Exception
    ) -> ProducerRecord:
        event = dead_letter(
            KafkaOrigin(record.topic, record.partition, record.offset),
            Refusal("agent", self._reason(error), str(handler.rule), record.event_id),
            value,
            source=record.source,
            occurred_us=record.occurred_us,
            key=record.key,
        )
        return self._producer.prepare(self._dead_letters, event, headers=(_cause(record),))


def _cause(record: Record) -> Header:
    """Return the header that names the record from which an output follows."""
    return ("cause", f"{record.topic}/{record.partition}/{record.offset}".encode())


def _fault(handler: Handler, record: Record, window: RefusalWindow, reason: str) -> RuleFaultError:
    """Describe in one line what stops a topic and what to do."""
    return RuleFaultError(
        f"{record.topic}: stopped: rule {handler.rule} refused {window.refusals} of the last {window.calls} records "
        f"of partition {record.partition}, the last at offset {record.offset}: {_printable(' '.join(reason.split()))}; "
        "nothing of that batch is committed and the other topics go on: mend the rule, then start this worker again "
        "(`city dead-letters list` shows what was refused)"
    )


def _printable(text: str) -> str:
    """Return a text with unprintable characters escaped: a rule's error may quote its input.

    `ledger_sink.verifier.verdict.printable` does the same; the two layers do not import each other.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text
    )


def _known(catalog: Catalog, name: str, who: str) -> Topic:
    topic = catalog.topics.get(name)
    if topic is None:
        raise DeclarationError(f"{who} {name}: the catalogue has no such topic")
    return topic
