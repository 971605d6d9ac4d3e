"""One record through the rules: envelopes, dead letters, state; no broker."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from schemas.codec import encode
from streams.agents import Handler, Input, Output, Record, Rule, State, batched, handlers_of
from streams.errors import DeclarationError, DeliveryError, RuleFaultError
from streams.metrics import Metrics
from streams.produce.deliveries import DeliveryTracker
from streams.state.entries import Entry, Stored, Subject
from streams.state.store import PartitionStore
from streams.testing import MemoryChangelog, MemoryProducer, assert_repeats_change_nothing, run_handlers
from streams.worker.refusal_limit import RefusalLimit
from streams.worker.rule_executor import RuleExecutor
from tests.streams import probe
from tests.streams.probe import DEAD, ECHO, STREAM, TICK, TOTAL, expected_totals, tick

CATALOG = probe.probe_catalog()
HANDLERS = handlers_of(probe)


def run(events: list[dict[str, Any]], **options: Any) -> Any:
    """Run the probe's rules."""
    return run_handlers(CATALOG, HANDLERS, events, topic=TICK, **options)


def test_an_output_has_an_envelope_that_follows_from_its_input() -> None:
    """Id of version 8, the input's source and time, cause and simulated in the headers."""
    event = tick("a", 0)
    echo, total = run([event])
    assert (echo.topic, echo.key) == (ECHO, "a")
    assert echo.event["event_id"][14] == "8"
    assert echo.event["event_id"] != total.event["event_id"]
    assert echo.event["source"] == event["source"]
    assert echo.event["occurred_at"] == event["occurred_at"]
    assert echo.event["salt"] not in {event["salt"], total.event["salt"]}
    assert echo.headers == {"simulated": b"true", "cause": b"probe.tick/0/0"}


def test_what_is_not_simulated_has_no_such_header() -> None:
    """A device's events and what follows from them are the city's own."""
    (echo, _) = run([tick("a", 0, stream="device:7")])
    assert "simulated" not in echo.headers


@pytest.mark.parametrize("batch_size", [1, 2, 7, 1000])
def test_what_is_derived_does_not_depend_on_the_batch_size(batch_size: int) -> None:
    """Values are the same bytes, with the state restored from its changelog after each batch."""
    events = [tick(subject, number) for number in range(25) for subject in "ab"]
    found = run(events, batch_size=batch_size)
    assert [(each.topic, each.value) for each in found] == [(each.topic, each.value) for each in run(events)]
    totals = {each.event["event_id"]: (each.event["count"], each.event["chain"]) for each in found[1::2]}
    assert totals == expected_totals("a", 25) | expected_totals("b", 25)


def test_each_recording_is_its_own_stream_of_a_subject() -> None:
    """Two recordings of the same station do not mix their state."""
    found = run([tick("a", 0), tick("a", 0, stream="replay:other"), tick("a", 1)])
    assert [each.event["count"] for each in found if each.topic == TOTAL] == [1, 1, 2]


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        ("raise", "RuntimeError: told to"),
        ("invalid", "probe.echo: probe.echo-value: number"),
        ("huge", "expected at most"),
    ],
)
def test_a_rule_that_fails_makes_a_dead_letter_and_goes_on(mood: str, reason: str) -> None:
    """Only that record, only that rule: the other rule and the next record are as if nothing was."""
    found = run([tick("a", 0), tick("a", 1, mood), tick("a", 2)])
    assert [each.event["number"] for each in found if each.topic == ECHO] == [0, 2]
    assert [each.event["count"] for each in found if each.topic == TOTAL] == [1, 2, 3]
    (dead,) = [each for each in found if each.topic == DEAD]
    assert reason in dead.event["reason"]
    assert dead.event["stage"] == "agent"
    assert dead.event["rule"] == "probe-echo@1"
    assert dead.event["origin"] == {"topic": TICK, "partition": 0, "offset": 1}
    assert dead.event["bytes"] == encode(CATALOG.topics[TICK].schema, tick("a", 1, mood))
    assert dead.key == "a"
    assert dead.headers["cause"] == b"probe.tick/0/1"


def test_a_rule_that_fails_after_put_leaves_no_trace_in_the_state() -> None:
    """State and outputs of a record happen both or neither."""
    found = run([tick("a", 0), tick("a", 1, "raise late"), tick("a", 2)])
    assert [each.event["count"] for each in found if each.topic == TOTAL] == [1, 2]


