"""Proofs in a Merkle-Patricia trie (Ethereum Yellow Paper, appendix D): the value at a key.

The caller supplies Keccak-256. The proof's nodes start at the root, and each must be used, in order. A node under 32
bytes is embedded in its parent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.receipt.errors import ReceiptError
from ledger_sink.receipt.rlp import Item, as_bytes, decode_list

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BRANCHES = 16


def value_at(root: bytes, key: bytes, nodes: Sequence[bytes], keccak: Callable[[bytes], bytes]) -> bytes:
    """Return the value that a trie holds at a key.

    Args:
        root: root hash of the trie, 32 bytes.
        key: the key.
        nodes: RLP of the proof's nodes, root first.
        keccak: the function Keccak-256.

    Raises:
        ReceiptError: if the nodes do not lead from the root to a value at the key.
    """
    path = _nibbles(key)
    waiting = list(nodes)
    reference: Item = root
    while True:
        node = _node(reference, waiting, keccak)
        if len(node) == BRANCHES + 1:
            if not path:
                return _found(as_bytes(node, BRANCHES, "trie branch"), waiting)
            reference, path = node[path[0]], path[1:]
            continue
        if len(node) != 2:
            raise ReceiptError(f"trie: expected a node of 2 or 17 items, got {len(node)}")
        step, is_leaf = _compact(as_bytes(node, 0, "trie node"))
        if path[: len(step)] != step:
            raise ReceiptError("trie: the proof leads away from the key")
        path = path[len(step) :]
        if is_leaf:
            if path:
                raise ReceiptError("trie: the proof ends before the key")
            return _found(as_bytes(node, 1, "trie leaf"), waiting)
        if not step:
            raise ReceiptError("trie: expected an extension of one step or more")
        reference = node[1]


def _node(reference: Item, waiting: list[bytes], keccak: Callable[[bytes], bytes]) -> list[Item]:
    if isinstance(reference, list):
        return reference
    if len(reference) != 32 or not waiting:
        raise ReceiptError("trie: the proof ends before the key")
    data = waiting.pop(0)
    if keccak(data) != reference:
        raise ReceiptError(f"trie: expected a node of hash {reference.hex()}, got {keccak(data).hex()}")
    return decode_list(data, "trie node")


def _found(value: bytes, waiting: list[bytes]) -> bytes:
    if waiting or not value:
        raise ReceiptError(f"trie: expected a value and no node more, {len(waiting)} are left")
    return value


def _nibbles(data: bytes) -> list[int]:
    return [nibble for byte in data for nibble in (byte >> 4, byte & 15)]


def _compact(data: bytes) -> tuple[list[int], bool]:
    """Parse a hex-prefixed path (appendix C); return its nibbles and whether its node is a leaf."""
    nibbles = _nibbles(data)
    if not nibbles or nibbles[0] > 3 or (nibbles[0] % 2 == 0 and nibbles[1] != 0):
        raise ReceiptError(f"trie: {data[:40].hex()!r} is no hex-prefixed path")
    return nibbles[1 if nibbles[0] % 2 else 2 :], nibbles[0] >= 2
