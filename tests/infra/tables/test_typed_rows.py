"""Attacks on typed tables: each is named with its table, event and column, and a rebuild undoes it."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from infra.settings import Settings
from infra.tables.rebuild import rebuild
from infra.tables.typed_audit import TypedAudit
from schemas.catalog import Catalog
from schemas.names import DATABASE
from schemas.tables import create_archive, create_database, create_table
from streams.clickhouse_sink.archive_insert import insert_archive
from streams.clickhouse_sink.avro_container import container
from streams.clickhouse_sink.batch import InsertBatch, OffsetRange
from streams.clickhouse_sink.client import ClickHouseClient
from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.insert_sql import insert_rows
from tests.harness.engine import with_credentials
from tests.streams.clickhouse_sink.events import framed
from tests.streams.clickhouse_sink.stage import make_catalog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from infra.tables.typed_audit import TypedResult
    from schemas.model import Topic
    from tests.harness.engine import ClickHouse

EVENTS = 40
MARKER = bytes(range(16))


@dataclass
class Tables:
    """Archive and typed tables of one domain, as the sink fills them."""

    client: Any
    settings: Settings
    catalog: Catalog
    inserts: ClickHouseClient

    def topic(self, event: str) -> Topic:
        """A topic by its event."""
        return next(each for each in self.catalog.topics.values() if each.event == event)

    def table(self, event: str) -> str:
        """A topic's table."""
        return f"{DATABASE}.{self.topic(event).table}"

    def fill(self, event: str, partition: int, values: Sequence[bytes | None], *, rows: list[int]) -> None:
        """Archive records, and store the rows of those with these indexes."""
        topic, count = self.topic(event), len(values)
        batch = InsertBatch(
            topic.name, partition, OffsetRange(0, count - 1), list(range(count)), [1] * count,
            [1_790_000_000_000] * count, [b"k"] * count, list(values), [()] * count,
        )  # fmt: skip
        sql, body = insert_archive(batch, DATABASE, "1")
        self.inserts.insert(sql, body, "")
        part = batch.pick(rows)
        sql = insert_rows(topic, topic.schema, MARKER, DATABASE, "1")
        self.inserts.insert(sql, container(topic.schema, part, MARKER), "")

    def audit(self, remembered: Any = None) -> TypedResult:
        """Compare everything."""
        return TypedAudit(self.client, self.settings, self.catalog, settled=True).check(remembered)

    def command(self, sql: str) -> None:
        """Run a statement and wait for its mutation."""
        self.client.command(sql, settings={"mutations_sync": 2})