def test_events_that_stand_on_the_topic_twice_change_nothing() -> None:
    """A rule that knows what it has seen passes the check; one that counts whatever comes does not."""
    events = [tick(subject, number) for number in range(9) for subject in "ab"]
    assert_repeats_change_nothing(CATALOG, HANDLERS, events, topic=TICK)

    @batched(TICK, rule="naive@1", outputs=(TOTAL,))
    def naive(record: Record, state: State) -> Iterator[Output]:
        count = (state.get() or 0) + 1
        state.put(count)
        yield Output(TOTAL, {"subject": record.key, "number": 0, "count": count, "chain": ""})

    with pytest.raises(AssertionError, match="came twice"):
        assert_repeats_change_nothing(CATALOG, naive.__handlers__, events, topic=TICK)  # type: ignore[attr-defined]


def test_a_cleared_subject_begins_anew() -> None:
    """A closing event ends what is remembered."""
    found = run([tick("a", 0), tick("a", 1, "close"), tick("a", 2)], batch_size=1)
    assert [each.event["count"] for each in found if each.topic == TOTAL] == [1, 2, 1]


class Partition:
    """One partition of probe ticks, run record by record with chosen offsets."""

    def __init__(self, owner: str = "one", log: defaultdict[int, list[Stored]] | None = None) -> None:
        self.door = MemoryProducer(CATALOG)
        self.figures = Metrics()
        self.deriver = RuleExecutor(CATALOG, TICK, HANDLERS, self.door, self.figures)
        self.changelog = MemoryChangelog(owner, log)
        self.state = PartitionStore(self.changelog, 0, 1)
        self.state.restore()

    def run(
        self, offsets: list[int], make: Callable[[int], bytes] | None = None, committed: int | None = None
    ) -> None:
        """Run one batch: record `n` is tick `n` of subject a."""
        schema = CATALOG.topics[TICK].schema
        draft = self.state.begin()
        for offset in offsets:
            value = make(offset) if make else encode(schema, tick("a", offset))
            raw = SimpleNamespace(
                topic=TICK, partition=0, offset=offset, key=b"a", value=value, headers=(), timestamp=0
            )
            self.deriver.derive(raw, draft, DeliveryTracker())
        self.deriver.report()
        self.state.write(draft, committed, DeliveryTracker())
        self.state.apply(draft, committed)

    def counts(self) -> list[int]:
        """Return the totals that were derived."""
        return [each.event["count"] for each in self.door.sent(TOTAL)]


def test_a_record_that_was_folded_is_skipped() -> None:
    """A batch that comes again after its state was written is not folded twice."""
    partition = Partition()
    partition.run([0, 1, 2])
    partition.run([1, 2, 3, 4])
    assert partition.counts() == [1, 2, 3, 4, 5]
    assert partition.figures.get("agents_skipped_total", TICK) == 2


def test_one_entry_is_written_for_each_subject_of_a_batch() -> None:
    """However many of its records the batch had; with the last offset."""
    partition = Partition()
    partition.run([0, 1, 2])
    ((subject, owner, entry),) = partition.changelog.log[0]
    assert (subject, owner) == (Subject("probe-total@1", "a", STREAM), "one")
    assert entry is not None
    offset, kept = entry
    assert offset == 2
    assert orjson.loads(kept)["count"] == 3


def test_a_restored_owner_takes_the_newest_of_all_owners() -> None:
    """A process that was stopped and goes on writes its old state last, and harms nothing."""
    zombie = Partition("zombie")
    zombie.run([0, 1])
    heir = Partition("heir", zombie.changelog.log)
    heir.run([2, 3, 4])
    zombie.run([2])  # wakes up and ends its old batch
    third = Partition("third", zombie.changelog.log)
    third.run([5])
    assert third.counts() == [6]
    entry = third.state.entry(Subject("probe-total@1", "a", STREAM))
    assert entry is not None
    assert entry.offset == 5


def test_an_owner_removes_what_it_replaces() -> None:
    """Entries of former owners get a tombstone behind the new entry, so changelogs do not grow with restarts."""
    first = Partition("first")
    first.run([0])
    second = Partition("second", first.changelog.log)
    second.run([1])
    written = [(each.owner, each.entry is None) for each in first.changelog.log[0]]
    assert written == [("first", False), ("second", False), ("first", True)]


