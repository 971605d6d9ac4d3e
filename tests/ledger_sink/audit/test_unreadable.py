"""A store that cannot be read is named apart, and the rest is audited; a weak policy is said."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

import pytest

from ledger_sink.audit import run as audit
from ledger_sink.audit.stores import ArchiveDamagedError, ArchiveUnavailableError
from ledger_sink.errors import KafkaUnavailableError
from tests.ledger_sink.audit.test_run import TOPIC, City, FakeArchive, FakeKafka, changed, city, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ledger_sink.audit.stores import Archive, Source
    from ledger_sink.record import Record

__all__ = ["city", "whole"]


def run(city: City, archive: Archive, source: Source) -> audit.AuditResult:
    """Audit with these stores."""
    return audit.run(city.config, archive=archive, source=source, settled=False)


class NoKafka(FakeKafka):
    """A cluster that does not answer."""

    def describe(self, *_: object) -> NoReturn:
        """Answer nothing."""
        raise KafkaUnavailableError("no answer")


class DyingKafka(FakeKafka):
    """A cluster that goes away between two records."""

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterator[Record]:
        """Yield some records."""
        for record in super().records(topic, partition, first, end):
            if record.offset == 50:
                raise KafkaUnavailableError("gone")
            yield record


class NoArchive(FakeArchive):
    """An archive that does not answer."""

    def summaries(self, _: object) -> NoReturn:
        """Answer nothing."""
        raise ArchiveUnavailableError("ClickHouse: it does not answer")


class DamagedArchive(FakeArchive):
    """An archive with a part that cannot be read."""

    def rows(self, topic: str, partition: int, first: int) -> list[Record]:
        """Fail in partition 0."""
        if partition == 0:
            raise ArchiveDamagedError("ClickHouse: Code: 40. checksum does not match")
        return super().rows(topic, partition, first)


@pytest.mark.parametrize("kafka", [NoKafka, DyingKafka])
def test_without_kafka_leaves_are_compared_with_the_archive(
    city: City, kafka: Callable[..., FakeKafka]
) -> None:
    """Alone it is no problem; a changed row is named all the same."""
    gone = kafka(city.kafka.partitions)
    result = run(city, FakeArchive(city.rows), gone)
    assert (result.verdict, result.problems, len(result.unreadable)) == ("unreadable", [], 1)
    assert result.unreadable[0].startswith("Kafka: ")
    assert result.counts[TOPIC].archived == 1000
    city.rows[1][7] = changed(city.rows[1][7])
    result = run(city, FakeArchive(city.rows), gone)
    assert result.verdict == "fail"
    assert result.problems[0].startswith(f"{TOPIC}/1 offset 7: archive: expected commitment")


def test_without_the_archive_leaves_are_compared_with_kafka(city: City) -> None:
    """Alone it is no problem; a changed record is named all the same."""
    result = run(city, NoArchive(city.rows), city.kafka)
    assert (result.verdict, result.problems, len(result.unreadable)) == ("unreadable", [], 1)
    city.kafka.partitions[1][9] = changed(city.kafka.partitions[1][9])
    result = run(city, NoArchive(city.rows), city.kafka)
    assert result.verdict == "fail"
    assert result.problems[0].startswith(f"{TOPIC}/1 offset 9: Kafka: expected commitment")


def test_a_damaged_part_is_a_problem_and_the_other_partitions_are_compared(city: City) -> None:
    """It is named with its partition."""
    city.rows[1][7] = changed(city.rows[1][7])
    problems = run(city, DamagedArchive(city.rows), city.kafka).problems
    assert [problem.partition(": ")[0] for problem in problems] == [
        f"{TOPIC}/0 archive",
        f"{TOPIC}/1 offset 7",
    ]


@pytest.mark.parametrize("file", ["policy.txt", "keys.txt"])
def test_without_policy_or_keys_records_are_compared(city: City, file: str) -> None:
    """The file is named, and so is a changed row."""
    (city.root / "ledger" / file).unlink()
    city.rows[1][7] = changed(city.rows[1][7])
    problems = run(city, FakeArchive(city.rows), city.kafka).problems
    assert any(file in problem for problem in problems)
    assert any(problem.startswith(f"{TOPIC}/1 offset 7: archive: expected") for problem in problems), problems


def test_a_policy_without_an_independent_witness_is_said(city: City) -> None:
    """`quorum none` rests on the city alone."""
    (line,) = city.audit().trust_lines
    assert "quorum none" in line


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["checkpoint", "state.json", "tile/entries/000", "tile/0/000"])
def test_a_fifo_in_the_ledger_is_named_and_never_waited_for(city: City, name: str) -> None:
    """It may come from a restored disk, or from somebody who wants that no audit ends."""
    path = city.root / "ledger" / TOPIC / "0" / "1" / name
    path.unlink()
    os.mkfifo(path)
    result = city.audit()
    assert result.verdict == "fail"
    assert any(name in problem and "FIFO" in problem for problem in result.problems), result.problems
