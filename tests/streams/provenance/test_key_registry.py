"""The registry of source keys: who may sign for whom, and from when on."""

from collections.abc import Iterable
from typing import Any

from streams.provenance.key_registry import REGISTERED, REVOKED, KeyStatus, Received, Registry

K1, K2 = "did:key:z6Mk1", "did:key:z6Mk2"


class Records:
    """A registry's topic in memory."""

    def __init__(self) -> None:
        self.waiting: list[Received] = []
        self.readings = 0

    def add(self, timestamp_ms: int, did: str, standing: str = REGISTERED, **fields: Any) -> None:
        """Have Kafka receive a record about source `s`."""
        event = {"sender": "s", "did": did, "standing": standing, "required": True, "valid_from": 0, **fields}
        self.waiting.append(Received(timestamp_ms, event))

    def read_on(self) -> Iterable[Received]:
        """Give what came since."""
        self.readings += 1
        given, self.waiting = self.waiting, []
        return given


def read(records: Records, settle_s: float = 5.0) -> Registry:
    """Make a registry that has read everything."""
    registry = Registry(records, settle_s)
    registry.refresh()
    return registry


def test_without_records_nobody_is_registered() -> None:
    """An empty registry is never stale and knows nobody."""
    registry = Registry()
    assert registry.empty
    assert not registry.stale
    assert registry.status("s", 0) is None


def test_a_key_is_in_force_when_kafka_has_had_it_for_a_while() -> None:
    """Not a millisecond earlier, so that a worker that read on since has it."""
    records = Records()
    records.add(1_000, K1)
    registry = read(records)
    assert registry.status("s", 5_999) is None
    assert registry.status("s", 6_000) == KeyStatus(frozenset({K1}), True)
    assert registry.status("other", 6_000) is None


def test_a_later_beginning_is_kept() -> None:
    """`valid_from` in microseconds counts where it is later, rounded up."""
    records = Records()
    records.add(1_000, K1, valid_from=9_000_001)
    registry = read(records)
    assert registry.status("s", 9_000) is None
    assert registry.status("s", 9_001) is not None


def test_what_holds_depends_on_the_time_asked_for() -> None:
    """Two keys overlap in a rotation; a revoked key signs no more; the latest word on `required` counts."""
    records = Records()
    records.add(0, K1, required=False)
    records.add(10, K2)
    records.add(20, K1, REVOKED)
    registry = read(records, settle_s=0)
    assert registry.status("s", 5) == KeyStatus(frozenset({K1}), False)
    assert registry.status("s", 10) == KeyStatus(frozenset({K1, K2}), True)
    assert registry.status("s", 20) == KeyStatus(frozenset({K2}), True)


def test_when_everything_was_read_makes_no_difference() -> None:
    """One reading or three: the same answers for the same times, also where a later record counts earlier."""
    events = [(0, K1, REGISTERED, 50_000), (10, K2, REGISTERED, 0), (20, K1, REVOKED, 70_000)]
    at_once, bit_by_bit = Records(), Records()
    slow = Registry(bit_by_bit, 0)
    for timestamp, did, standing, valid_from in events:
        for records in (at_once, bit_by_bit):
            records.add(timestamp, did, standing, valid_from=valid_from)
        slow.refresh()
    quick = read(at_once, 0)
    assert [quick.status("s", at) for at in range(0, 100, 5)] == [
        slow.status("s", at) for at in range(0, 100, 5)
    ]
    assert quick.status("s", 60) == KeyStatus(frozenset({K1, K2}), True)


def test_it_is_read_on_twice_within_the_time_it_takes_to_come_into_force() -> None:
    """Fresh for half of `settle_s`; a refresh while fresh asks nobody."""
    now = [100.0]
    records = Records()
    registry = Registry(records, 4.0, lambda: now[0])
    assert registry.stale
    registry.refresh()
    registry.refresh()
    assert records.readings == 1
    now[0] += 1.99
    assert not registry.stale
    now[0] += 0.01
    assert registry.stale
    registry.refresh()
    assert records.readings == 2
