"""The audit names exactly what was changed: each test damages one thing in a whole ledger and reads its words."""

from __future__ import annotations

import shutil
import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from ledger_sink.audit import run as audit
from ledger_sink.audit.stores import RowSummary
from ledger_sink.config import LedgerConfig, SealedTopic
from ledger_sink.errors import NotCoveredYetError, NotSealedError
from ledger_sink.format.keys import city_origin
from ledger_sink.format.layout import POLICY
from ledger_sink.kafka_source import TopicFacts
from ledger_sink.log.epochs import new_epoch
from ledger_sink.log.name import LogName
from ledger_sink.prove.record import prove
from ledger_sink.sealing.sequencer import PartitionFacts, Sequencer
from ledger_sink.store import FileStore, MemoryStore
from ledger_sink.verifier.evidence import check_evidence
from ledger_sink.verifier.trust import load_trust
from tests.ledger_sink.summary import summarize
from tests.ledger_sink.worlds import CITY, TOPIC_ID, World, record, records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ledger_sink.audit.baseline import AuditBaseline
    from ledger_sink.audit.run import AuditResult
    from ledger_sink.record import Record

TOPIC = "air.reading"
SIZES = (700, 300)
NOW_MS = 1_800_000_000_000


@dataclass
class FakeKafka:
    """Topics in memory that can lose, change and add records."""

    partitions: dict[int, list[Record]]
    topic_id: bytes = TOPIC_ID
    lows: dict[int, int] = field(default_factory=dict)

    def describe(self, topics: Sequence[str]) -> dict[str, TopicFacts]:
        """The one topic there is."""
        return {topic: TopicFacts(self.topic_id, len(self.partitions)) for topic in topics if topic == TOPIC}

    def watermarks(self, _: str, partition: int) -> tuple[int, int]:
        """First offset still there, and the one after the last."""
        found = self.partitions[partition]
        return self.lows.get(partition, 0), found[-1].offset + 1 if found else 0

    def read_ahead(self, ranges: Mapping[tuple[str, int], tuple[int, int]]) -> None:
        """Nothing is far away."""

    def all_watermarks(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, int]]:
        """First and last offsets of many partitions."""
        return {each: self.watermarks(*each) for each in partitions}

    def records(self, _: str, partition: int, first: int, end: int) -> Iterator[Record]:
        """The records there."""
        return (r for r in self.partitions[partition] if first <= r.offset < end)


@dataclass
class FakeArchive:
    """Rows in memory, by partition."""

    found: dict[int, list[Record]]

    def rows(self, _: str, partition: int, first: int) -> list[Record]:
        """The rows from an offset on."""
        return [row for row in self.found.get(partition, []) if row.offset >= first]

    def ends(self) -> dict[tuple[str, int], int]:
        """Where each partition ends."""
        return {(TOPIC, partition): rows[-1].offset + 1 for partition, rows in self.found.items() if rows}

    def summaries(self, before: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], RowSummary]:
        """Number and digest of the rows before an offset."""
        return {
            (topic, partition): RowSummary(
                len(rows := [row for row in self.found.get(partition, []) if row.offset < end]),
                sum(zlib.crc32(repr(row).encode()) for row in rows),
            )
            for (topic, partition), end in before.items()
        }


