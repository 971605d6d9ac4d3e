"""Rows of the archive that stand where no record can stand are named, in each kind of audit."""

from __future__ import annotations

import pytest

from ledger_sink.audit.beyond import MOST, beyond
from tests.ledger_sink.audit.test_run import TOPIC, City, city, whole

__all__ = ["city", "whole"]


def test_rows_that_records_explain_are_no_problem() -> None:
    """At Kafka's end, behind it, or where Kafka cannot be asked."""
    known = {("a", 0), ("a", 1), ("b", 0)}
    ends = {("a", 0): 7, ("a", 1): 3}
    assert beyond({("a", 0): 7, ("a", 1): 3, ("b", 0): 99}, ends, known) == []
    assert beyond({}, {}, known) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("a", 0), "the archive has rows up to offset 1000000, but Kafka and the ledger end at 7"),
        (("a", 7), "of a partition that neither Kafka nor the ledger has"),
        (("z", 0), "of a topic that no log seals"),
    ],
)
def test_rows_that_nothing_explains_are_named(row: tuple[str, int], words: str) -> None:
    """Topic, partition and the last offset."""
    (line,) = beyond({row: 1_000_001}, {("a", 0): 7}, {("a", 0)})
    assert line.startswith(f"{row[0]}/{row[1]}: ")
    assert words in line


def test_many_are_counted() -> None:
    """A flood of them does not bury the other problems."""
    found = beyond({("z", number): 1 for number in range(5000)}, {}, {("a", 0)})
    assert len(found) == MOST + 1
    assert found[-1].endswith("in 4980 partitions more")


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize(("partition", "offset"), [(99, 0), (0, 1_000_000)])
def test_a_forged_row_fails_every_audit(city: City, partition: int, offset: int, settled: bool) -> None:
    """A full one and an incremental one, of a city at rest and of a running one."""
    sound = city.audit(settled=settled)
    assert sound.problems == []
    forged = city.rows[0][0]._replace(offset=offset)
    city.rows[partition] = [*city.rows.get(partition, []), forged]
    for baseline in (None, sound.baseline):
        problems = city.audit(settled=settled, baseline=baseline).problems
        assert any(line.startswith(f"{TOPIC}/{partition}") for line in problems), problems
