"""The bytes of a block from a node's JSON: header, transactions, and the proof of one of them.

The node is not trusted: the header must hash to the block's hash, and the transactions to its `transactionsRoot`.
Supported types of transactions are legacy, EIP-2930, EIP-1559, EIP-4844 and EIP-7702.
"""

from __future__ import annotations

from typing import Any, Final

import rlp
from trie import HexaryTrie

from ledger_sink.errors import AnchorUnavailableError
from ledger_sink.receipt.ethereum import EvmReceipt, index_key, keccak

_HEADER: Final = (
    ("parentHash", "data"), ("sha3Uncles", "data"), ("miner", "data"), ("stateRoot", "data"),
    ("transactionsRoot", "data"), ("receiptsRoot", "data"), ("logsBloom", "data"), ("difficulty", "number"),
    ("number", "number"), ("gasLimit", "number"), ("gasUsed", "number"), ("timestamp", "number"),
    ("extraData", "data"), ("mixHash", "data"), ("nonce", "data"),
    # appended by forks: London, Shanghai, Cancun, Prague
    ("baseFeePerGas", "number"), ("withdrawalsRoot", "data"), ("blobGasUsed", "number"),
    ("excessBlobGas", "number"), ("parentBeaconBlockRoot", "data"), ("requestsHash", "data"),
)  # fmt: skip
_OPTIONAL_FROM: Final = 15
_SIGNATURE: Final = (("yParity", "number"), ("r", "number"), ("s", "number"))
_FEES: Final = (("maxPriorityFeePerGas", "number"), ("maxFeePerGas", "number"))
_CALL: Final = (("gas", "number"), ("to", "data"), ("value", "number"), ("input", "data"))
_LISTED: Final = (("chainId", "number"), ("nonce", "number"))
_TRANSACTIONS: Final = {
    0: (("nonce", "number"), ("gasPrice", "number"), *_CALL, ("v", "number"), *_SIGNATURE[1:]),
    1: (*_LISTED, ("gasPrice", "number"), *_CALL, ("accessList", "access"), *_SIGNATURE),
    2: (*_LISTED, *_FEES, *_CALL, ("accessList", "access"), *_SIGNATURE),
    3: (*_LISTED, *_FEES, *_CALL, ("accessList", "access"), ("maxFeePerBlobGas", "number"),
        ("blobVersionedHashes", "hashes"), *_SIGNATURE),
    4: (*_LISTED, *_FEES, *_CALL, ("accessList", "access"), ("authorizationList", "authorizations"),
        *_SIGNATURE),
}  # fmt: skip


def receipt_of(chain_id: int, block: dict[str, Any], index: int) -> EvmReceipt:
    """Return the receipt of one transaction of a block.

    Args:
        chain_id: id of the chain.
        block: result of `eth_getBlockByHash`, with all its transactions.
        index: index of the transaction in the block.

    Raises:
        AnchorUnavailableError: if the rebuilt block does not have its own hash and root.
    """
    where = f"chain {chain_id} block {block.get('hash')}"
    try:
        header = header_bytes(block)
        block_hash = bytes.fromhex(block["hash"][2:])
        if keccak()(header) != block_hash:
            raise ValueError("its header cannot be rebuilt: it has fields that are not known here")  # noqa: TRY301
        trie = HexaryTrie({})
        for place, transaction in enumerate(block["transactions"]):
            trie[index_key(place)] = transaction_bytes(transaction)
        if trie.root_hash != bytes.fromhex(block["transactionsRoot"][2:]):
            raise ValueError("its transactions cannot be rebuilt: some are of a type that is not known here")  # noqa: TRY301
        nodes = tuple(rlp.encode(node) for node in trie.get_proof(index_key(index)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnchorUnavailableError(f"{where}: {type(error).__name__}: {error}") from error
    # A node under 32 bytes is embedded in its parent, and the proof omits it.
    apart = tuple(node for place, node in enumerate(nodes) if not place or len(node) >= 32)
    return EvmReceipt(chain_id, index, block_hash, header, apart)


def header_bytes(block: dict[str, Any]) -> bytes:
    """Encode a block's header in RLP."""
    fields = [
        _value(block[name], kind)
        for place, (name, kind) in enumerate(_HEADER)
        if place < _OPTIONAL_FROM or block.get(name) is not None
    ]
    return bytes(rlp.encode(fields))


def transaction_bytes(transaction: dict[str, Any]) -> bytes:
    """Encode a signed transaction as its block holds it (EIP-2718)."""
    kind = int(transaction.get("type", "0x0"), 16)
    fields = [_value(_field(transaction, name), how) for name, how in _TRANSACTIONS[kind]]
    return (bytes([kind]) if kind else b"") + bytes(rlp.encode(fields))


def _field(transaction: dict[str, Any], name: str) -> Any:
    if name == "yParity" and name not in transaction:
        return transaction["v"]  # its name in older nodes
    return transaction[name]


def _value(value: Any, kind: str) -> Any:
    """Convert a JSON value to the value that RLP encodes."""
    if kind == "number":
        number = int(value, 16)
        return number.to_bytes((number.bit_length() + 7) // 8, "big")
    if kind == "data":
        return b"" if value is None else bytes.fromhex(value[2:])
    if kind == "hashes":
        return [_value(item, "data") for item in value]
    if kind == "access":
        return [[_value(e["address"], "data"), _value(e["storageKeys"], "hashes")] for e in value]
    keys = ("chainId", "address", "nonce", "yParity", "r", "s")
    return [[_value(entry[k], "data" if k == "address" else "number") for k in keys] for entry in value]