def test_a_cleared_subject_is_dropped_once_its_records_are_committed() -> None:
    """Until then its offset is needed: the batch may come again."""
    partition = Partition()
    schema = CATALOG.topics[TICK].schema
    partition.run([0, 1], lambda n: encode(schema, tick("a", n, "close" if n else "fine")))
    other = lambda n: encode(schema, tick("b", n, stream="replay:other"))  # noqa: E731
    partition.run([2], other, committed=0)
    assert partition.state.entry(Subject("probe-total@1", "a", STREAM)) == Entry(1, b"")
    partition.run([3], other, committed=2)
    assert partition.state.entry(Subject("probe-total@1", "a", STREAM)) is None
    assert partition.changelog.log[0][-1].entry is None


def test_what_no_schema_reads_is_counted_and_skipped() -> None:
    """The ClickHouse sink dead-letters it; the agent goes on."""
    partition = Partition()
    schema = CATALOG.topics[TICK].schema
    partition.run([0, 1, 2], lambda n: b"\x00garbage" if n == 1 else encode(schema, tick("a", n)))
    assert partition.counts() == [1, 2]
    assert partition.figures.get("agents_undecodable_total", TICK) == 1
    assert partition.door.sent(DEAD) == []


def test_a_delivery_error_is_not_the_records_fault() -> None:
    """It makes no dead letter: the batch must come again."""
    partition = Partition()
    deliveries = DeliveryTracker()
    partition.door.fail(ECHO, "no leader")
    value = encode(CATALOG.topics[TICK].schema, tick("a", 0))
    raw = SimpleNamespace(topic=TICK, partition=0, offset=0, key=b"a", value=value, headers=(), timestamp=0)
    partition.deriver.derive(raw, partition.state.begin(), deliveries)
    assert partition.door.sent(DEAD) == []
    with pytest.raises(DeliveryError, match=r"probe\.echo: a record was not delivered: no leader"):
        partition.door.wait(deliveries)


def test_outputs_that_name_their_inputs_do_not_depend_on_the_trigger() -> None:
    """A window that closes has the same id whichever record closed it; the index counts within its inputs."""

    @batched(TICK, rule="window@1", outputs=(ECHO,))
    def close(record: Record) -> Iterator[Output]:
        fields = {"subject": record.key, "number": 1}
        for name in ("w1", "w2"):
            made = [Input(tick(name, 0)["event_id"], bytes(16))]
            yield Output(ECHO, fields, occurred_us=1, inputs=made)

    handlers: list[Handler] = close.__handlers__  # type: ignore[attr-defined]
    one = run_handlers(CATALOG, handlers, [tick("a", 5)], topic=TICK)
    two = run_handlers(CATALOG, handlers, [tick("b", 9)], topic=TICK)
    assert [each.event["event_id"] for each in one] == [each.event["event_id"] for each in two]
    assert len({each.event["event_id"] for each in one}) == 2


def test_a_rule_across_recordings_keeps_one_state_for_each_kind_of_source() -> None:
    """Recordings are counted together, scenarios and the city itself apart; other rules count each source alone."""

    @batched(TICK, rule="across@1", outputs=(ECHO,), cross_source=True)
    def across(record: Record, state: State) -> Iterator[Output]:
        count = (state.get() or 0) + 1
        state.put(count)
        yield Output(ECHO, {"subject": record.key, "number": count})

    streams = ("replay:aa", "replay:bb", "scenario:aa", "device:x", "device:y", "replay:aa")
    events = [tick("a", number, stream=stream) for number, stream in enumerate(streams)]
    found = run_handlers(CATALOG, across.__handlers__, events, topic=TICK)  # type: ignore[attr-defined]
    assert [each.event["number"] for each in found] == [1, 2, 1, 1, 2, 3]


def test_a_rule_writes_only_what_it_declared() -> None:
    """Anything else makes a dead letter."""

    @batched(TICK, rule="stray@1", outputs=())
    def stray(record: Record) -> Iterator[Output]:
        yield Output(ECHO, {"subject": record.key, "number": 1})

    (dead,) = run_handlers(CATALOG, stray.__handlers__, [tick("a", 0)], topic=TICK)  # type: ignore[attr-defined]
    assert "did not declare this output" in dead.event["reason"]