@dataclass
class City:
    """A whole small ledger on disk with its Kafka and its archive."""

    root: Path
    kafka: FakeKafka
    rows: dict[int, list[Record]]
    world: World

    @property
    def config(self) -> LedgerConfig:
        """Its settings."""
        return LedgerConfig(self.root, city=CITY, topics=(SealedTopic(TOPIC, len(SIZES)),))

    def audit(self, *, settled: bool = True, baseline: AuditBaseline | None = None) -> AuditResult:
        """Run the audit."""
        return audit.run(
            self.config, archive=FakeArchive(self.rows), source=self.kafka, settled=settled, baseline=baseline
        )

    def seal(self) -> None:
        """Seal and cover all that Kafka has."""
        logs = []
        for partition, found in self.kafka.partitions.items():
            epoch = 2 if (self.root / f"ledger/{TOPIC}/{partition}/2").exists() else 1
            low, high = self.kafka.watermarks(TOPIC, partition)
            name = LogName(CITY, TOPIC, partition, epoch)
            sequencer = Sequencer.open(self.world.store, name, PartitionFacts(self.kafka.topic_id, low, high))
            sequencer.append(found)
            sequencer.commit()
            logs.append(sequencer)
        self.world.publish(*logs)
        for sequencer in logs:
            sequencer.close()
        chain = self.world.chain()
        chain.extend(NOW_MS)
        assert chain.publish(self.world.no_witness())
        chain.close()

    def flip(self, name: str, at: int = -1) -> None:
        """Flip one bit of a file of the ledger."""
        path = self.root / "ledger" / name
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.write_bytes(data)

    def prove(self, partition: int, offset: int) -> bytes:
        """Make a bundle."""
        found = {r.offset: r for r in self.kafka.partitions.get(partition, [])}
        return prove(
            self.config, TOPIC, partition, offset, fetch=lambda _t, _p, o: found.get(o), schema=lambda _: "{}"
        )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> City:
    """A whole, settled, covered ledger of two partitions; nobody touches it."""
    root = tmp_path_factory.mktemp("whole")
    kafka = FakeKafka({partition: records(0, size) for partition, size in enumerate(SIZES)})
    made = City(root, kafka, {}, World(FileStore(root / "ledger")))
    made.world.store.write({POLICY: made.world.no_witness().policy.encode()})
    made.seal()
    return made


@pytest.fixture
def city(whole: City, tmp_path: Path) -> City:
    """A copy of the whole ledger to be damaged."""
    shutil.copytree(whole.root / "ledger", tmp_path / "ledger")
    kafka = FakeKafka({partition: list(found) for partition, found in whole.kafka.partitions.items()})
    rows = {partition: list(found) for partition, found in whole.kafka.partitions.items()}
    signer_store = MemoryStore()
    signer_store.files = dict(whole.world.signer_store.files)
    return City(tmp_path, kafka, rows, World(FileStore(tmp_path / "ledger", threads=1), signer_store))


def test_a_whole_ledger_passes(city: City) -> None:
    """Kafka, leaves and archive agree, and everything is counted."""
    result = city.audit()
    assert (result.verdict, result.problems) == ("pass", [])
    assert result.counts[TOPIC] == audit.Counts(1000, 1000, 1000)


DAMAGES = {
    f"{TOPIC}/0/1/tile/0/001": "tile/0/001",
    f"{TOPIC}/0/1/tile/0/002.p/189": "tile/0/002.p/189",
    f"{TOPIC}/0/1/tile/1/000.p/2": "tile/1/000.p/2",
    f"{TOPIC}/1/1/tile/entries/000": "tile/entries/000",
    f"{TOPIC}/1/1/tile/entries/001.p/45": "tile/entries/001.p/45",
    f"{TOPIC}/1/1/checkpoint": "checkpoint",
    f"{TOPIC}/1/1/control/0.json": "control/0.json",
    f"{TOPIC}/1/1/state.json": "state.json",
    "city/1/checkpoint": "city/1/checkpoint",
    "city/1/state.json": "city/1/state.json",
    "city/1/tile/entries/000.p/1": "tile/entries/000.p/1",
    "city/1/tile/0/000.p/1": "tile/0/000.p/1",
    "keys.txt": "keys.txt",
    "policy.txt": "policy",
}


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("at", [-3, 30, 0])
def test_one_flipped_bit_in_any_file_is_named(city: City, name: str, at: int) -> None:
    """Tile, entry bundle, block, checkpoint, control, state, keys: the audit fails and names the file."""
    city.flip(name, at)
    result = city.audit()
    assert result.verdict == "fail"
    assert any(DAMAGES[name] in problem for problem in result.problems), result.problems


@pytest.mark.parametrize("name", [name for name in DAMAGES if name not in {"keys.txt", "policy.txt"}])
def test_a_removed_file_is_named(city: City, name: str) -> None:
    """What is gone is named too."""
    (city.root / "ledger" / name).unlink()
    result = city.audit()
    assert any(DAMAGES[name] in problem for problem in result.problems), result.problems


