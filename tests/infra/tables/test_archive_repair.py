"""Attacks on the archive: each is undone from Kafka as far as the ledger agrees, also by a run after one that died."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from infra.errors import StackError
from infra.settings import Settings
from infra.tables.archive_repair import ArchiveRepair
from infra.tables.archive_rows import stored_ends
from infra.tables.sealed_leaves import LeafCursor
from ledger_sink.format.leaf import record_leaves
from ledger_sink.kafka_source import TopicFacts
from ledger_sink.record import Record
from ledger_sink.verifier.compare import RecordLeaf, UnreadLeaves
from schemas.names import DATABASE
from schemas.tables import create_archive, create_database
from tests.harness.engine import with_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.tables.archive_choice import Tally
    from tests.harness.engine import ClickHouse

COUNT = 30
CONTROL = 20
"""An offset without a readable record, as after a transaction."""
LOW = 5
"""First offset that Kafka has."""
TABLE = f"{DATABASE}.records"


def record(offset: int, value: bytes = b"") -> Record:
    """A record with every kind of key, value and header."""
    return Record(
        offset,
        1,
        1_790_000_000_000 + offset,
        None if offset % 3 == 0 else b"key\0\xff",
        None if offset % 7 == 0 and not value else value or b"value '\\\n\0\xff %d" % offset,
        (("name", b"\0\xfe"), ("none", None)) if offset % 2 else (),
    )


SENT = {offset: record(offset) for offset in range(COUNT) if offset != CONTROL}


@dataclass
class Kafka:
    """A topic of one partition."""

    topic: str
    sent: dict[int, Record] = field(default_factory=lambda: dict(SENT))
    low: int = LOW
    passed: int = COUNT
    """What the sink has committed."""

    def describe(self, topics: Any) -> dict[str, TopicFacts]:
        """Know the topic only."""
        return {each: TopicFacts(bytes(16), 1) for each in topics if each == self.topic}

    def all_watermarks(self, partitions: Any) -> dict[tuple[str, int], tuple[int, int]]:
        """The retained offsets."""
        return dict.fromkeys(partitions, (self.low, COUNT))

    def committed(self, partitions: Any) -> dict[tuple[str, int], int]:
        """What the sink has committed."""
        return dict.fromkeys(partitions, self.passed)

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterator[Record]:
        """The records of a range."""
        assert (topic, partition) == (self.topic, 0)
        return iter([each for offset, each in sorted(self.sent.items()) if first <= offset < end])


@dataclass
class Ledger:
    """What was sealed of the topic."""

    topic: str
    sealed: dict[int, Record] = field(default_factory=lambda: dict(SENT))
    unread: set[int] = field(default_factory=set)
    before: list[Record] = field(default_factory=list)
    """Records of an earlier topic of the same name."""

    def partitions(self, topic: str) -> set[int]:
        """One log."""
        return {0} if topic == self.topic else set()

    def cursor(self, topic: str, partition: int, topic_id: bytes) -> LeafCursor:
        """The leaves, with marks for those that cannot be read."""
        del topic_id
        leaves: list[RecordLeaf | UnreadLeaves] = []
        for number, (offset, each) in enumerate(sorted(self.sealed.items())):
            if offset in self.unread:
                leaves.append(UnreadLeaves("log", number))
            else:
                leaves.append(RecordLeaf(offset, number, "log", record_leaves(topic, partition, [each])[0]))
        return LeafCursor(leaves, max(self.sealed, default=-1) + 1)

    def earlier(self, topic: str, partition: int, topic_id: bytes) -> set[bytes]:
        """The leaves of the earlier topic."""
        del topic_id
        return set(record_leaves(topic, partition, self.before))


class Archive:
    """The archive's rows of one topic of its own, in the real engine."""

    def __init__(self, clickhouse: ClickHouse, data: Path) -> None:
        self.topic = f"t-{uuid.uuid4().hex[:8]}.reading"
        self.client = clickhouse.client()
        for sql in (create_database(), create_archive()):
            self.client.command(sql)
        door = with_credentials(clickhouse.url, clickhouse.user, clickhouse.password)
        self.settings = Settings(data=data, clickhouse=door)
        self.kafka, self.ledger = Kafka(self.topic), Ledger(self.topic)
        self.where = f"topic = '{self.topic}' AND partition = 0"
        self.insert(*SENT.values())

    def insert(self, *records: Record) -> None:
        """Store rows, as a sink or an attacker does."""
        values = ", ".join(
            f"('{self.topic}', 0, {each.offset}, {each.timestamp_type}, {each.timestamp_ms}, {_literal(each.key)}, "
            f"{_literal(each.value)}, [{', '.join(map(_pair, each.headers))}])"
            for each in records
        )
        self.client.command(f"INSERT INTO {TABLE} SETTINGS insert_deduplicate = 0 VALUES {values}")

    def attack(self, sql: str) -> None:
        """Run a statement and wait for it."""
        self.client.command(sql.format(t=TABLE, w=self.where), settings={"mutations_sync": 2})

    def repair(self, step: Any = lambda _: None) -> Tally:
        """Repair the rows once."""
        repair = ArchiveRepair(self.client, self.settings, self.kafka, self.ledger, step, sink_s=0)
        return repair.repair(self.topic, 1, stored_ends(self.client, self.topic))

    def rows(self) -> list[tuple[int, bytes]]:
        """Return offset and value of every row, repeats included."""
        found = self.client.query(
            f"SELECT offset, hex(ifNull(value, 'NULL')) FROM {TABLE} WHERE {self.where} ORDER BY 1, 2"
        ).result_rows
        return [(offset, bytes.fromhex(value)) for offset, value in found]

    def digest(self) -> tuple[Any, ...]:
        """Return number and digest of all rows in all columns."""
        found = self.client.query(f"SELECT count(), sum(cityHash64(*)) FROM {TABLE} WHERE {self.where}")
        return tuple(found.result_rows[0])


