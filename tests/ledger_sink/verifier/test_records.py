"""Records against the ledger under `ledger-verify`: from an export, from the real Kafka, from the real ClickHouse."""

from __future__ import annotations

import json
import sys
import uuid
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from ledger_sink.format import layout, leaf
from ledger_sink.format.control import Start
from ledger_sink.verifier.archive import ArchiveRows
from ledger_sink.verifier.cli import main
from ledger_sink.verifier.errors import UnreadableError
from ledger_sink.verifier.record_file import RecordFile, parse_line
from ledger_sink.verifier.topic import TopicRecords
from schemas.tables import create_archive, create_database
from tests.ledger_sink.simulated_city import SimulatedCity, SimulatedPartition, small_city

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.harness.engine import ClickHouse

CITY = small_city(records=150)
TOPIC = CITY.partitions[0].topic


def line(topic: str, partition: int, record: leaf.RecordFields) -> dict[str, Any]:
    """One record as a line of an export."""

    def text(data: bytes | None) -> str | None:
        return None if data is None else b64encode(data).decode()

    offset, timestamp_type, timestamp_ms, key, value, headers = record
    return {
        "topic": topic, "partition": partition, "offset": offset, "timestamp_type": timestamp_type,
        "timestamp_ms": timestamp_ms, "key": text(key), "value": text(value),
        "headers": [[name, text(content)] for name, content in headers],
    }  # fmt: skip


def lines(city: SimulatedCity = CITY) -> list[dict[str, Any]]:
    """Every record of a city, partitions in turn as a subscriber gets them."""
    found = [line(p.topic, p.partition, record) for p in city.partitions for record in p.records]
    return sorted(found, key=lambda each: each["offset"])


class Auditor:
    """An auditor's folder with a ledger, and what the command said."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], city: SimulatedCity = CITY) -> None:
        self.folder = folder
        self.capsys = capsys
        (folder / "policy.txt").write_bytes(city.policy())
        self.ledger = city.write(folder / "ledger")

    def run(self, *arguments: str) -> tuple[int, str]:
        """Verify the ledger with a source of records."""
        policy = str(self.folder / "policy.txt")
        code = main(
            ["--city", str(self.ledger), "--policy", policy, "--no-remember", "--verbose", *arguments]
        )
        told = self.capsys.readouterr()
        return code, told.out + told.err

    def export(self, content: Sequence[dict[str, Any]]) -> tuple[int, str]:
        """Verify with an export of these lines."""
        path = self.folder / "export.jsonl"
        path.write_text("".join(json.dumps(each) + "\n" for each in content))
        return self.run("--records", str(path))


@pytest.fixture
def auditor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Auditor:
    """An auditor with the simulated city."""
    return Auditor(tmp_path, capsys)


def test_an_export_leads_to_the_signed_roots(auditor: Auditor) -> None:
    """All records of both partitions: each leaf is recomputed, and the root is said."""
    code, words = auditor.export(lines())
    assert code == 0, words
    assert f"{TOPIC}/0: 300 records in export.jsonl are what the leaves of" in words
    assert words.count("they lead to its signed root at size 301") == 2
    assert "compare them with their leaves" not in words
    assert "that records anywhere but in export.jsonl are the ones sealed here" in words


def test_what_an_export_does_not_hold_is_said(auditor: Auditor) -> None:
    """A subscriber who came late and left early: the middle is compared, the ends are named."""
    code, words = auditor.export([each for each in lines() if 20 <= each["offset"] < 280])
    assert code == 0, words
    assert "they lead to" not in words
    assert f"{TOPIC}/1: offsets 0 to 19 are not in export.jsonl; they were not compared" in words
    assert f"{TOPIC}/1: offsets 280 to 299 are not in export.jsonl; they were not compared" in words


def test_each_way_to_tamper_with_an_export_is_named(auditor: Auditor) -> None:
    """Changed, dropped, added, doubled: topic, partition and offset are told."""
    good = lines()
    place = next(i for i, each in enumerate(good) if (each["partition"], each["offset"]) == (1, 77))
    changed = [dict(each) for each in good]
    changed[place]["value"] = b64encode(b"forged").decode()
    stamped = [dict(each) for each in good]
    stamped[place]["timestamp_ms"] += 1
    newest = line(TOPIC, 1, (300, 1, 5, None, None, ()))
    cases = {
        "offset 77: export.jsonl: expected commitment": changed,
        "offset 77: export.jsonl: expected commitment ": stamped,
        "offset 77: export.jsonl: expected what leaf 78": [*good[:place], *good[place + 1 :]],
        "offset 77: export.jsonl: expected one, got another": [*good[: place + 1], *good[place:]],
    }
    for expected, content in cases.items():
        code, words = auditor.export(content)
        assert code == 1
        assert f"{TOPIC}/1 {expected}" in words, words
    code, words = auditor.export([*good, newest])
    assert code == 0  # received after the checkpoint: the log does not speak of it yet


def test_a_record_between_leaves_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An offset that the log skips (compaction, aborted) and the export has: no leaf commits to it."""
    city = small_city(records=3, ticks=1)
    log = city.partitions[0]
    log.records.append((9, 1, 5, None, b"x", ()))
    log.append(leaf.record_leaves(log.topic, 0, log.records[-1:]))
    city.tick()
    good = lines(city)
    auditor = Auditor(tmp_path, capsys, city)
    assert auditor.export(good)[0] == 0
    code, words = auditor.export(
        sorted([*good, line(TOPIC, 0, (5, 1, 5, None, b"x", ()))], key=lambda e: e["offset"])
    )
    assert code == 1
    assert f"{TOPIC}/0 offset 5: export.jsonl: got a record that no leaf commits to" in words