LOG = f"{TOPIC}/1/1"
BASE64_DIGIT, NO_DIGIT, OF_ORIGIN, OF_SIZE = "digit", "no digit", "origin", "size"


def damage_checkpoint(data: bytes, kind: str) -> bytes:
    """Change one byte of a checkpoint: of its root (a base64 digit to another, or to none), its origin or its size."""
    lines = data.split(b"\n")
    number, byte = {
        BASE64_DIGIT: (2, b"A" if lines[2][:1] != b"A" else b"B"),
        NO_DIGIT: (2, b"*"),
        OF_ORIGIN: (0, b"X"),
        OF_SIZE: (1, b"9" if lines[1][:1] != b"9" else b"8"),
    }[kind]
    lines[number] = byte + lines[number][1:]
    return b"\n".join(lines)


UNREADABLE = {
    **{f"checkpoint: {kind}": {"checkpoint": kind} for kind in (BASE64_DIGIT, NO_DIGIT, OF_ORIGIN, OF_SIZE)},
    "no checkpoint": {"checkpoint": ""},
    "no checkpoint, no state": {"checkpoint": "", "state.json": ""},
    "no checkpoint, no state, no control": {"checkpoint": "", "state.json": "", "control/0.json": ""},
    "no checkpoint, no leaves": {"checkpoint": "", "tile/entries/000": "", "tile/entries/001.p/45": ""},
    "no leaves": {"tile/entries/000": "", "tile/entries/001.p/45": ""},
    "no folder": {"": ""},
    "a bundle cut": {"tile/entries/000": "cut"},
}


