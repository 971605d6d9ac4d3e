"""Range bundles under `ledger-verify`: what is shown, what is not, and every forgery refused by name."""

from dataclasses import replace

from ledger_sink.format import Policy, RangeEvidence, RangeProof, leaf, log_key, tiles
from ledger_sink.format.range_bundle import join_canons
from ledger_sink.verifier.bundle_check import check_bundle
from ledger_sink.verifier.trust import Trust
from ledger_sink.verifier.verdict import Verdict
from tests.ledger_sink.simulated_city import OWN_WITNESS, SimulatedPartition, record, small_city

CITY = small_city()
PARTITION = CITY.partitions[0]
EVIDENCE = CITY.range_evidence(PARTITION, 2, 9, [2, 4, 6])
TRUST = Trust(Policy.parse(CITY.policy()))


def verdict_of(evidence: RangeEvidence, trust: Trust = TRUST) -> Verdict:
    """Verify evidence from its bytes."""
    return check_bundle("test", evidence.encode(), trust)


def failures(verdict: Verdict) -> dict[str, str]:
    """Return the claims that failed and their words."""
    return {claim.name: claim.words for claim in verdict.claims if claim.status == "failed"}


def proved(first: int, end: int, partition: SimulatedPartition = PARTITION) -> bytes:
    """The true proof of a range."""
    hashes = tiles.range_proof(first, end, partition.size, partition.read_tile)
    return RangeProof(first, end, hashes, partition.checkpoint()).encode()


def test_a_part_of_a_range_passes_and_says_what_it_leaves_open() -> None:
    """Three of seven records: the leaves are complete, whose the other four are is not shown."""
    verdict = verdict_of(EVIDENCE)
    assert verdict.passed, verdict.text()
    claims = {claim.name: claim for claim in verdict.claims}
    assert "all of 2 to 8" in claims["range-in-partition-log"].words
    assert "all with the key station-111" in claims["records-are-leaves"].words
    assert claims["complete"].status == "not checked"
    assert "4 of the range's 7 records are not in the bundle" in claims["complete"].words
    assert any("commitments only" in words for words in verdict.not_shown)
    assert verdict.facts["range"]["first_offset"] == 1
    assert verdict.facts["offsets"] == [2, 4, 6]


def test_a_whole_range_is_complete() -> None:
    """With every record of the range in the bundle, nothing of it can have been left out."""
    verdict = verdict_of(CITY.range_evidence(PARTITION, 0, 11, range(10)))
    assert verdict.passed
    assert {c.name: c.status for c in verdict.claims}["complete"] == "shown"
    assert not any("commitments only" in words for words in verdict.not_shown)


def test_a_dropped_leaf_is_found() -> None:
    """A leaf taken out of the range, with bounds to match, does not lead to the root."""
    leaves = EVIDENCE.leaves[:100] + EVIDENCE.leaves[150:]
    proof = replace(RangeProof.parse(EVIDENCE.partition_proof), end=8).encode()
    found = failures(verdict_of(replace(EVIDENCE, leaves=leaves, partition_proof=proof)))
    assert "range-in-partition-log" in found


def test_swapped_doubled_and_foreign_leaves_are_found() -> None:
    """Leaves in another order, one in another's place, one of another partition."""
    entries = EVIDENCE.entries()
    other = CITY.partitions[1].entries[4]
    for changed in (
        [entries[1], entries[0], *entries[2:]],
        [*entries[:3], entries[2], *entries[4:]],
        [*entries[:3], other, *entries[4:]],
    ):
        assert "range-in-partition-log" in failures(verdict_of(replace(EVIDENCE, leaves=b"".join(changed))))


def test_changed_bounds_are_found() -> None:
    """The same leaves claimed one place earlier or later."""
    proof = RangeProof.parse(EVIDENCE.partition_proof)
    for step in (-1, 1):
        moved = replace(proof, first=proof.first + step, end=proof.end + step).encode()
        assert "range-in-partition-log" in failures(verdict_of(replace(EVIDENCE, partition_proof=moved)))


def test_a_foreign_or_changed_record_is_found() -> None:
    """A record from outside the range, and one whose bytes are not what its leaf commits to."""
    outside = leaf.canons(PARTITION.topic, 0, [PARTITION.records[9]])[0]
    found = failures(verdict_of(replace(EVIDENCE, records=join_canons([*EVIDENCE.canons(), outside]))))
    assert "offset 9 has no leaf" in found["records-are-leaves"]
    changed = leaf.canons(PARTITION.topic, 0, [record(4, (("forged", b"1"),))])[0]
    records = join_canons([EVIDENCE.canons()[0], changed, EVIDENCE.canons()[2]])
    found = failures(verdict_of(replace(EVIDENCE, records=records)))
    assert "offset 4 is not what its leaf commits to" in found["records-are-leaves"]


def test_a_range_of_another_log_or_block_is_found() -> None:
    """A proof of the other partition; a block that does not hold the root; a city proof of another block."""
    other = CITY.range_evidence(CITY.partitions[1], 2, 9, [2])
    found = failures(
        verdict_of(replace(EVIDENCE, leaves=other.leaves, partition_proof=other.partition_proof))
    )
    assert "the proof is of log" in found["range-in-partition-log"]
    assert "root-in-block" in failures(verdict_of(replace(EVIDENCE, block=CITY.blocks[0].encode())))
    city_proof = CITY.log.proof(0, CITY.cosigned()).encode()
    assert "block-in-city-log" in failures(verdict_of(replace(EVIDENCE, city_proof=city_proof)))


def test_a_log_whose_leaves_are_out_of_order_is_found() -> None:
    """Offsets that fall within a signed log: the proof holds, the order does not."""
    city = small_city()
    partition = city.partitions[0]
    partition.append(leaf.record_leaves(partition.topic, 0, [record(3)]))
    city.tick()
    evidence = replace(city.range_evidence(partition, 9, 12, [9]), leaves=b"".join(partition.entries[9:12]))
    found = failures(check_bundle("test", evidence.encode(), Trust(Policy.parse(city.policy()))))
    assert set(found) == {"leaves-in-order"}


def test_trust_comes_from_the_auditor() -> None:
    """Another city's key is refused; the city's own witness is said not to be independent."""
    key = log_key(bytes(32), CITY.log.origin)
    other = Trust(Policy.parse(f"log {key.vkey}\nquorum none\n".encode()))
    assert "city-log-signed" in failures(verdict_of(EVIDENCE, other))
    own = small_city()
    own.witnesses = (OWN_WITNESS,)
    evidence = own.range_evidence(own.partitions[0], 1, 4, [0, 1, 2])
    verdict = check_bundle("test", evidence.encode(), Trust(Policy.parse(own.policy())))
    assert verdict.passed
    assert any("independent" in words for words in verdict.not_shown)


def test_a_bundle_that_is_not_whole_fails_in_words() -> None:
    """Cut bytes give a verdict, not an exception."""
    verdict = check_bundle("test", EVIDENCE.encode()[:-1], TRUST)
    assert set(failures(verdict)) == {"bundle-whole"}