def test_records_of_an_earlier_topic_of_the_same_name_belong_to_their_own_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A re-created topic: the newest epoch is compared; old rows that an old epoch commits to are not strange."""
    city = small_city(records=4, ticks=1)
    again = SimulatedPartition(TOPIC, 0)
    again.origin = again.origin.removesuffix("/1") + "/2"
    again.key = city.partitions[0].key.__class__(again.origin, bytes(32))
    again.files, again.entries = {}, []
    again.__dict__["_builder"] = type(again.__dict__["_builder"])()
    start = Start(0, bytes(16).hex(), "")
    again.files[layout.control_path(0)] = start.encode()
    again.append([start.leaf()])
    again.records = [(i, 1, 77 + i, None, b"new %d" % i, ()) for i in range(2)]
    again.append(leaf.record_leaves(TOPIC, 0, again.records))
    old = city.partitions[0].records
    city.partitions.append(again)
    city.tick()
    auditor = Auditor(tmp_path, capsys, city)
    mixed = [line(TOPIC, 0, record) for record in sorted([*old, *again.records], key=lambda r: r[0])]
    code, words = auditor.export(mixed)
    assert code == 0, words
    assert f"{TOPIC}/0: 2 records" in words


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", "null", "1", '"x"', '{"topic":1}', "{" * 5000,
        json.dumps({**line(TOPIC, 0, (0, 1, 2, None, None, ())), "more": 1}),
        *(json.dumps({**line(TOPIC, 0, (0, 1, 2, None, None, ())), name: value}) for name, value in (
            ("offset", "0"), ("offset", 1.5), ("offset", True), ("offset", 1 << 63), ("key", "*"), ("key", 5),
            ("value", "AA"), ("headers", None), ("headers", [["a"]]), ("headers", [[1, None]]), ("headers", ["ab"]),
            ("topic", None), ("partition", None),
        )),
    ],
)  # fmt: skip
def test_a_line_is_read_or_named(auditor: Auditor, text: str) -> None:
    """Whatever a line holds, the error is ours, with its number; exit code 3."""
    path = auditor.folder / "export.jsonl"
    path.write_text(json.dumps(lines()[0]) + "\n" + text + "\n")
    code, words = auditor.run("--records", str(path))
    assert code == 3
    assert "line 2" in words


def test_falling_offsets_missing_files_and_foreign_exports_are_refused(auditor: Auditor) -> None:
    """Not in order: line; not there: path; of another topic: nothing could be compared."""
    code, words = auditor.export(lines()[::-1])
    assert (code, "expected offset" in words) == (3, True)
    assert auditor.run("--records", str(auditor.folder / "none"))[0] == 2
    with pytest.raises(UnreadableError, match="none"):
        RecordFile(auditor.folder / "none")
    code, words = auditor.export([{**each, "topic": "another"} for each in lines()])
    assert (code, "nothing in it could be compared" in words) == (2, True)
    code, words = auditor.run("--topic", "another", "--records", str(auditor.folder / "export.jsonl"))
    assert (code, "no log of topic another" in words) == (2, True)
    assert parse_line(json.dumps(lines()[0]).encode())[0] == (TOPIC, 0)


def test_one_log_is_compared_alone(auditor: Auditor) -> None:
    """--log with --records; with a key of one's own."""
    (auditor.folder / "export.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines()))
    key = CITY.partitions[1].key.vkey
    log = str(auditor.ledger / layout.log_path(CITY.partitions[1].origin))
    assert main(["--log", log, "--key", key, "--records", str(auditor.folder / "export.jsonl")]) == 0
    words = auditor.capsys.readouterr().out
    assert f"{TOPIC}/1: 300 records" in words
    assert f"{TOPIC}/0" not in words


def test_usage_is_told(auditor: Auditor) -> None:
    """Two sources at once, a source without a log, a topic with one log: exit code 2."""
    for words in (
        ["--city", "x", "--records", "a", "--kafka", "b"],
        ["x.evidence", "--records", "a"],
        ["--log", "x", "--topic", "t"],
    ):
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert stopped.value.code == 2
    assert auditor.capsys.readouterr().err


# --- ClickHouse


@pytest.fixture
def archive(clickhouse: ClickHouse) -> Iterator[tuple[str, Any]]:
    """An archive in the real engine that holds the simulated city; its URL and a client for tampering."""
    database = f"v{uuid.uuid4().hex[:8]}"
    client = clickhouse.client()
    client.command(create_database(database))
    client.command(create_archive(database))
    rows = [
        (p.topic, p.partition, r[0], r[1], r[2], r[3], r[4], list(r[5]))
        for p in CITY.partitions
        for r in p.records
    ]
    client.insert(f"{database}.records", rows)
    client.command(f"USE {database}")
    yield f"http://{clickhouse.user}@{clickhouse.host}:{clickhouse.port}/?database={database}", client
    client.command(f"DROP DATABASE {database}")
    client.close()


def against(auditor: Auditor, clickhouse: ClickHouse, url: str) -> tuple[int, str]:
    """Verify against an archive, the password from a file."""
    (auditor.folder / "password").write_text(clickhouse.password + "\n")
    return auditor.run("--archive", url, "--password-file", str(auditor.folder / "password"))


def test_a_whole_archive_passes(auditor: Auditor, clickhouse: ClickHouse, archive: tuple[str, Any]) -> None:
    """Over ClickHouse's plain HTTP, with nothing of ClickHouse installed."""
    code, words = against(auditor, clickhouse, archive[0])
    assert code == 0, words
    assert words.count("records in archive are what the leaves of") == 2


MUTATE = "ALTER TABLE {d}.records %s SETTINGS mutations_sync = 1"
COLUMNS = "topic, partition, offset, timestamp_type, timestamp_ms, value"
ADD = f"INSERT INTO {{d}}.records ({COLUMNS}) VALUES ('%s', %d, %d, 1, 5, 'x')"
TAMPERINGS = {
    "changed": (
        MUTATE % "UPDATE value = 'forged' WHERE partition = 1 AND offset = 77",
        "1 offset 77: archive: expected",
    ),
    "missing": (
        MUTATE % "DELETE WHERE partition = 0 AND offset = 299",
        "0 offset 299: archive: expected what leaf 300",
    ),
    "added": (ADD % (TOPIC, 0, 150), "0 offset 150: archive: expected one, got another one more"),
    "emptied": (
        MUTATE % "UPDATE key = NULL WHERE partition = 1 AND offset = 0",
        "1 offset 0: archive: expected commitment",
    ),
}


@pytest.mark.parametrize("how", TAMPERINGS)
def test_a_row_that_differs_is_named(
    auditor: Auditor, clickhouse: ClickHouse, archive: tuple[str, Any], how: str
) -> None:
    """One row changed, missing, added at an offset that another has, emptied: topic, partition and offset."""
    statement, expected = TAMPERINGS[how]
    archive[1].command(statement.format(d=archive[0].rpartition("=")[2]))
    code, words = against(auditor, clickhouse, archive[0])
    assert code == 1
    assert f"{TOPIC}/{expected}" in words, words


def test_pages_shrink_where_rows_are_large(
    clickhouse: ClickHouse, archive: tuple[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages that are larger than an answer may be are asked for in parts: the rows are the same."""
    rows = ArchiveRows(archive[0], clickhouse.password)
    whole = list(rows.records(TOPIC, 0, 0, 300))
    assert [record[0] for record in whole] == list(range(300))
    monkeypatch.setattr("ledger_sink.verifier.archive.MAX_PAGE_BYTES", 2000)
    assert list(rows.records(TOPIC, 0, 0, 300)) == whole
    assert list(rows.records("none", 0, 0, 300)) == []


def test_an_archive_that_does_not_answer_is_an_error_of_ours(
    auditor: Auditor, clickhouse: ClickHouse
) -> None:
    """Wrong password, no table, no server, no URL: told, never passed over."""
    url = f"http://{clickhouse.user}@{clickhouse.host}:{clickhouse.port}/"
    code, words = auditor.run("--archive", url.replace("@", ":wrong@"))
    assert (code, "AUTHENTICATION_FAILED" in words or "403" in words or "516" in words) == (3, True)
    assert against(auditor, clickhouse, url + "?database=none")[0] == 3
    assert auditor.run("--archive", "http://127.0.0.1:1/")[0] == 3
    assert auditor.run("--archive", "nonsense")[0] == 3


# --- Kafka


def test_a_topic_is_recomputed_as_a_subscriber_sees_it(
    kafka: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the real broker: a log over the topic's own records passes; a log over others is named."""
    topic = f"verified.{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": kafka})
    settings = {"message.timestamp.type": "LogAppendTime"}
    (made,) = admin.create_topics([NewTopic(topic, 1, 1, config=settings)]).values()
    made.result(20)
    producer = Producer({"bootstrap.servers": kafka})
    for number in range(50):
        producer.produce(
            topic, b"value %d" % number, b"key", 0, headers=[("n", b"%d" % number), ("none", None)]
        )
    assert producer.flush(20) == 0
    reader = TopicRecords(kafka)
    found = list(reader.records(topic, 0, 0, 50))
    assert reader.offset_range(topic, 0, 50).first == 0
    reader.close()
    assert [record[0] for record in found] == list(range(50))
    for change, expected in ((0, 0), (1, 1)):
        city = SimulatedCity([SimulatedPartition(topic, 0)])
        log = city.partitions[0]
        records = [*found[:-1], (49, 1, found[-1][2] + change, *found[-1][3:])]
        log.append(leaf.record_leaves(topic, 0, records))
        city.tick()
        folder = tmp_path / str(change)
        folder.mkdir()
        code, words = Auditor(folder, capsys, city).run("--topic", topic, "--kafka", kafka)
        assert code == expected, words
        assert (f"{topic}/0 offset 49: Kafka: expected commitment" in words) is bool(change)


def test_without_a_kafka_client_one_line_says_what_to_install(
    auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base install has no Kafka client: exit code 2 and the command."""
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    code, words = auditor.run("--kafka", "127.0.0.1:1")
    assert code == 2
    assert "pip install confluent-kafka" in words
