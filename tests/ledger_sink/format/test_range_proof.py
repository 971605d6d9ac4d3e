"""Range proofs: each range of each small tree against a naive second implementation; every change is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_sink.format.errors import FormatError, ProofError, RangeProofFormatError, TileError
from ledger_sink.format.merkle import leaf_hashes, outside, root, verify_range
from ledger_sink.format.range_proof import RangeProof
from ledger_sink.format.tiles import TILE_WIDTH, TileBuilder, range_proof
from tests.ledger_sink.format.test_merkle import naive_root
from tests.ledger_sink.simulated_city import small_city

PARTITION = small_city().partitions[0]
HASHES = leaf_hashes(b"%d" % i for i in range(1000))


def naive_outside(first: int, end: int, hashes: list[bytes], low: int = 0) -> list[bytes]:
    """Roots of the largest subtrees outside the range, by the recursion of FORMAT.md §6.1."""
    high = low + len(hashes)
    if high <= first or low >= end:
        return [naive_root(hashes)]
    if first <= low and high <= end:
        return []
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return [*naive_outside(first, end, hashes[:k], low), *naive_outside(first, end, hashes[k:], low + k)]


def test_every_range_of_every_small_tree_verifies() -> None:
    """Trees of 1 to 20 leaves: the naive proof is accepted, and each wrong one is refused."""
    for size in range(1, 21):
        hashes = HASHES[:size]
        expected = naive_root(hashes)
        for first in range(size):
            for end in range(first + 1, size + 1):
                proof = naive_outside(first, end, hashes)
                verify_range(hashes[first:end], first, size, proof, expected)
                wrong = [[*proof, bytes(32)], proof[:-1]] if proof else [[bytes(32)]]
                for other in wrong:
                    with pytest.raises(ProofError):
                        verify_range(hashes[first:end], first, size, other, expected)


@settings(max_examples=60)
@given(data=st.data())
def test_proofs_from_tiles_are_the_naive_ones(data: st.DataObject) -> None:
    """Any range of any tree up to 1000 leaves, read from its tiles."""
    size = data.draw(st.integers(1, len(HASHES)))
    first = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(first + 1, size))
    builder = TileBuilder()
    stored = {(t.level, t.index): t.data for t in builder.append(HASHES[:size]) + builder.partials()}
    proof = range_proof(first, end, size, lambda level, index, _width: stored[level, index])
    assert list(proof) == naive_outside(first, end, HASHES[:size])
    verify_range(HASHES[first:end], first, size, proof, builder.root())
    assert len(proof) <= 2 * size.bit_length()
    assert TILE_WIDTH == 256


def test_each_changed_leaf_hash_bound_and_proof_hash_is_refused() -> None:
    """Leaves dropped, added, swapped, doubled, moved; bounds shifted; sizes of another shape; a flipped proof hash."""
    size, first, end = 37, 11, 20
    hashes, expected = HASHES[:size], root(HASHES[:37])
    proof = naive_outside(first, end, hashes)
    good = hashes[first:end]
    swapped = [good[1], good[0], *good[2:]]
    for leaves in (
        good[1:],
        good[:-1],
        good[:3] + good[4:],
        [*good, good[-1]],
        swapped,
        [*good[:-1], good[0]],
        [],
    ):
        with pytest.raises(ProofError):
            verify_range(leaves, first, size, proof, expected)
    for other_first, other_size in ((10, 37), (12, 37), (11, 32), (11, 65), (0, 37), (-1, 37), (30, 37)):
        with pytest.raises(ProofError):
            verify_range(good, other_first, other_size, proof, expected)
    for position in range(len(proof)):
        changed = [*proof[:position], bytes(32), *proof[position + 1 :]]
        with pytest.raises(ProofError):
            verify_range(good, first, size, changed, expected)
    with pytest.raises(ProofError):
        verify_range(good, first, size, [*proof[:-1], proof[-1][:-1]], expected)


def test_a_range_outside_the_tree_is_not_proved() -> None:
    """Empty, reversed and too long ranges have no proof."""
    for first, end, size in ((0, 0, 5), (3, 2, 5), (0, 6, 5), (-1, 2, 5)):
        with pytest.raises(TileError):
            range_proof(first, end, size, PARTITION.read_tile)
    assert outside(0, 5, 5) == []


def test_the_files_form_is_strict() -> None:
    """One spelling: first line, bounds, hashes, the blank line, the checkpoint."""
    proof = RangeProof(2, 5, range_proof(2, 5, 11, PARTITION.read_tile), PARTITION.checkpoint())
    data = proof.encode()
    assert RangeProof.parse(data) == proof
    RangeProof.parse(data).verify_leaves(PARTITION.entries[2:5])
    with pytest.raises(RangeProofFormatError, match="expected 3 leaves, got 2"):
        proof.verify_leaves(PARTITION.entries[2:4])
    for old, new in (
        (b"city-range-proof/v1", b"city-range-proof/v2"), (b"range 2 5", b"range 5 5"), (b"range 2 5", b"range 02 5"),
        (b"range 2 5", b"range 2  5"), (b"range 2 5\n", b""), (b"range 2 5\n", b"range 2 5\n" + b"%s\n" % (b"A" * 44)),
        (b"\n\n", b"\n"), (b"range 2 5\n", b"range 2 5\n" + b"%s=\n" % (b"A" * 43) * 127),
    ):  # fmt: skip
        with pytest.raises(FormatError):
            RangeProof.parse(data.replace(old, new, 1))
