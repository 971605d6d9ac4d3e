"""What a start makes of stores that do not agree."""

from __future__ import annotations

import pytest

from infra.recovery.errors import StoresDisagreeError
from infra.recovery.start_check import PartitionFacts, Refill, lines, refills
from streams.clickhouse_sink.batch import REPLAY_BEFORE, OffsetRange, replay_before

KEY = ("air-quality.reading", 0)


def test_stores_that_agree_need_nothing() -> None:
    """Also while sink and ledger are behind Kafka, each by another number."""
    assert refills({KEY: PartitionFacts(low=0, end=100, committed=80, stored=90, sealed=100)}) == []


def test_the_sink_goes_back_to_the_first_missing_row() -> None:
    """The line names the partition, the offset and how many records are read again."""
    found = refills({KEY: PartitionFacts(0, 100, committed=100, stored=60, sealed=100, first_missing=60)})
    assert found == [Refill(KEY, first=60, before=100)]
    (line,) = lines(found)
    assert "filled again from Kafka" in line
    assert "air-quality.reading/0 from offset 60" in line
    assert "up to 40 records" in line


def test_rows_that_kafka_has_no_more_are_named() -> None:
    """What is left is filled again; what retention deleted is a line of its own."""
    found = refills({KEY: PartitionFacts(70, 100, committed=100, stored=100, sealed=100, first_missing=60)})
    assert found == [Refill(KEY, first=70, before=100, lost=10)]
    assert [line for line in lines(found) if "rows of 10 offsets below 70 are missing" in line]
    gone = refills({KEY: PartitionFacts(100, 100, committed=100, stored=100, sealed=100, first_missing=60)})
    assert gone == [Refill(KEY, first=100, before=100, lost=40)]
    assert len(list(lines(gone))) == 1


@pytest.mark.parametrize("ahead", ["committed", "sealed"])
def test_an_older_kafka_is_refused(ahead: str) -> None:
    """Its next records would get offsets that ClickHouse or the ledger hold already; the line says what to do."""
    facts = PartitionFacts(low=0, end=90, **{"committed": 90, "stored": 90, "sealed": 90, ahead: 100})
    with pytest.raises(
        StoresDisagreeError, match=r"Kafka is older .*reading/0 ends at offset 90.* 100"
    ) as found:
        refills({KEY: facts})
    assert "city restore BACKUP" in str(found.value)
    assert found.value.exit_code == 2


def test_rows_that_nobody_sealed_are_not_blamed_on_kafka() -> None:
    """Kafka and the ledger agree; what is beyond both was written by somebody, or lost by Kafka."""
    forged = PartitionFacts(low=0, end=68, committed=68, stored=1_000_001, sealed=68)
    with pytest.raises(
        StoresDisagreeError, match=r"^ClickHouse has rows of .*reading/0 up to offset 1000000"
    ) as found:
        refills({KEY: forged, ("air-quality.reading", 1): PartitionFacts(0, 5, 5, 5, 5)})
    assert "Kafka ends at 68 and the ledger at 68 (1 partitions)" in str(found.value)
    assert "move clickhouse/ away" in str(found.value)
    both = {KEY: forged, ("air-quality.reading", 1): PartitionFacts(0, 5, 5, 5, sealed=6)}
    with pytest.raises(StoresDisagreeError, match=r"^Kafka is older .*reading/1 ends at offset 5"):
        refills(both)


def test_the_sink_knows_how_far_it_was_sent_back() -> None:
    """No claim reads as this, and this reads as no claim."""
    assert replay_before(f"{REPLAY_BEFORE}100") == 100
    assert [
        replay_before(text)
        for text in ("", "5-9", REPLAY_BEFORE, f"{REPLAY_BEFORE}x", str(OffsetRange(1, 2)))
    ] == [0] * 5
