"""RLP and Merkle-Patricia proofs, against the libraries of the Ethereum Foundation."""

from __future__ import annotations

import random

import pytest
import rlp as other_rlp
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie

from ledger_sink.receipt import rlp
from ledger_sink.receipt.errors import ReceiptError
from ledger_sink.receipt.ethereum import EvmReceipt, index_key, keccak, parse_block, payload, verify_inclusion
from ledger_sink.receipt.patricia import value_at

ITEMS = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=20), max_leaves=40)


def plain(item: object) -> object:
    """Lists for the library's tuples."""
    return [plain(each) for each in item] if isinstance(item, (list, tuple)) else item


@given(ITEMS)
def test_rlp_reads_what_the_library_writes(item: object) -> None:
    """Any nesting of lists and bytes comes back as it was."""
    assert rlp.decode(other_rlp.encode(item)) == plain(item)


@given(st.binary(max_size=80))
def test_rlp_reads_nothing_that_the_library_refuses(data: bytes) -> None:
    """Both read the same value, or both refuse; a value has one spelling."""
    try:
        found = rlp.decode(data)
    except ReceiptError:
        return
    assert plain(other_rlp.decode(data, strict=True)) == found
    assert other_rlp.encode(found) == data


@pytest.mark.parametrize(
    "data",
    [b"", b"\x81\x05", b"\xb8\x01a", b"\xb8\x37" + bytes(54), b"\xb9\x00\x40" + bytes(64), b"\x05\x05", b"\xc2\x05",
     b"\xf8\x02\x05\x05", b"\xbf" + b"\xff" * 8, b"\xc1" * 40],
)  # fmt: skip
def test_rlp_refuses_every_second_spelling(data: bytes) -> None:
    """Lengths that are not the shortest, bytes left over or missing, nesting without end."""
    with pytest.raises(ReceiptError):
        rlp.decode(data)


def transactions(count: int, seed: int) -> dict[bytes, bytes]:
    """Values of the sizes that transactions have, and some that fit into their parent."""
    dice = random.Random(seed)
    return {index_key(i): dice.randbytes(dice.choice([5, 31, 33, 110, 300])) for i in range(count)}


@pytest.mark.parametrize("count", [1, 2, 3, 16, 17, 127, 128, 129, 200, 300])
def test_every_value_of_a_trie_is_proved(count: int) -> None:
    """Keys are RLP of the index as in a block: proofs of the library lead to each value, and to no other."""
    values = transactions(count, count)
    trie = HexaryTrie({})
    for key, value in values.items():
        trie[key] = value
    for index in {0, 1, count // 2, count - 1} & set(range(count)):
        key = index_key(index)
        assert key == other_rlp.encode(index)
        nodes = [other_rlp.encode(node) for node in trie.get_proof(key)]
        given_nodes = [n for i, n in enumerate(nodes) if not i or len(n) >= 32]
        assert value_at(trie.root_hash, key, given_nodes, keccak()) == values[key]
        damaged = [
            given_nodes[:-1],
            [*given_nodes, given_nodes[-1]],
            [bytes([given_nodes[0][0] ^ 1]) + given_nodes[0][1:], *given_nodes[1:]],
        ]
        for wrong in damaged:
            with pytest.raises(ReceiptError):
                value_at(trie.root_hash, key, wrong, keccak())
        with pytest.raises(ReceiptError):
            value_at(bytes(32), key, given_nodes, keccak())


def test_an_absent_key_has_no_proof() -> None:
    """A proof that a key is not there does not pass for a value."""
    trie = HexaryTrie({})
    for key, value in transactions(20, 1).items():
        trie[key] = value
    nodes = [other_rlp.encode(node) for node in trie.get_proof(index_key(25))]
    with pytest.raises(ReceiptError):
        value_at(trie.root_hash, index_key(25), nodes, keccak())


def test_keccak_is_ethereums() -> None:
    """The hash of nothing is the well-known one, not SHA3-256's."""
    assert keccak()(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def test_the_payload_is_magic_and_hash() -> None:
    """36 bytes: CLA1 and the SHA-256 of the checkpoint."""
    assert (
        payload(b"").hex() == "434c4131" + "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


@given(st.binary(max_size=300))
def test_any_bytes_are_a_receipt_or_refused(data: bytes) -> None:
    """A parser returns a value or raises its own error."""
    for text in (data, b"city-evm-receipt/v1\n" + data):
        with pytest.raises(ReceiptError):
            verify_inclusion(b"checkpoint", text)


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=6), st.binary(max_size=40))
def test_any_nodes_are_refused(nodes: list[bytes], header: bytes) -> None:
    """A well-spelled receipt of garbage is the receipt's error too."""
    listed = other_rlp.encode([header] * 15)
    receipt = EvmReceipt(1, 0, keccak()(listed), listed, tuple(nodes))
    assert EvmReceipt.parse(receipt.encode()) == receipt
    with pytest.raises(ReceiptError):
        verify_inclusion(b"checkpoint", receipt.encode())


@pytest.mark.parametrize(
    "text", ["", "1", "1:", "1:0x", "01:0x" + "00" * 32, "1:0x" + "00" * 31, "x:" + "00" * 32]
)
def test_a_malformed_block_of_the_reader_is_refused(text: str) -> None:
    """CHAIN_ID:0xBLOCK_HASH and nothing else."""
    with pytest.raises(ReceiptError):
        parse_block(text)
    assert parse_block("1:0x" + "ab" * 32) == (1, b"\xab" * 32)