def test_declarations_that_cannot_work_are_refused() -> None:
    """Unknown topics, two rules of one name, a function of three parameters."""

    def rule(_record: Record, _state: State) -> list[Output]:
        return []

    def deriver(topic: str, *handlers: Handler) -> RuleExecutor:
        return RuleExecutor(CATALOG, topic, handlers, MemoryProducer(CATALOG), Metrics())

    handler = Handler(TICK, Rule("r", 1), (), rule, stateful=True)
    with pytest.raises(DeclarationError, match="rule r@1 is declared twice"):
        deriver(TICK, handler, handler)
    with pytest.raises(DeclarationError, match=r"reads probe\.none: the catalogue has no such topic"):
        deriver("probe.none")
    with pytest.raises(DeclarationError, match=r"writes probe\.none"):
        deriver(TICK, Handler(TICK, Rule("r", 1), ("probe.none",), rule, stateful=True))
    with pytest.raises(DeclarationError, match="got 3 parameters"):
        batched(TICK, rule="r@1", outputs=())(lambda _a, _b, _c: [])


def deriver_with_limit(limit: RefusalLimit) -> tuple[RuleExecutor, MemoryProducer]:
    """Make a deriver of the probe's rules whose refusals are limited."""
    door = MemoryProducer(CATALOG)
    return RuleExecutor(CATALOG, TICK, HANDLERS, door, Metrics(), limit=limit), door


def derive_moods(deriver: RuleExecutor, partition: int, moods: list[str]) -> None:
    """Run ticks of the given moods through the rules, as one partition."""
    state = PartitionStore(MemoryChangelog(), partition, 1)
    state.restore()
    draft = state.begin()
    for offset, mood in enumerate(moods):
        raw = SimpleNamespace(
            topic=TICK,
            partition=partition,
            offset=offset,
            key=b"a",
            value=encode(CATALOG.topics[TICK].schema, tick("a", offset, mood)),
            headers=(),
            timestamp=0,
        )
        deriver.derive(raw, draft, DeliveryTracker())


def test_a_rule_beyond_its_refusal_limit_raises_with_rule_counts_and_reason() -> None:
    """The last dead letter is sent first; no further record is tried."""
    deriver, door = deriver_with_limit(RefusalLimit(5, 0.5, 100))
    with pytest.raises(
        RuleFaultError,
        match=r"^probe.tick: stopped: rule probe-echo@1 refused 5 of the last 7 records of partition 0, "
        r"the last at offset 6: RuntimeError: told to; .* mend the rule, .*$",
    ):
        derive_moods(deriver, 0, ["fine", "fine", *["raise"] * 50])
    assert len(door.sent(DEAD)) == 5


def test_the_line_of_a_stopped_topic_has_no_terminal_escapes() -> None:
    """A rule's error may quote what a device sent: the operator's terminal must not act on it."""

    def rule(_record: Record) -> list[Output]:
        raise ValueError("\x1b[2J\x07 and\nmore")

    deriver = RuleExecutor(
        CATALOG,
        TICK,
        [Handler(TICK, Rule("r", 1), (), rule, stateful=False)],
        MemoryProducer(CATALOG),
        Metrics(),
        limit=RefusalLimit(1, 1.0, 1),
    )
    with pytest.raises(RuleFaultError) as stopped:
        derive_moods(deriver, 0, ["fine"])
    assert r"ValueError: \x1b[2J\x07 and more;" in str(stopped.value)
    assert str(stopped.value).isprintable()


def test_refusals_are_counted_for_each_rule_and_partition_apart() -> None:
    """Two rules with four refusals each are two rules below a limit of five, and so are two partitions."""
    deriver, door = deriver_with_limit(RefusalLimit(5, 0.5, 100))
    for partition in range(2):
        derive_moods(deriver, partition, ["raise", "raise late"] * 4)
    assert len(door.sent(DEAD)) == 16


def test_records_that_no_schema_reads_are_no_refusals_of_a_rule() -> None:
    """Bad input that never reaches a rule stops nothing."""
    deriver, door = deriver_with_limit(RefusalLimit(1, 0.1, 100))
    for offset in range(50):
        broken = SimpleNamespace(
            topic=TICK, partition=0, offset=offset, key=b"a", value=b"\0nothing", headers=(), timestamp=0
        )
        deriver.derive(broken, None, DeliveryTracker())
    assert door.sent(DEAD) == []
