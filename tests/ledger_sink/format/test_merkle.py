"""RFC 6962 trees: published vectors, and a naive second implementation as judge."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_sink.format.errors import ProofError
from ledger_sink.format.merkle import (
    EMPTY_ROOT,
    leaf_hash,
    leaf_hashes,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from ledger_sink.format.tiles import TILE_WIDTH, TileBuilder, consistency_proof, inclusion_proof

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "merkle_rfc6962.json").read_text())
EDGES = [0, 1, 2, 3, 4, 7, 8, 9, 127, 128, 129, 255, 256, 257, 511, 512, 513, 1000]
FAR_EDGES = [65_535, 65_536, 65_537]
HASHES = leaf_hashes(b"%d" % i for i in range(FAR_EDGES[-1]))


def naive_root(hashes: list[bytes]) -> bytes:
    """MTH, word for word as RFC 6962 §2.1 has it."""
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node_hash(naive_root(hashes[:k]), naive_root(hashes[k:]))


def naive_path(index: int, hashes: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 §2.1.1."""
    if len(hashes) == 1:
        return []
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if index < k:
        return [*naive_path(index, hashes[:k]), naive_root(hashes[k:])]
    return [*naive_path(index - k, hashes[k:]), naive_root(hashes[:k])]


def naive_subproof(old: int, hashes: list[bytes], known: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962 §2.1.2."""
    if old == len(hashes):
        return [] if known else [naive_root(hashes)]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if old <= k:
        return [*naive_subproof(old, hashes[:k], known), naive_root(hashes[k:])]
    return [*naive_subproof(old - k, hashes[k:], False), naive_root(hashes[:k])]


class TileStore:
    """All tiles of a tree of these hashes, read like a log's."""

    def __init__(self, hashes: list[bytes]) -> None:
        builder = TileBuilder()
        tiles = builder.append(hashes) + builder.partials()
        self._tiles = {(tile.level, tile.index): tile.data for tile in tiles}

    def __call__(self, level: int, index: int, width: int) -> bytes:
        """Be a ReadTile."""
        assert 1 <= width <= TILE_WIDTH
        return self._tiles[level, index]


def decoded(case: dict[str, Any], *names: str) -> list[bytes]:
    """Return a case's hashes of these names."""
    return [b64decode(case[name]) for name in names]


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda case: case["name"])
def test_published_inclusion_vector_is_judged_as_published(case: dict[str, Any]) -> None:
    """Each inclusion vector of transparency-dev/merkle passes or fails as it must."""
    leaf, expected = decoded(case, "leafHash", "root")
    proof = [b64decode(line) for line in case["proof"] or ()]
    if case["wantErr"]:
        with pytest.raises(ProofError):
            verify_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, expected)
    else:
        verify_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, expected)


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda case: case["name"])
def test_published_consistency_vector_is_judged_as_published(case: dict[str, Any]) -> None:
    """Each consistency vector of transparency-dev/merkle passes or fails as it must."""
    old, new = decoded(case, "root1", "root2")
    proof = [b64decode(line) for line in case["proof"] or ()]
    if case["wantErr"]:
        with pytest.raises(ProofError):
            verify_consistency(case["size1"], old, case["size2"], new, proof)
    else:
        verify_consistency(case["size1"], old, case["size2"], new, proof)


def test_the_published_vectors_are_all_there() -> None:
    """122 cases, of which 8 must pass."""
    cases = VECTORS["inclusion"] + VECTORS["consistency"]
    assert len(cases) == 122
    assert sum(not case["wantErr"] for case in cases) == 8


@pytest.mark.parametrize("size", EDGES + FAR_EDGES)
def test_root_equals_the_naive_root(size: int) -> None:
    """In memory and from tiles, the root is RFC 6962's."""
    hashes = HASHES[:size]
    expected = naive_root(hashes)
    builder = TileBuilder()
    builder.append(hashes)
    assert root(hashes) == expected
    assert builder.root() == expected