@pytest.fixture(scope="module")
def tables(clickhouse: ClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """Tables that every test leaves as it found them."""
    with filled(clickhouse, tmp_path_factory.mktemp("tables")) as made:
        yield made


@pytest.fixture
def own_tables(clickhouse: ClickHouse, tmp_path: Path) -> Iterator[Tables]:
    """Tables of one test, which may add records."""
    with filled(clickhouse, tmp_path) as made:
        yield made


@contextmanager
def filled(clickhouse: ClickHouse, folder: Path) -> Iterator[Tables]:
    """Make forty readings in two partitions, and forty indexes."""
    catalog = make_catalog(name := f"t{uuid.uuid4().hex[:8]}")
    topics = tuple(
        each for each in catalog.topics.values() if each.event in ("reading", "index", "dead-letter")
    )
    catalog = Catalog({name: replace(catalog.domains[name], topics=topics)})
    client = clickhouse.client()
    for sql in (create_database(), create_archive(), *map(create_table, catalog.topics.values())):
        client.command(sql)
    door = with_credentials(clickhouse.url, clickhouse.user, clickhouse.password)
    config = SinkConfig(url=clickhouse.url, user=clickhouse.user, password=clickhouse.password)
    made = Tables(client, Settings(data=folder, clickhouse=door), catalog, ClickHouseClient(config))
    random = Random(7)
    for event in ("reading", "index"):
        schema = made.topic(event).schema
        for partition in range(2):
            values = [framed(schema, random) for _ in range(EVENTS // 2)]
            made.fill(event, partition, values, rows=list(range(len(values))))
    yield made
    for topic in catalog.topics.values():
        client.command(f"DROP TABLE IF EXISTS {DATABASE}.{topic.table}")
        client.command(f"ALTER TABLE {DATABASE}.records DELETE WHERE topic = '{topic.name}'")
    client.close()


def test_untouched_tables_pass(tables: Tables) -> None:
    """Every row is compared, and nothing differs."""
    result = tables.audit()
    assert (result.problems, result.unreadable) == ([], [])
    assert (result.compared, result.rows) == (2 * EVENTS, 2 * EVENTS)


ROW = "_partition = 1 AND _offset = 3"
FROM_ROW = f"FROM (SELECT * FROM {{reading}} WHERE {ROW})"
ATTACKS: dict[str, tuple[str, str]] = {
    "a value updated": (f"ALTER TABLE {{reading}} UPDATE pm10 = 7.25 WHERE {ROW}", "at 1/3: pm10: expected "),
    "null made empty text, or text made null": (
        f"ALTER TABLE {{reading}} UPDATE network = if(isNull(network), '', NULL) WHERE {ROW}",
        "at 1/3: network: ",
    ),
    "a time moved": (
        f"ALTER TABLE {{reading}} UPDATE _received_at = _received_at + 1 WHERE {ROW}",
        "_received_at",
    ),
    "a row deleted": (f"ALTER TABLE {{reading}} DELETE WHERE {ROW}", "at 1/3: expected its row, got none"),
    "a row lightly deleted": (f"DELETE FROM {{reading}} WHERE {ROW}", "at 1/3: expected its row, got none"),
    "truncated": ("TRUNCATE TABLE {reading}", "expected its row, got none"),
    "dropped": ("DROP TABLE {reading}", "the table is not there: `city tables rebuild"),
    "a row inserted at a place of its own": (
        "INSERT INTO {reading} SELECT * REPLACE (generateUUIDv4() AS event_id, 99 AS _offset) " + FROM_ROW,
        "at 1/99: got a row that no archived record makes",
    ),
    "a row inserted at another's place": (
        f"INSERT INTO {{reading}} SELECT * REPLACE (generateUUIDv4() AS event_id) FROM {{reading}} WHERE {ROW}",
        "at 1/3: event_id: expected ",
    ),
    "rows exchanged": (
        "ALTER TABLE {reading} UPDATE _offset = 7 - _offset WHERE _partition = 1 AND _offset IN (3, 4)",
        "at 1/4: event_id: expected ",
    ),
    "tables exchanged": ("EXCHANGE TABLES {reading} AND {index}", "cannot be compared: "),
    "a computed column changed": (
        "ALTER TABLE {reading} MODIFY COLUMN simulated Bool ALIAS NOT startsWith(source, 'replay:')",
        "simulated: expected ",
    ),
    "a column dropped": ("ALTER TABLE {reading} DROP COLUMN pm10", "cannot be compared: "),
}


@pytest.mark.parametrize(("attack", "words"), ATTACKS.values(), ids=ATTACKS)
def test_an_attack_is_named_and_undone(tables: Tables, attack: str, words: str) -> None:
    """An incremental audit notices it and names it; after a rebuild the table is as it was, to the last bit."""
    before = tables.audit()
    digests = {name: each["digest"] for name, each in before.remembered["typed"].items()}
    tables.command(attack.format(reading=tables.table("reading"), index=tables.table("index")))
    problems = tables.audit(before.remembered).problems
    assert any(words in problem and tables.table("reading") in problem for problem in problems), problems
    for event in ("reading", "index") if "{index}" in attack else ("reading",):
        rebuild(tables.client, tables.settings, tables.topic(event))
    after = tables.audit(before.remembered)
    assert after.problems == []
    assert {name: each["digest"] for name, each in after.remembered["typed"].items()} == digests


def test_a_full_audit_names_an_attack_too(own_tables: Tables) -> None:
    """It compares every row, and knows no digest."""
    own_tables.command(f"ALTER TABLE {own_tables.table('reading')} UPDATE pm10 = 7.25 WHERE {ROW}")
    (problem,) = own_tables.audit().problems
    assert "at 1/3: pm10: expected " in problem


def test_an_incremental_audit_compares_what_is_new(own_tables: Tables) -> None:
    """Nothing new compares nothing; a new row is compared alone."""
    before = own_tables.audit()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("infra.tables.typed_audit.scratch_database", None)  # nothing new: none is made
        again = own_tables.audit(before.remembered)
    assert (again.problems, again.compared) == ([], 0)
    assert again.remembered == before.remembered
    schema = own_tables.topic("reading").schema
    own_tables.fill("reading", 2, [framed(schema, Random(8))], rows=[0])
    grown = own_tables.audit(before.remembered)
    assert (grown.problems, grown.compared) == ([], 1)


def test_a_record_that_no_schema_reads_needs_a_dead_letter(own_tables: Tables) -> None:
    """It has no row, and that is a problem only where no dead letter accounts for it."""
    schema = own_tables.topic("reading").schema
    own_tables.fill(
        "reading", 2, [framed(schema, Random(9)), b"\\0nothing", framed(schema, Random(10))[:-1]], rows=[0]
    )
    problems = own_tables.audit().problems
    assert [problem.partition(":")[0] for problem in problems] == [
        f"{own_tables.topic('reading').name}/2 offset {offset}" for offset in (1, 2)
    ]


class Stopped(BaseException):
    """Stands for a process that is killed at a step."""


STEPS = ("archive", "create", "fill", "exchange", "catch up", "roll-ups")


@pytest.mark.parametrize("at", STEPS)
def test_a_rebuild_that_dies_leaves_the_old_table_or_the_new_one(tables: Tables, at: str) -> None:
    """A second rebuild ends what the first began."""
    tables.command(f"ALTER TABLE {tables.table('reading')} DELETE WHERE {ROW}")

    def die(step: str) -> None:
        if step == at:
            raise Stopped

    with pytest.raises(Stopped):
        rebuild(tables.client, tables.settings, tables.topic("reading"), step=die)
    assert len(tables.audit().problems) == (1 if STEPS.index(at) <= STEPS.index("exchange") else 0)
    done = rebuild(tables.client, tables.settings, tables.topic("reading"))
    assert done.after == EVENTS
    assert tables.audit().problems == []


def test_an_engine_that_is_gone_is_unreadable_and_no_problem(tables: Tables) -> None:
    """A refused connection is named apart from what does not hold."""
    from clickhouse_connect.driver.exceptions import OperationalError

    class Gone:
        def query(self, *_: Any, **__: Any) -> None:
            raise OperationalError("connection refused")

    result = TypedAudit(Gone(), tables.settings, tables.catalog, settled=True).check()
    assert result.problems == []
    assert "connection refused" in result.unreadable[0]


def test_repeats_are_compared_and_counted_apart(own_tables: Tables) -> None:
    """Records of an event that was there are no further rows."""
    value = framed(own_tables.topic("reading").schema, Random(11))
    own_tables.fill("reading", 2, [value] * 5, rows=list(range(5)))
    result = own_tables.audit()
    assert result.problems == []
    assert (result.compared, result.rows, result.repeats) == (2 * EVENTS + 1, 2 * EVENTS + 1, 4)
