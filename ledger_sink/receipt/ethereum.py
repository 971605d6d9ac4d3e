"""A checkpoint's hash in the calldata of an EVM transaction: `"CLA1" ‖ SHA-256(checkpoint)` (FORMAT.md §11.2).

The receipt proves offline that the transaction is in a block. A Merkle-Patricia proof leads from the transaction to
the header's `transactionsRoot`, and the header hashes to the block's hash. The transaction is of EIP-1559; its
signature covers chain id and calldata. That this block is on the chain is not proved: the reader looks its hash up at
a node that they trust.

    city-evm-receipt/v1
    chain <decimal>
    index <decimal>           index of the transaction in its block
    block <base64>            the block's hash: Keccak-256 of the header
    header <base64>           the block's header, RLP
    node <base64>             1 to 64 lines: the proof in the trie, root first
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from ledger_sink.format.errors import FormatError
from ledger_sink.format.scan import base64_bytes, base64_text, decimal, hash_bytes, text_lines
from ledger_sink.receipt.attestation import Attestation, AttestationKind
from ledger_sink.receipt.errors import MissingLibraryError, ReceiptError, UntrustedError
from ledger_sink.receipt.patricia import value_at
from ledger_sink.receipt.rlp import as_bytes, as_integer, decode_list

Blocks = Mapping[int, frozenset[bytes]]
"""Chain id → hashes of the blocks that the reader knows to be on that chain."""

MAGIC = b"CLA1"
FIRST_LINE = "city-evm-receipt/v1"
MAX_RECEIPT_BYTES = 1 << 20
MAX_NODES = 64
DYNAMIC_FEE = 2  # EIP-2718 type of EIP-1559 transactions
_TRANSACTION_ITEMS = 12
_CHAIN_ID, _DATA = 0, 7
_TRANSACTIONS_ROOT, _NUMBER, _TIME = 4, 8, 11
_HEADER_ITEMS = 15  # at least; forks append
ASSUMPTIONS = (
    "that the block you named is final on that chain",
    "that the chain's block times were right",
)


def keccak() -> Callable[[bytes], bytes]:
    """Return the function Keccak-256 of Ethereum (not SHA3-256).

    Raises:
        MissingLibraryError: if `pycryptodome` is not installed.
    """
    try:
        from Crypto.Hash import keccak as library  # noqa: PLC0415 - the base install lacks it
    except ImportError:
        raise MissingLibraryError(
            "receipts of EVM chains were not checked: install the wheel with its extra, '<wheel>[anchors]'"
        ) from None
    return lambda data: library.new(digest_bits=256, data=data).digest()


def payload(checkpoint: bytes) -> bytes:
    """Return the calldata that anchors a checkpoint."""
    return MAGIC + sha256(checkpoint).digest()


@dataclass(frozen=True, slots=True)
class EvmReceipt:
    """A parsed receipt.

    Attributes:
        chain_id: id of the chain.
        index: index of the transaction in its block.
        block: the block's hash, 32 bytes.
        header: the block's header in RLP.
        nodes: nodes of the proof in the transaction trie, root first.
    """

    chain_id: int
    index: int
    block: bytes
    header: bytes
    nodes: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Encode the receipt; `EvmReceipt.parse(receipt.encode()) == receipt`."""
        nodes = (f"node {base64_text(node)}" for node in self.nodes)
        lines = (
            FIRST_LINE,
            f"chain {self.chain_id}",
            f"index {self.index}",
            f"block {base64_text(self.block)}",
            f"header {base64_text(self.header)}",
            *nodes,
        )
        return "".join(f"{line}\n" for line in lines).encode()

    @classmethod
    def parse(cls, data: bytes) -> EvmReceipt:
        """Parse a receipt; verify nothing.

        Raises:
            ReceiptError: if it is malformed.
        """
        if len(data) > MAX_RECEIPT_BYTES:
            raise ReceiptError(f"EVM receipt: expected at most {MAX_RECEIPT_BYTES} bytes, got {len(data)}")
        try:
            first, *lines = text_lines(data, FormatError, "EVM receipt")
            words = [line.split(" ") for line in lines]
            names = [line[0] for line in words]
            count = len(words) - 4
            if first != FIRST_LINE or names != ["chain", "index", "block", "header"] + ["node"] * count:
                raise FormatError(f"expected {FIRST_LINE!r}, chain, index, block, header, node lines")  # noqa: TRY301
            (_, chain), (_, index), (_, block), (_, header), *nodes = words
            if not 1 <= count <= MAX_NODES:
                raise FormatError(f"expected 1 to {MAX_NODES} nodes, got {count}")  # noqa: TRY301
            return cls(
                decimal(chain, FormatError, "chain"),
                decimal(index, FormatError, "index"),
                hash_bytes(block, FormatError, "block"),
                base64_bytes(header, FormatError, "header"),
                tuple(base64_bytes(node, FormatError, "node") for _, node in nodes),
            )
        except (FormatError, ValueError) as error:
            raise ReceiptError(f"EVM receipt: {error}") from None


