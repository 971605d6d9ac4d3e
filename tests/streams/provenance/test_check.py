"""The check before any rule: who may be used, what is refused, what is told; in memory, by the worker's own code."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import RefusedEventError
from streams.produce.producer import signed
from streams.provenance.key_registry import REGISTERED, REVOKED, Registry
from streams.provenance.partitioner import partition_of
from streams.record import ProducerRecord
from streams.testing import MemoryProducer
from tests.streams.probe import TICK
from tests.streams.provenance.scene import (
    CATALOG,
    DEVICE,
    GAPS,
    OTHER,
    SIGNER,
    Partition,
    event,
    prepared,
    registry,
    required,
    sign,
)


def run(keys: Registry, *records: ProducerRecord, at_ms: int = 1) -> Partition:
    """Run records as one batch."""
    partition = Partition(keys)
    partition.run(records, at_ms=at_ms)
    return partition


def test_without_signature_number_or_registration_nothing_is_kept() -> None:
    """The platform as it was: rules run, no state of its own."""
    partition = run(Registry(), prepared(0), prepared(1))
    assert partition.numbers() == [0, 1]
    assert {subject.rule for subject in partition.state.entries()} == {"probe-total@1"}


def test_signed_events_of_a_registered_source_are_used() -> None:
    """Single ones and a gateway's batch."""
    batch = signed([prepared(number, number) for number in range(2, 9)], SIGNER)
    partition = run(required(), *sign(prepared(1, 1)), *batch)
    assert partition.numbers() == list(range(1, 9))
    assert partition.letters() == []
    assert partition.gaps() == []


def flipped(record: ProducerRecord) -> ProducerRecord:
    """Change a bit of the signature."""
    *rest, (name, mark) = record.headers
    return record._replace(headers=(*rest, (name, mark[:-1] + bytes([mark[-1] ^ 1]))))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (lambda: flipped(sign(prepared(1))[0]), "does not fit the record"),
        (lambda: sign(prepared(1))[0]._replace(key=b"b"), "does not fit the record"),
        (lambda: sign(prepared(1))[0]._replace(value=prepared(2).value), "does not fit the record"),
        (lambda: prepared(1, 1)._replace(headers=(("sequence", b"01"),)), "expected a number from 1"),
        (lambda: prepared(1)._replace(headers=(("signature", b"\x01"),)), "expected version 01 or 02"),
        (lambda: prepared(1), "must sign its events, and nobody signed this one"),
        (lambda: sign(prepared(1), key=OTHER)[0], f"which may not sign for {DEVICE}"),
    ],
    ids=["bit", "key", "value", "number", "cut", "missing", "another key"],
)
def test_a_wrong_or_missing_signature_is_dead_lettered(
    bad: Callable[[], ProducerRecord], reason: str
) -> None:
    """No rule uses it, the dead letter says why, and the neighbours are as if nothing was."""
    wrong = bad()
    partition = run(required(), *sign(prepared(0, 1)), wrong, *sign(prepared(3, 2)))
    assert partition.numbers() == [0, 3]
    assert partition.gaps() == []
    (letter,) = partition.sent("probe.dead-letter")
    assert reason in letter.event["reason"]
    assert (letter.event["stage"], letter.event["rule"]) == ("origin", "device-origin@1")
    assert letter.event["origin"] == {"topic": TICK, "partition": 0, "offset": 1}
    assert letter.event["bytes"] == wrong.value
    assert letter.headers["cause"] == b"probe.tick/0/1"
    assert partition.figures.get("agents_origin_refused_total", TICK) == 1


def test_a_source_that_nobody_registered_may_sign_but_not_wrongly() -> None:
    """A right signature passes, for the verdict to name; a wrong one is refused, whoever signed."""
    partition = run(Registry(), *sign(prepared(0), key=OTHER), flipped(sign(prepared(1), key=OTHER)[0]))
    assert partition.numbers() == [0]
    assert [offset for offset, _ in partition.letters()] == [1]


def test_a_source_that_need_not_sign_may_leave_it() -> None:
    """Registered, not required: unsigned events are used, another key's are not."""
    keys = registry((0, SIGNER.did, REGISTERED, False))
    partition = run(keys, prepared(0), *sign(prepared(1)), *sign(prepared(2), key=OTHER))
    assert partition.numbers() == [0, 1]


def test_a_revoked_key_signs_no_more() -> None:
    """By the time at which Kafka received the event; the source must go on signing, with another key."""
    keys = registry(
        (0, SIGNER.did, REGISTERED, True),
        (100, SIGNER.did, REVOKED, True),
        (200, OTHER.did, REGISTERED, True),
    )
    partition = Partition(keys)
    partition.run(sign(prepared(0)), 0, at_ms=99)
    partition.run(sign(prepared(1)), 1, at_ms=100)
    partition.run(sign(prepared(2), key=OTHER), 2, at_ms=150)
    partition.run([prepared(3)], 3, at_ms=150)
    partition.run(sign(prepared(4), key=OTHER), 4, at_ms=200)
    assert partition.numbers() == [0, 4]
    assert [offset for offset, _ in partition.letters()] == [1, 2, 3]