def _literal(value: bytes | None) -> str:
    return "NULL" if value is None else f"unhex('{value.hex()}')"


def _pair(header: tuple[str, bytes | None]) -> str:
    return f"('{header[0]}', {_literal(header[1])})"


@pytest.fixture
def archive(clickhouse: ClickHouse, tmp_path: Path) -> Iterator[Archive]:
    """All records of a topic, archived and sealed; Kafka has those from `LOW` on."""
    made = Archive(clickhouse, tmp_path)
    yield made
    made.client.command(f"ALTER TABLE {TABLE} DELETE WHERE {made.where}")
    made.client.close()


def copied(changes: str, offset: int) -> str:
    """Return the insert of a changed copy of a row."""
    return (
        f"INSERT INTO {{t}} SELECT * REPLACE ({changes}) FROM (SELECT * FROM {{t}} WHERE {{w}} AND offset = {offset}) "
        "SETTINGS insert_deduplicate = 0"
    )


ATTACKS = {
    "a value changed": "ALTER TABLE {t} UPDATE value = 'x' WHERE {w} AND offset = 11",
    "a key changed": "ALTER TABLE {t} UPDATE timestamp_ms = 7, headers = [] WHERE {w} AND offset > 6",
    "null made empty text": "ALTER TABLE {t} UPDATE value = '' WHERE {w} AND offset = 14",
    "an impossible time type": "ALTER TABLE {t} UPDATE timestamp_type = 9 WHERE {w} AND offset = 11",
    "rows removed": "ALTER TABLE {t} DELETE WHERE {w} AND offset BETWEEN 8 AND 22",
    "all rows that Kafka has removed": "ALTER TABLE {t} DELETE WHERE {w} AND offset >= 5",
    "a second row at an offset": copied("'x' AS value", 11),
    "a row of a control record": copied("toUInt64(20) AS offset", 11),
    "a row behind Kafka's end": copied("toUInt64(1000000000) AS offset", 11),
    "a row at the last offset of all": copied("toUInt64(18446744073709551615) AS offset", 11),
    "rows repeated": "INSERT INTO {t} SELECT * FROM {t} WHERE {w} AND offset > 3 SETTINGS insert_deduplicate = 0",
    "a second row where Kafka has none any more": copied("'x' AS value", 2),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_on_the_archive_is_undone(archive: Archive, attack: str) -> None:
    """Afterwards the rows are those of before, to the last bit; a second run finds nothing, a second attack heals."""
    before = archive.digest()
    times = 2 if attack == ATTACKS["rows removed"] else 1
    for _ in range(times):  # the same rows stored again: no deduplication token may swallow them
        archive.attack(attack)
        assert archive.digest() != before
        done = archive.repair()
        assert archive.digest() == before, archive.rows()
        assert done.put_back + done.replaced + done.removed > 0
        assert (done.kept, done.contradicted) == (LOW, 0)
    again = archive.repair()
    assert (again.equal, again.put_back, again.replaced, again.removed) == (COUNT - LOW - 1, 0, 0, 0)


class Stopped(BaseException):
    """Stands for a process that is killed at a step."""


@pytest.mark.parametrize("at", ["insert", "remove", "repeats"])
def test_a_repair_that_dies_is_ended_by_the_next_one(archive: Archive, at: str) -> None:
    """Whatever it was about to do: nothing that was right is away, and the second run makes the rows exact."""
    before, right = archive.digest(), set(archive.rows())
    for name in ("a value changed", "a row behind Kafka's end", "rows repeated", "rows removed"):
        archive.attack(ATTACKS[name])
    there = right & set(archive.rows())
    seen = []

    def die(step: str) -> None:
        seen.append(step)
        if step == at:
            raise Stopped

    with pytest.raises(Stopped):
        archive.repair(die)
    assert seen[-1] == at
    assert there <= set(archive.rows())
    archive.repair()
    assert archive.digest() == before


def test_what_kafka_no_longer_has_is_kept_and_counted(archive: Archive) -> None:
    """Rows below its first offset stay, also without any ledger; a changed one is named, since its leaf is known."""
    archive.ledger.sealed = {}
    assert archive.repair().kept == LOW
    archive.ledger.sealed = dict(SENT)
    archive.attack("ALTER TABLE {t} UPDATE value = 'x' WHERE {w} AND offset = 2")
    archive.attack("ALTER TABLE {t} DELETE WHERE {w} AND offset = 3")
    done = archive.repair()
    assert (done.kept, done.contradicted) == (LOW - 1, 2)
    assert "offset 2: Kafka no longer has the sealed record" in done.lines()[0]
    assert "the archive has none" in done.lines()[1]
    assert (2, b"x") in archive.rows()


def test_where_kafka_contradicts_the_ledger_the_sealed_row_stays(archive: Archive) -> None:
    """The archive has what was sealed: it is used, and that is said; a forged row beside it goes."""
    before = archive.digest()
    archive.kafka.sent[11] = record(11, b"forged")
    del archive.kafka.sent[12]
    archive.insert(record(11, b"forged"))
    done = archive.repair()
    assert archive.digest() == before
    assert done.contradicted == 2
    assert (
        "offset 11: Kafka's record is not the one that the ledger sealed: the archive's row"
        in done.lines()[0]
    )
    assert "offset 12: Kafka lacks the record" in done.lines()[1]


def test_where_nobody_has_what_was_sealed_nothing_is_changed(archive: Archive) -> None:
    """Neither Kafka's forged record nor the archive's is used: both stay for whoever looks."""
    archive.kafka.sent[11] = record(11, b"forged")
    archive.attack("ALTER TABLE {t} UPDATE value = 'x' WHERE {w} AND offset = 11")
    before = archive.digest()
    done = archive.repair()
    assert (archive.digest(), done.contradicted) == (before, 1)
    assert "offset 11: neither Kafka nor the archive has the record" in done.lines()[0]


def test_records_without_a_leaf_are_taken_from_kafka(archive: Archive) -> None:
    """Not sealed yet: no word. A leaf is missing amid others: said. One that cannot be read removes no row."""
    before = archive.digest()
    archive.ledger.sealed = {offset: each for offset, each in SENT.items() if offset < 25}
    archive.attack("ALTER TABLE {t} UPDATE value = 'x' WHERE {w} AND offset = 27")
    assert (archive.repair().contradicted, archive.digest()) == (0, before)
    del archive.ledger.sealed[13]
    assert "offset 13: no leaf commits to Kafka's record: Kafka's was used" in archive.repair().lines()[0]
    archive.ledger.unread = {16}
    del archive.kafka.sent[16]
    done = archive.repair()
    assert archive.digest() == before
    assert any("offset 16: Kafka has no record, and the leaf cannot be read" in each for each in done.lines())


def test_rows_of_an_earlier_topic_of_the_same_name_are_kept(archive: Archive) -> None:
    """A re-created topic begins at offset 0 again; an earlier epoch's leaves commit to the older rows."""
    older = record(11, b"of the topic before")
    archive.ledger.before = [older]
    archive.insert(older)
    before = archive.digest()
    done = archive.repair()
    assert (archive.digest(), done.earlier, done.removed) == (before, 1, 0)


def test_what_the_sink_has_not_come_to_is_left_to_it(archive: Archive) -> None:
    """Its rows may come at any moment: neither filled nor removed, and the line says how many offsets."""
    archive.attack("ALTER TABLE {t} DELETE WHERE {w} AND offset >= 26")
    archive.kafka.passed = 25
    before = archive.digest()
    done = archive.repair()
    assert (archive.digest(), done.in_flight) == (before, 5)
    assert "5 offsets not compared" in str(done)


def test_a_topic_that_kafka_lacks_is_one_line(archive: Archive) -> None:
    """Nothing is changed; and a partition that Kafka lacks keeps its rows and is named."""
    before = archive.digest()
    archive.kafka.topic = "another"
    with pytest.raises(StackError, match="Kafka has no topic") as found:
        archive.repair()
    assert "\n" not in str(found.value)
    archive.kafka.topic = archive.topic
    archive.repair()
    repair = ArchiveRepair(archive.client, archive.settings, archive.kafka, archive.ledger, sink_s=0)
    done = repair.repair(archive.topic, 2, {0: COUNT, 2: 9})
    assert [each.partition(": ")[0] for each in done.lines()] == [f"{archive.topic}/{n}" for n in (1, 2)]
    assert archive.digest() == before
