"""An incremental audit reads what is new, finds what is wrong with it, and says what it did not look at."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from ledger_sink.audit import run as audit
from ledger_sink.audit.baseline import AuditBaseline, read_baseline, write_baseline
from ledger_sink.errors import DamagedStateError
from ledger_sink.format.layout import CHECKPOINT
from tests.ledger_sink.audit.test_run import TOPIC, City, city, whole
from tests.ledger_sink.worlds import record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["city", "whole"]

OLD, NEW = 700, 900
"""Records of partition 0 at the first audit and at the second one."""


def grow(city: City, partition: int, first: int, end: int) -> None:
    """Seal further records, and archive them."""
    found = [record(offset) for offset in range(first, end)]
    city.kafka.partitions[partition] += found
    city.rows[partition] += found
    city.seal()


@pytest.fixture
def audited(city: City) -> tuple[City, AuditBaseline]:
    """A city that was audited, and has grown since."""
    first = city.audit()
    assert first.problems == []
    grow(city, 0, OLD, NEW)
    return city, first.baseline


def test_only_what_is_new_is_compared(audited: tuple[City, AuditBaseline]) -> None:
    """Counts are those of the growth, and the result says what was not looked at."""
    city, memory = audited
    result = city.audit(baseline=memory)
    assert (result.verdict, result.problems) == ("pass", [])
    assert result.counts[TOPIC] == audit.Counts(NEW - OLD, NEW - OLD, NEW - OLD)
    assert any("run a full audit" in words for words in result.not_checked)
    assert city.audit().counts[TOPIC] == audit.Counts(1200, 1200, 1200)


def test_steps_end_where_one_full_audit_ends(audited: tuple[City, AuditBaseline]) -> None:
    """What is remembered after several increments is what a full audit remembers."""
    city, memory = audited
    for end in (NEW + 1, NEW + 2, 1023, 1024, 1025):
        grow(city, 0, len(city.kafka.partitions[0]), end)
        result = city.audit(baseline=memory)
        assert result.problems == []
        memory = result.baseline
    assert memory == city.audit().baseline


def test_nothing_new_is_nothing_to_do(audited: tuple[City, AuditBaseline]) -> None:
    """An increment of nothing passes and compares nothing."""
    city, _ = audited
    result = city.audit(baseline=city.audit().baseline)
    assert result.problems == []
    assert result.counts[TOPIC] == audit.Counts()


def change(city: City) -> None:
    """Change a new row."""
    city.rows[0][OLD + 5] = city.rows[0][OLD + 5]._replace(value=b"another")


def drop(city: City) -> None:
    """Drop a new row."""
    del city.rows[0][OLD + 5]


def double(city: City) -> None:
    """Double a new row."""
    city.rows[0].insert(OLD + 5, city.rows[0][OLD + 5])


def forge(city: City) -> None:
    """Change a new record in Kafka."""
    city.kafka.partitions[0][OLD + 5] = city.kafka.partitions[0][OLD + 5]._replace(value=b"another")


def drop_old(city: City) -> None:
    """Drop a row that was audited before."""
    del city.rows[0][5]


FAULTS = {
    "a new row changed": (change, f"{TOPIC}/0 offset 705: archive: expected commitment"),
    "a new row gone": (drop, f"{TOPIC}/0 offset 705: archive: expected what leaf 706"),
    "a new row doubled": (double, f"{TOPIC}/0 offset 705: archive: expected one, got another"),
    "a new record changed": (forge, f"{TOPIC}/0 offset 705: Kafka: expected commitment"),
    "an old row gone": (
        drop_old,
        f"{TOPIC}/0 before offset 700: archive: expected 700 rows as at the last audit",
    ),
    "a new entry": (
        lambda city: city.flip(f"{TOPIC}/0/1/tile/entries/003.p/133"),
        "checkpoint: its root at size 901",
    ),
    "a new tile": (lambda city: city.flip(f"{TOPIC}/0/1/tile/0/003.p/133"), "tile/0/003.p/133: damaged"),
    "a tile that the growth filled": (
        lambda city: city.flip(f"{TOPIC}/0/1/tile/0/002"),
        "tile/0/002: damaged",
    ),
    "a checkpoint": (lambda city: city.flip(f"{TOPIC}/0/1/{CHECKPOINT}", 40), f"{TOPIC}/0/1/{CHECKPOINT}"),
    "a block": (lambda city: city.flip("city/1/tile/entries/000.p/2"), "city/1/"),
}


@pytest.mark.parametrize(("fault", "words"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_with_the_growth_is_named(
    audited: tuple[City, AuditBaseline], fault: Callable[[City], None], words: str
) -> None:
    """The same words as a full audit has, and a full audit finds it too."""
    city, memory = audited
    fault(city)
    result = city.audit(baseline=memory)
    assert result.verdict == "fail"
    assert any(words in problem for problem in result.problems), result.problems
    assert result.baseline == AuditBaseline()
    assert city.audit().verdict == "fail"


def test_damage_to_what_was_audited_is_left_to_a_full_audit(audited: tuple[City, AuditBaseline]) -> None:
    """An old entry bundle is not read again: the incremental result says so, the full one names it."""
    city, memory = audited
    city.flip(f"{TOPIC}/0/1/tile/entries/000")
    result = city.audit(baseline=memory)
    assert result.verdict == "pass"
    assert any("its first 701 entries were verified before" in words for words in result.not_checked)
    assert any("tile/entries/000" in problem for problem in city.audit().problems)


def test_a_log_that_shrank_or_forked_is_named(audited: tuple[City, AuditBaseline]) -> None:
    """Memory of a larger size, or of another root at this size, does not fit what lies there."""
    city, _ = audited
    memory = city.audit().baseline
    (origin,) = [name for name in memory.logs if name.endswith(f"{TOPIC}/0/1")]
    since = memory.logs[origin]
    larger = dataclasses.replace(since, size=since.size + 1)
    other = dataclasses.replace(since, root=bytes(32))
    for wrong, words in ((larger, "rolled back"), (other, "forked")):
        logs = {**memory.logs, origin: wrong}
        problems = city.audit(baseline=AuditBaseline(logs, memory.rows)).problems
        assert any(words in problem for problem in problems), problems


def test_memory_is_read_as_it_was_written_or_not_at_all(
    audited: tuple[City, AuditBaseline], tmp_path: Path
) -> None:
    """One changed byte of the file is an error that names it; no file is no memory."""
    _, memory = audited
    path = tmp_path / "audit" / "ledger.json"
    assert read_baseline(path) is None
    write_baseline(path, memory)
    assert read_baseline(path) == memory
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedStateError, match=r"ledger\.json: damaged"):
        read_baseline(path)