def test_replays_are_dead_lettered_and_repeats_are_not() -> None:
    """The same bytes again are Kafka's repeat; another event under the number, or another form, is refused."""
    first, second = sign(prepared(0, 1), prepared(1, 2))
    other_number = sign(prepared(2, 2))[0]
    same_event = sign(prepared(0, 3))[0]
    partition = run(required(), first, second, first, other_number, same_event, *sign(prepared(3, 3)))
    assert partition.numbers() == [0, 1, 0, 3]
    assert partition.letters() == [
        (3, "number 2 came before, with another event or too long ago to tell"),
        (4, "this event came before with another value, number or signer"),
    ]


def test_holes_are_told_and_late_arrivals_too() -> None:
    """As sealed events of the platform: whose, which numbers, under which key."""
    partition = run(required(), *sign(prepared(0, 1), prepared(4, 5), prepared(2, 3)))
    assert partition.gaps() == [("MISSING", 2, 4), ("ARRIVED", 3, 3)]
    assert partition.numbers() == [0, 4, 2]
    hole = partition.sent(GAPS)[0]
    assert hole.key == DEVICE
    assert (hole.event["topic"], hole.event["subject"], hole.event["signer"]) == (TICK, "a", SIGNER.did)
    assert hole.event["occurred_at"] == event(4)["occurred_at"]
    assert partition.figures.get("agents_missing_numbers", TICK) == 2


def test_numbers_count_without_signatures_and_for_each_subject_apart() -> None:
    """Two subjects of one device have their own numbers."""
    records = [prepared(n, n, subject=subject) for n in (1, 2) for subject in "ab"]
    partition = run(Registry(), *records, prepared(4, 4))
    assert partition.gaps() == [("MISSING", 3, 3)]
    assert partition.letters() == []


def test_a_record_that_was_copied_into_another_partition_is_refused() -> None:
    """There nothing is remembered of it, so it is not judged by its number; an unsigned one is none of this."""
    keys = registry((0, SIGNER.did, REGISTERED, False))
    partition = Partition(keys)
    check = partition.deriver.provenance
    assert check is not None
    check.partitions = 2
    subjects = {partition_of(name.encode(), 2): name for name in "abcdefgh"}
    partition.run([*sign(prepared(1, 1, subject=subjects[0])), *sign(prepared(2, 1, subject=subjects[1]))])
    assert partition.numbers() == [1]
    assert partition.letters() == [
        (1, "it stands in partition 0, and its key's is 1 (murmur2): moved, or misplaced")
    ]
    assert partition.gaps() == []


@pytest.mark.parametrize(
    ("data", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_keys_are_placed_as_kafka_does(data: bytes, hashed: int) -> None:
    """The values of Kafka's own test of `murmur2`, without their sign, as its partitioners take them."""
    assert partition_of(data, 2**31) == hashed % 2**31
    assert partition_of(data, 6) == hashed % 2**31 % 6


def story() -> list[ProducerRecord]:
    """Make a device's records with everything in them that can go wrong."""
    good = sign(*(prepared(number, number + 1) for number in range(100)))
    late = good[20:25]
    records = [*good[:20], *good[25:40], *late, *good[40:60]]
    replayed = sign(prepared(200, 30), prepared(201, 58))
    records += [*good[50:55], *replayed, good[3], flipped(good[60]), *good[60:90], prepared(99), *good[95:]]
    return records


@settings(max_examples=40)
@given(st.integers(1, 60), st.data())
def test_batches_and_crashes_change_nothing(batch: int, data: st.DataObject) -> None:
    """What is told is byte for byte what an undisturbed run tells, wherever a worker ends before its commit."""
    records = story()
    calm = Partition(required())
    calm.run(records)
    crash_after = data.draw(st.integers(0, len(records)))
    committed = data.draw(st.integers(0, crash_after))
    first = Partition(required())
    first.run(records[:crash_after], batch=batch)
    second = Partition(required(), first.changelog.log)
    second.run(records[committed:], first=committed, batch=batch)
    assert facts(first, second) == facts(calm)
    assert set(second.numbers()) | set(first.numbers()) == set(calm.numbers())


def facts(*runs: Partition) -> dict[Any, bytes]:
    """Return the distinct events that were sent; a repeat that differs from its first is an error."""
    found: dict[Any, bytes] = {}
    for each in (sent for partition in runs for sent in partition.door.sent()):
        assert found.setdefault((each.topic, each.event["event_id"]), each.value) == each.value
    return found


def test_the_story_has_what_it_should() -> None:
    """The undisturbed run refuses, reports and uses what it must: the property above has power."""
    calm = Partition(required())
    calm.run(story())
    assert calm.gaps()[0] == ("MISSING", 21, 25)
    assert calm.gaps()[1:6] == [("ARRIVED", number, number) for number in range(21, 26)]
    assert calm.gaps()[6:] == [("MISSING", 91, 95)]
    assert len(calm.letters()) == 4
    assert set(range(90)) <= set(calm.numbers())
    assert not {200, 201} & set(calm.numbers())


def test_the_door_signs_raw_topics_only() -> None:
    """What the platform derives is its own; a number that is none is refused."""
    door = MemoryProducer(CATALOG, signer=SIGNER)
    assert [name for name, _ in door.prepare(TICK, event(0), sequence=4).headers] == ["sequence", "signature"]
    echo = {**{k: v for k, v in event(0).items() if k != "mood"}}
    assert door.prepare("probe.echo", echo).headers == ()
    with pytest.raises(RefusedEventError, match="sequence: expected 1 to"):
        door.prepare(TICK, event(0), sequence=0)