@pytest.mark.parametrize("size", [size for size in EDGES if size])
def test_inclusion_proofs_equal_the_naive_ones(size: int) -> None:
    """Proofs read from tiles are RFC 6962's, verify, and fail one hash short or for a neighbour."""
    hashes = HASHES[:size]
    read, expected_root = TileStore(hashes), naive_root(hashes)
    for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
        proof = inclusion_proof(index, size, read)
        assert list(proof) == naive_path(index, hashes)
        verify_inclusion(hashes[index], index, size, proof, expected_root)
        for wrong in (proof[:-1], (*proof, bytes(32))):
            if wrong != proof:
                with pytest.raises(ProofError):
                    verify_inclusion(hashes[index], index, size, wrong, expected_root)
        if size > 1:
            with pytest.raises(ProofError):
                verify_inclusion(hashes[index], (index + 1) % size, size, proof, expected_root)


@pytest.mark.parametrize("size", [size for size in EDGES if size])
def test_consistency_proofs_equal_the_naive_ones(size: int) -> None:
    """Proofs read from tiles are RFC 6962's and verify between any two edges."""
    hashes = HASHES[:size]
    read, new_root = TileStore(hashes), naive_root(hashes)
    for old in [edge for edge in EDGES if edge <= size]:
        proof = consistency_proof(old, size, read)
        assert list(proof) == (naive_subproof(old, hashes, True) if 0 < old < size else [])
        verify_consistency(old, naive_root(hashes[:old]), size, new_root, proof)


@pytest.mark.parametrize("size", FAR_EDGES)
def test_proofs_verify_around_two_tile_levels(size: int) -> None:
    """At 65,535 to 65,537 leaves, proofs from tiles verify."""
    hashes = HASHES[:size]
    read, new_root = TileStore(hashes), root(hashes)
    for index in (0, 255, 256, 65_279, 65_534, size - 1):
        verify_inclusion(hashes[index], index, size, inclusion_proof(index, size, read), new_root)
    for old in (1, 255, 256, 257, 65_535, size - 1):
        proof = consistency_proof(old, size, read)
        verify_consistency(old, root(hashes[:old]), size, new_root, proof)


@given(st.integers(1, 600), st.data())
def test_any_flipped_bit_of_a_proof_is_refused(size: int, data: st.DataObject) -> None:
    """One bit flipped in leaf, proof or root of an inclusion proof is refused."""
    hashes = HASHES[:size]
    index = data.draw(st.integers(0, size - 1))
    parts = [hashes[index], *inclusion_proof(index, size, TileStore(hashes)), root(hashes)]
    which, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    flipped = bytearray(parts[which])
    flipped[bit // 8] ^= 1 << bit % 8
    parts[which] = bytes(flipped)
    with pytest.raises(ProofError):
        verify_inclusion(parts[0], index, size, parts[1:-1], parts[-1])


@given(st.integers(2, 600), st.data())
def test_a_forked_history_has_no_consistency_proof(size: int, data: st.DataObject) -> None:
    """A tree in which an old leaf was swapped is not consistent with the old root, whatever proof is offered."""
    hashes = HASHES[:size]
    old = data.draw(st.integers(1, size - 1))
    swapped = list(hashes)
    swapped[data.draw(st.integers(0, old - 1))] = leaf_hash(b"another")
    proof = consistency_proof(old, size, TileStore(swapped))
    with pytest.raises(ProofError):
        verify_consistency(old, root(hashes[:old]), size, root(swapped), proof)


def test_index_outside_the_tree_is_refused() -> None:
    """An index at or past the size, or negative, is refused."""
    for index in (-1, 1, 2):
        with pytest.raises(ProofError, match="not in a tree"):
            verify_inclusion(HASHES[0], index, 1, (), HASHES[0])


def test_shrinking_log_is_refused() -> None:
    """A newer tree that is smaller is a rollback."""
    with pytest.raises(ProofError, match="expected 0 ≤ old ≤ new"):
        verify_consistency(2, root(HASHES[:2]), 1, root(HASHES[:1]), ())