@dataclass(frozen=True, slots=True)
class BlockInclusion:
    """What a receipt proves without trust: the block of this hash holds the checkpoint's hash.

    Attributes:
        chain_id: id of the chain that the transaction is signed for.
        block: the block's hash, 32 bytes.
        number: the block's number.
        time_s: the block's time, in POSIX seconds.
    """

    chain_id: int
    block: bytes
    number: int
    time_s: int


def verify_inclusion(checkpoint: bytes, data: bytes) -> BlockInclusion:
    """Verify everything in a receipt that needs no trust: its block holds the checkpoint's hash.

    Args:
        checkpoint: the anchored checkpoint, as bytes.
        data: the receipt.

    Raises:
        ReceiptError: if it is malformed, of another checkpoint, or its proof is wrong.
        MissingLibraryError: if `pycryptodome` is not installed.
    """
    hasher = keccak()
    receipt = EvmReceipt.parse(data)
    if hasher(receipt.header) != receipt.block:
        raise ReceiptError(
            f"block header: expected hash {receipt.block.hex()}, got {hasher(receipt.header).hex()}"
        )
    header = decode_list(receipt.header, "block header")
    if len(header) < _HEADER_ITEMS:
        raise ReceiptError(f"block header: expected {_HEADER_ITEMS} items or more, got {len(header)}")
    root = as_bytes(header, _TRANSACTIONS_ROOT, "block header")
    transaction = value_at(root, index_key(receipt.index), receipt.nodes, hasher)
    if transaction[0] != DYNAMIC_FEE:
        raise ReceiptError(f"transaction: expected type {DYNAMIC_FEE}, got {transaction[0]}")
    items = decode_list(transaction[1:], "transaction")
    if len(items) != _TRANSACTION_ITEMS:
        raise ReceiptError(f"transaction: expected {_TRANSACTION_ITEMS} items, got {len(items)}")
    chain_id = as_integer(items, _CHAIN_ID, "transaction")
    if chain_id != receipt.chain_id:
        raise ReceiptError(f"transaction: it is of chain {chain_id}, the receipt says {receipt.chain_id}")
    expected, got = payload(checkpoint), as_bytes(items, _DATA, "transaction")
    if got != expected:
        raise ReceiptError(f"transaction: expected calldata {expected.hex()}, got {got[:100].hex()}")
    number, time_s = as_integer(header, _NUMBER, "block header"), as_integer(header, _TIME, "block header")
    return BlockInclusion(chain_id, receipt.block, number, time_s)


def index_key(index: int) -> bytes:
    """Return the key of a transaction in its block's trie: the RLP of its index.

    Raises:
        ReceiptError: if the index is not 0 to 2^32 - 1.
    """
    if not 0 <= index < 1 << 32:
        raise ReceiptError(f"transaction index: expected 0 to 2^32 - 1, got {index}")
    if index < 0x80:
        return bytes([index]) if index else b"\x80"
    data = index.to_bytes((index.bit_length() + 7) // 8, "big")
    return bytes([0x80 + len(data)]) + data


def verify(checkpoint: bytes, receipt: bytes, blocks: Blocks) -> Attestation:
    """Verify a receipt against the blocks that the reader knows.

    Args:
        checkpoint: the anchored checkpoint, as bytes.
        receipt: the receipt.
        blocks: known block hashes of each chain.

    Raises:
        ReceiptError: if it is malformed, of another checkpoint, or its proof is wrong.
        UntrustedError: if the reader does not know the block.
        MissingLibraryError: if `pycryptodome` is not installed.
    """
    found = verify_inclusion(checkpoint, receipt)
    name = f"block {found.number} (0x{found.block.hex()}) of chain {found.chain_id}"
    if found.block not in blocks.get(found.chain_id, frozenset()):
        raise UntrustedError(
            f"its hash stands in {name}, if that block is on the chain: look it up at a node that you trust, "
            f"then give --evm {found.chain_id}:0x{found.block.hex()}"
        )
    return Attestation(AttestationKind.EXISTED_BY, found.time_s, name, ASSUMPTIONS)


def parse_block(text: str) -> tuple[int, bytes]:
    """Parse `CHAIN_ID:0xBLOCK_HASH`; return the chain id and the 32-byte hash.

    Raises:
        ReceiptError: if it is malformed.
    """
    chain, _, block = text.partition(":")
    try:
        found = decimal(chain, FormatError, "chain id"), bytes.fromhex(block.removeprefix("0x"))
    except (FormatError, ValueError) as error:
        raise ReceiptError(f"{text!a}: expected CHAIN_ID:0xBLOCK_HASH: {error}") from None
    if len(found[1]) != 32:
        raise ReceiptError(f"{text!a}: expected a block hash of 32 bytes, got {len(found[1])}")
    return found
