"""Evidence of an interval: every leaf recomputed before anything is chosen, and what cannot be proved is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ledger_sink.config import LedgerConfig
from ledger_sink.errors import DamagedLogError, NotCoveredYetError, NotSealedError, RefusedError
from ledger_sink.format.keys import city_origin
from ledger_sink.format.layout import POLICY
from ledger_sink.format.range_bundle import RangeEvidence
from ledger_sink.format.schema_file import unpack_schema
from ledger_sink.prove import interval as range_prover
from ledger_sink.prove.interval import Interval, RangeQuery, prove_range
from ledger_sink.record import Record
from ledger_sink.store import FileStore
from ledger_sink.verifier.bundle_check import check_bundle
from ledger_sink.verifier.trust import load_trust
from tests.ledger_sink.worlds import CITY, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOPIC = "air.reading"
COUNT = 700
TIME_MS = 1_760_000_000_000
STATIONS = (b"alpha", b"beta", b"gamma")


def at(offset: int) -> Record:
    """A record a second, three stations in turn; every hundredth offset is a hole (aborted)."""
    return Record(offset, 1, TIME_MS + 1000 * offset, STATIONS[offset % 3], b"value %d" % offset)


RECORDS = [at(offset) for offset in range(COUNT) if offset % 100 != 50]


class City:
    """A ledger on disk with its records."""

    def __init__(self, root: Path) -> None:
        self.config = LedgerConfig(root, city=CITY)
        self.world = World(FileStore(root / "ledger"))
        self.world.store.write({POLICY: self.world.no_witness().policy.encode()})
        self.records = list(RECORDS)
        sequencer = self.world.open(0)
        sequencer.append(self.records)
        sequencer.commit()
        self.world.publish(sequencer)
        sequencer.close()
        chain = self.world.chain()
        chain.extend(TIME_MS)
        assert chain.publish(self.world.no_witness())
        chain.close()
        (key,) = self.world.vkeys([city_origin(CITY)])
        policy = root / "mine.txt"
        policy.write_text(f"log {key.vkey}\nquorum none\n")
        self.trust = load_trust(policy, [], [])

    def read(self, first: int, end: int) -> Iterator[Record]:
        """Be Kafka."""
        return (record for record in self.records if first <= record.offset < end)

    def prove(self, interval: Interval, key: bytes | None = b"beta", partition: int = 0) -> bytes:
        """Prove a station's records."""
        asked = RangeQuery(TOPIC, partition, interval, lambda record: key is None or record.key == key)
        return prove_range(
            self.config, asked, records=self.read, schema=lambda record: (7, f'"{len(record.value or b"")}"')
        )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> City:
    """A ledger that nobody changes."""
    return City(tmp_path_factory.mktemp("range"))


@pytest.fixture
def city(whole: City) -> Iterator[City]:
    """The ledger with records that a test may change."""
    whole.records = list(RECORDS)
    yield whole
    whole.records = list(RECORDS)


@pytest.mark.parametrize(
    ("first", "end"), [(0, 1), (0, 700), (250, 260), (255, 257), (49, 52), (50, 52), (698, 10**12), (1, 699)]
)
def test_an_interval_of_offsets_holds_exactly_its_leaves(city: City, first: int, end: int) -> None:
    """All leaves from the first to the last offset, all records where no subject is named; the verdict is complete."""
    bundle = city.prove(Interval(first, end), key=None)
    assert bundle == city.prove(Interval(first, end), key=None)
    verdict = check_bundle("range", bundle, city.trust)
    assert verdict.passed, verdict.text()
    expected = [record.offset for record in RECORDS if first <= record.offset < end]
    assert verdict.facts["offsets"] == expected
    assert {claim.name: claim.status for claim in verdict.claims}["complete"] == "shown"
    schemas = RangeEvidence.parse(bundle).schemas
    assert [(name, int(json.loads(unpack_schema(data))) > 0) for name, data in schemas.items()] == [
        ("schemas/7.avsc.gz", True)
    ]


def test_a_subjects_records_in_an_interval_of_time(city: City) -> None:
    """A station's hundred seconds: its records and no others, the range a leaf wider on either side."""
    interval = Interval(TIME_MS + 100_000, TIME_MS + 200_000, by_time=True)
    verdict = check_bundle("range", city.prove(interval), city.trust)
    assert verdict.passed, verdict.text()
    assert verdict.facts["offsets"] == [o for o in range(100, 200) if o % 3 == 1 and o % 100 != 50]
    assert verdict.facts["key"] == "beta"
    found = verdict.facts["range"]
    assert (found["first_offset"], found["last_offset"]) == (99, 200)
    assert found["earliest_ms"] < interval.first
    assert found["latest_ms"] >= interval.end
    assert {claim.name: claim.status for claim in verdict.claims}["complete"] == "not checked"


def test_an_interval_open_at_both_ends_is_the_whole_log(city: City) -> None:
    """From START to the last covered leaf."""
    found = check_bundle("range", city.prove(Interval(0, 1 << 63, by_time=True), key=None), city.trust).facts[
        "range"
    ]
    assert (found["first_index"], found["last_index"], found["shown"]) == (0, len(RECORDS), len(RECORDS))


def test_a_record_that_is_missing_or_changed_stops_the_proof(city: City) -> None:
    """Even one of another subject: what is left out of the bundle was looked at too."""
    where = next(i for i, record in enumerate(city.records) if record.offset == 300)
    changed = city.records[where]._replace(value=b"forged")
    for records in (
        [*RECORDS[:where], *RECORDS[where + 1 :]],
        [*RECORDS[:where], changed, *RECORDS[where + 1 :]],
    ):
        city.records = records
        with pytest.raises(DamagedLogError, match="offset 300"):
            city.prove(Interval(280, 320))
        assert city.prove(Interval(301, 320))


def test_what_cannot_be_proved_is_refused_by_name(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """No such subject, no such log, nothing covered there, too much for one bundle."""
    with pytest.raises(NotSealedError, match="none of its 10 leaves"):
        city.prove(Interval(10, 20), key=b"nobody")
    with pytest.raises(NotSealedError, match="no such log"):
        city.prove(Interval(10, 20), partition=5)
    with pytest.raises(NotCoveredYetError):
        city.prove(Interval(700, 800))
    with pytest.raises(NotCoveredYetError):
        city.prove(Interval(TIME_MS + 10**9, TIME_MS + 10**10, by_time=True))
    monkeypatch.setattr(range_prover, "MAX_LEAVES", 9)
    with pytest.raises(RefusedError, match="at most 9 leaves"):
        city.prove(Interval(10, 20))
    monkeypatch.undo()
    monkeypatch.setattr(range_prover, "MAX_RECORD_BYTES", 100)
    with pytest.raises(RefusedError, match="at most 100 bytes"):
        city.prove(Interval(10, 20))
