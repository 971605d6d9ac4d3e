"""RFC 6962 §2.1 Merkle trees over SHA-256: leaf and node hashes, roots, and verification of proofs.

Functions take bytes and integers, and return bytes or raise. `tiles.py` handles trees that exceed memory.
A leaf hash is `SHA-256(00 ‖ data)`, a node hash `SHA-256(01 ‖ left ‖ right)`, the empty tree's root
`SHA-256("")`; a tree of n leaves is split at the largest power of two below n.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from ledger_sink.format.errors import ProofError
from ledger_sink.format.scan import HASH_BYTES

EMPTY_ROOT: Final = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one leaf's data (RFC 6962 §2.1)."""
    return sha256(b"\x00" + data).digest()


def leaf_hashes(leaves: Iterable[bytes]) -> list[bytes]:
    """Return the hashes of many leaves: the hot path of sealing, without a function call per leaf."""
    hasher = sha256
    return [hasher(b"\x00" + leaf).digest() for leaf in leaves]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node with these two children (RFC 6962 §2.1)."""
    return sha256(b"\x01" + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes (RFC 6962 §2.1).

    Pairing neighbours level by level, with an odd last hash carried up unchanged, gives the same tree as
    splitting at the largest power of two. It needs no recursion.
    """
    if not hashes:
        return EMPTY_ROOT
    hasher = sha256
    level = list(hashes)
    while len(level) > 1:
        odd = [level[-1]] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [hasher(b"\x01" + left + right).digest() for left, right in pairs] + odd
    return level[0]


def join_peaks(peaks: Sequence[bytes]) -> bytes:
    """Return the root of a tree from the roots of its perfect subtrees, largest (leftmost) first."""
    if not peaks:
        return EMPTY_ROOT
    joined = peaks[-1]
    for peak in reversed(peaks[:-1]):
        joined = node_hash(peak, joined)
    return joined


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes
) -> None:
    """Verify that the leaf with this hash is leaf `index` of the tree of `size` leaves (RFC 9162 §2.1.3.2).

    Args:
        leaf: the leaf's hash, not its data.
        index: index of the leaf, from 0.
        size: number of leaves of the tree.
        proof: sibling hashes, the leaf's own sibling first (RFC 6962 §2.1.1).
        expected_root: the root that a checkpoint states.

    Raises:
        ProofError: if the index is outside the tree, the proof is too long or short, or leads elsewhere.
    """
    if not 0 <= index < size:
        raise ProofError(f"inclusion: index {index} is not in a tree of {size} leaves")
    _require_hashes((leaf, expected_root, *proof), "inclusion")
    inner = (index ^ (size - 1)).bit_length()
    expected_length = inner + (index >> inner).bit_count()
    if len(proof) != expected_length:
        raise ProofError(f"inclusion: expected {expected_length} proof hashes, got {len(proof)}")
    joined = leaf
    for level, sibling in enumerate(proof[:inner]):
        joined = node_hash(sibling, joined) if index >> level & 1 else node_hash(joined, sibling)
    for sibling in proof[inner:]:
        joined = node_hash(sibling, joined)
    _require_root(joined, expected_root, f"inclusion of leaf {index} in {size}")


def verify_range(
    hashes: Sequence[bytes], first: int, size: int, proof: Sequence[bytes], expected_root: bytes
) -> None:
    """Verify that the hashes are those of consecutive leaves, from `first` on, in the tree of `size` leaves.

    The proof holds the roots of the largest subtrees of the RFC 6962 tree outside the range, from left to right.
    They suffice to compute the root, and the division of the tree is unique (FORMAT.md §6.1). As with an inclusion
    proof, the signed checkpoint states the size beside the root; the proof does not show it.

    Args:
        hashes: leaf hashes of the range, in order; at least one.
        first: index of the first leaf of the range.
        size: number of leaves of the tree.
        proof: subtree roots left and right of the range.
        expected_root: the root that a checkpoint states.

    Raises:
        ProofError: if the range is not in the tree, the proof is too long or short, or leads elsewhere.
    """
    end = first + len(hashes)
    if not 0 <= first < end <= size:
        raise ProofError(f"range: {first} to {end} is no range of a tree of {size} leaves")
    _require_hashes((expected_root, *hashes, *proof), "range")
    expected_length = sum(1 for low, high in outside(first, end, size))
    if len(proof) != expected_length:
        raise ProofError(f"range: expected {expected_length} proof hashes, got {len(proof)}")
    given = iter(proof)

    def climb(low: int, high: int) -> bytes:
        if high <= first or low >= end:
            return next(given)
        if first <= low and high <= end:
            return root(hashes[low - first : high - first])
        middle = low + split(high - low)
        return node_hash(climb(low, middle), climb(middle, high))

    _require_root(climb(0, size), expected_root, f"range {first} to {end} in {size}")