@pytest.mark.parametrize("damages", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("settled", [True, False])
def test_where_a_log_cannot_be_read_its_records_are_still_compared(
    city: City, damages: dict[str, str], settled: bool
) -> None:
    """A changed row, a missing row and a surplus row are named, whatever of the log is damaged or gone."""
    for name, kind in damages.items():
        path = city.root / "ledger" / LOG / name
        if name == "checkpoint" and kind:
            path.write_bytes(damage_checkpoint(path.read_bytes(), kind))
        elif kind:
            path.write_bytes(path.read_bytes()[:100])
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    city.rows[1][5] = changed(city.rows[1][5])
    city.rows[1].insert(20, city.rows[1][20])
    del city.rows[1][290]
    result = city.audit(settled=settled)
    assert result.verdict == "fail"
    for wanted in (
        *(f"{LOG}/{name}" for name in damages),
        f"{TOPIC}/1 offset 5: archive: expected commitment",
        f"{TOPIC}/1 offset 20: archive: expected one",
        f"{TOPIC}/1 offset 289: archive: expected",
    ):
        assert any(wanted in problem for problem in result.problems), (wanted, result.problems)
    offsets = [problem for problem in result.problems if problem.startswith(f"{TOPIC}/1 offset")]
    assert len(offsets) == 3, offsets
    assert result.counts[TOPIC].archived == 1000 - 1 + 1


def changed(found: Record) -> Record:
    """The record with one bit of its value flipped."""
    value = found.value or b"\0"
    return found._replace(value=bytes([value[0] ^ 1]) + value[1:])


def test_a_changed_archive_row_is_named(city: City) -> None:
    """One flipped bit of one row: topic, partition, offset, expected and got commitment."""
    city.rows[0][123] = changed(city.rows[0][123])
    (problem,) = city.audit().problems
    assert problem.startswith(f"{TOPIC}/0 offset 123: archive: expected commitment ")
    assert f"leaf 124 of {CITY}/{TOPIC}/0/1" in problem


@pytest.mark.parametrize(
    "change",
    [{"timestamp_ms": 5}, {"timestamp_type": 7}, {"key": b"other"}, {"headers": (("x", b"y"),)}],
)
def test_every_column_of_a_row_is_committed_to(city: City, change: dict[str, object]) -> None:
    """Key, headers, time and its type count like the value; what cannot be spelled is named as well."""
    city.rows[1][7] = city.rows[1][7]._replace(**change)  # type: ignore[arg-type]
    (problem,) = city.audit().problems
    assert problem.startswith(f"{TOPIC}/1 offset 7: archive: expected commitment")


def test_a_deleted_row_is_named(city: City) -> None:
    """A hole in the archive is a problem at its offset, also at the end."""
    del city.rows[0][699]
    del city.rows[0][10]
    assert [p.partition(": ")[0] for p in city.audit().problems] == [
        f"{TOPIC}/0 offset 10",
        f"{TOPIC}/0 offset 699",
    ]


def test_an_added_row_is_named(city: City) -> None:
    """A row twice, and a row that nobody sealed."""
    city.rows[0].insert(5, city.rows[0][5])
    city.rows[1].append(record(300))
    first, second = city.audit().problems
    assert "offset 5: archive: expected one, got another one more" in first
    assert f"{TOPIC}/1 offset 300: archive: got a record that no leaf commits to" in second


def test_swapped_rows_are_named(city: City) -> None:
    """Two rows that changed places differ from their leaves at both offsets."""
    one, other = city.rows[0][3], city.rows[0][4]
    city.rows[0][3], city.rows[0][4] = other._replace(offset=3), one._replace(offset=4)
    assert [p.partition(":")[0] for p in city.audit().problems] == [
        f"{TOPIC}/0 offset 3",
        f"{TOPIC}/0 offset 4",
    ]


def test_a_changed_kafka_record_is_named(city: City) -> None:
    """While Kafka retains a record it is compared too."""
    city.kafka.partitions[1][9] = changed(city.kafka.partitions[1][9])
    (problem,) = city.audit().problems
    assert problem.startswith(f"{TOPIC}/1 offset 9: Kafka: expected commitment")


def test_records_that_kafka_lost_are_named_and_those_retention_took_are_not(city: City) -> None:
    """Below the first offset that Kafka has, the archive alone answers."""
    del city.kafka.partitions[0][:100]
    city.kafka.lows[0] = 100
    assert city.audit().verdict == "pass"
    del city.kafka.partitions[0][50]
    (problem,) = city.audit().problems
    assert problem.startswith(f"{TOPIC}/0 offset 150: Kafka: expected what leaf 151")


def test_unsealed_records_are_named_at_rest_and_left_out_while_it_runs(city: City) -> None:
    """With everything settled each record needs its leaf; beside a running platform the tail is in flight."""
    city.kafka.partitions[0].append(record(700))
    (problem,) = city.audit().problems
    assert f"{TOPIC}/0 offset 700: Kafka: got a record that no leaf commits to" in problem
    assert city.audit(settled=False).verdict == "pass"


def test_leaves_in_no_block_are_named_at_rest(city: City) -> None:
    """A log that grew after the last block is not covered."""
    for kafka_or_archive in (city.kafka.partitions, city.rows):
        kafka_or_archive[0].append(record(700))
    sequencer = city.world.open(0)
    sequencer.append([record(700)])
    sequencer.commit()
    city.world.publish(sequencer)
    assert any("in no block" in problem for problem in city.audit().problems)
    assert city.audit(settled=False).verdict == "pass"


def test_a_stopped_log_without_records_is_named(city: City) -> None:
    """A partition that nobody seals fails the audit."""
    city.kafka.partitions[2] = []
    (problem,) = city.audit().problems
    assert problem == f"{TOPIC}/2 expected a published log, got none"


def test_a_new_epoch_after_a_re_created_topic_is_whole(city: City) -> None:
    """The archive holds both topics' rows, the chain both logs; the START leaf names the old checkpoint."""
    assert new_epoch(city.config, TOPIC) == [f"{CITY}/{TOPIC}/{p}/2" for p in range(2)]
    assert new_epoch(city.config, TOPIC) == [f"{CITY}/{TOPIC}/{p}/2" for p in range(2)]
    city.kafka.topic_id = bytes(16)
    for partition in range(2):
        fresh = [record(offset, seed=1) for offset in range(40)]
        city.kafka.partitions[partition] = fresh
        city.rows[partition] = sorted([*city.rows[partition], *fresh], key=lambda r: r.offset)
    city.seal()
    result = city.audit()
    assert (result.verdict, result.problems) == ("pass", [])
    assert result.counts[TOPIC] == audit.Counts(80, 80, 80)
    control = (city.root / f"ledger/{TOPIC}/0/2/control/0.json").read_text()
    assert f"{CITY}/{TOPIC}/0/1" in control


@pytest.mark.parametrize("damage", ["flipped", "removed"])
def test_a_new_epoch_of_the_same_topic_goes_on_without_a_hole(city: City, damage: str) -> None:
    """After a damaged state the operator declares an epoch: nothing is sealed twice or left out, all is well."""
    name = f"{TOPIC}/0/1/state.json"
    if damage == "flipped":
        city.flip(name)
    else:
        (city.root / "ledger" / name).unlink()
    assert any(name in problem for problem in city.audit().problems)
    new_epoch(city.config, TOPIC)
    for kafka_or_archive in (city.kafka.partitions, city.rows):
        kafka_or_archive[0].extend(records(700, 720))
    city.seal()
    result = city.audit()
    assert (result.verdict, result.problems) == ("pass", [])
    assert [line for line in result.not_checked if line.startswith(f"{name}: gone or damaged")]
    assert summarize(city.config).sealed == {TOPIC: 1020}


@pytest.mark.parametrize("name", ["checkpoint", "tile/entries/000"])
def test_a_new_epoch_hides_nothing_of_the_one_that_ended(city: City, name: str) -> None:
    """Its checkpoint and its tiles are checked as before."""
    new_epoch(city.config, TOPIC)
    kept = city.root / "ledger" / f"{TOPIC}/0/1/{name}"
    for kafka_or_archive in (city.kafka.partitions, city.rows):
        kafka_or_archive[0].extend(records(700, 720))
    city.seal()
    assert city.audit().verdict == "pass"
    kept.unlink()
    assert city.audit().verdict == "fail"


def test_the_summary_counts_leaves_from_the_files(city: City) -> None:
    """What the report says about the ledger is read from what is published."""
    summary = summarize(city.config)
    assert summary.sealed == {TOPIC: 1000}
    assert {origin: size for origin, (size, _) in summary.logs.items()} == {
        f"{CITY}/{TOPIC}/0/1": 701,
        f"{CITY}/{TOPIC}/1/1": 301,
    }
    assert (summary.city[0], summary.uncovered, summary.stopped) == (1, (), {})


@pytest.mark.parametrize(("partition", "offset"), [(0, 0), (0, 254), (0, 255), (0, 256), (0, 699), (1, 13)])
def test_any_record_can_be_proved(city: City, partition: int, offset: int) -> None:
    """The bundle of a record passes the auditors' verifier under the city's key, and is the same each time."""
    bundle = city.prove(partition, offset)
    assert bundle == city.prove(partition, offset)
    (key,) = city.world.vkeys([city_origin(CITY)])
    policy = city.root / "mine.txt"
    policy.write_text(f"log {key.vkey}\nquorum none\n")
    verdict = check_evidence("bundle", bundle, load_trust(policy, [], []))
    assert verdict.passed, verdict.text()


def test_what_is_not_covered_yet_cannot_be_proved_yet(city: City) -> None:
    """A sealed record waits for a cosigned city checkpoint; the message says how far it is."""
    sequencer = city.world.open(0)
    sequencer.append([record(700)])
    sequencer.commit()
    city.world.publish(sequencer)
    with pytest.raises(NotCoveredYetError, match="what is covered ends at offset 699"):
        city.prove(0, 700)
    with pytest.raises(NotSealedError, match="no leaf"):
        city.prove(7, 700)


def test_a_large_ledger_is_audited_quickly(tmp_path: Path) -> None:
    """60,000 records from three sides take seconds."""
    found = [r._replace(offset=i) for i, r in enumerate(records(0, 1000) * 60)]
    city = City(tmp_path, FakeKafka({0: found}), {0: found}, World(FileStore(tmp_path / "ledger")))
    city.world.store.write({POLICY: city.world.no_witness().policy.encode()})
    city.seal()
    began = time.process_time()
    config = LedgerConfig(tmp_path, city=CITY, topics=(SealedTopic(TOPIC, 1),))
    result = audit.run(config, archive=FakeArchive({0: found}), source=city.kafka)
    assert result.verdict == "pass"
    assert time.process_time() - began < 10