def outside(first: int, end: int, size: int) -> list[tuple[int, int]]:
    """Return the largest subtrees of a tree of `size` leaves outside [first, end), as [low, high), left to right."""
    found: list[tuple[int, int]] = []
    waiting = [(0, size)]
    while waiting:
        low, high = waiting.pop()
        if high <= first or low >= end:
            found.append((low, high))
        elif low < first or high > end:
            middle = low + split(high - low)
            waiting += ((middle, high), (low, middle))
    return found


def split(count: int) -> int:
    """Return the largest power of two below count: where RFC 6962 §2.1 splits a tree of that many leaves."""
    return 1 << (count - 1).bit_length() - 1


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Verify that the tree of `new_size` leaves begins with the tree of `old_size` leaves (RFC 9162 §2.1.4.2).

    The proof is empty from the empty tree and between equal sizes (C2SP tlog-witness, add-checkpoint).

    Raises:
        ProofError: if a size shrinks, an empty tree has another root than `EMPTY_ROOT`, or the proof fails.
    """
    if not 0 <= old_size <= new_size:
        raise ProofError(f"consistency: expected 0 ≤ old ≤ new, got {old_size} and {new_size}")
    if old_size in (0, new_size) and proof:
        raise ProofError(f"consistency {old_size} to {new_size}: expected no proof hash, got {len(proof)}")
    if old_size == 0:
        _require_root(old_root, EMPTY_ROOT, "consistency from the empty tree")
    if old_size == new_size:
        _require_root(new_root, old_root, f"consistency at one size, {old_size}")
        return
    _require_hashes((old_root, new_root, *proof), "consistency")
    if old_size == 0:
        return
    _climb(old_size, old_root, new_size, new_root, proof)


def _climb(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    node, last = old_size - 1, new_size - 1
    shift = (old_size & -old_size).bit_length() - 1  # height of the old tree's rightmost perfect subtree
    inner = (node ^ last).bit_length() - shift
    border = (node >> inner + shift).bit_count()
    starts_inside = old_size != 1 << shift  # else the old root itself is the first hash, and is left out
    expected_length = inner + border + starts_inside
    if len(proof) != expected_length:
        raise ProofError(
            f"consistency {old_size} to {new_size}: expected {expected_length} proof hashes, got {len(proof)}"
        )
    old = new = proof[0] if starts_inside else old_root
    rest = proof[1:] if starts_inside else proof
    for level, sibling in enumerate(rest[:inner]):
        if node >> shift + level & 1:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    for sibling in rest[inner:]:
        old, new = node_hash(sibling, old), node_hash(sibling, new)
    _require_root(old, old_root, f"consistency {old_size} to {new_size}, old side")
    _require_root(new, new_root, f"consistency {old_size} to {new_size}, new side")


def _require_hashes(hashes: Iterable[bytes], what: str) -> None:
    for value in hashes:
        if len(value) != HASH_BYTES:
            raise ProofError(f"{what}: expected hashes of {HASH_BYTES} bytes, got {len(value)}")


def _require_root(got: bytes, expected: bytes, what: str) -> None:
    if got != expected:
        raise ProofError(f"{what}: expected root {expected.hex()}, got {got.hex()}")
