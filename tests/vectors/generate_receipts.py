"""Writes `ledger_receipts.json`: golden vectors of FORMAT.md §11, from fixed keys and a made-up block.

`python -m tests.vectors.generate_receipts`
"""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import rlp
from trie import HexaryTrie

from ledger_sink.anchor.evm_account import Account
from ledger_sink.format.checkpoint import Checkpoint, sign_checkpoint
from ledger_sink.format.keys import city_origin, log_key
from ledger_sink.receipt.bundled import encode_path
from ledger_sink.receipt.ethereum import EvmReceipt, index_key, keccak, payload
from ledger_sink.receipt.job import Job
from ledger_sink.receipt.printed import PrintedLine

OUTPUT = Path(__file__).with_name("ledger_receipts.json")
CITY = "city.example"
MASTER_SEED = bytes(range(32))
ACCOUNT_SEED = bytes(range(1, 33))
TIME_MS = 1_767_323_045_678
CHAIN_ID = 31337
TRANSACTIONS = 130
MINE = 128


def main() -> int:
    """Write the file."""
    OUTPUT.write_bytes(golden())
    sys.stdout.write(f"{OUTPUT}\n")
    return 0


def golden() -> bytes:
    """Return the golden file's bytes."""
    origin = city_origin(CITY)
    checkpoint = sign_checkpoint(
        Checkpoint(origin, 12345, sha256(b"root").digest()), log_key(MASTER_SEED, origin)
    )
    receipt, block = _evm(checkpoint)
    digest = sha256(checkpoint).digest()
    names = ("evm.evm", "file.line", "tsa-a.tsr")
    content = {
        "about": "Golden vectors of ledger_sink/FORMAT.md section 11; bytes in base64, hashes in hexadecimal",
        "checkpoint": checkpoint.decode(),
        "line": PrintedLine.of(checkpoint, TIME_MS).encode().decode(),
        "job": Job(origin, 12345, digest, 12000, TIME_MS, names).encode().decode(),
        "evm": {
            "payload": payload(checkpoint).hex(),
            "chain_id": CHAIN_ID,
            "block": block.hex(),
            "number": 4711,
            "time_s": TIME_MS // 1000,
            "receipt": receipt.encode().decode(),
        },
        "leaf_path": {
            "hashes": [sha256(bytes([i])).hexdigest() for i in range(3)],
            "file": encode_path([sha256(bytes([i])).digest() for i in range(3)]).decode(),
        },
        "time_stamp_request_imprint": b64encode(digest).decode(),
    }
    return (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode()


def _evm(checkpoint: bytes) -> tuple[EvmReceipt, bytes]:
    account = Account.from_key(ACCOUNT_SEED)
    trie = HexaryTrie({})
    for index in range(TRANSACTIONS):
        data = payload(checkpoint) if index == MINE else b""
        trie[index_key(index)] = _transaction(account, index, data)
    items = [bytes([i]) * 32 for i in range(20)]
    items[4], items[8], items[11] = trie.root_hash, _number(4711), _number(TIME_MS // 1000)
    header = bytes(rlp.encode(items))
    nodes = [bytes(rlp.encode(node)) for node in trie.get_proof(index_key(MINE))]
    apart = tuple(node for place, node in enumerate(nodes) if not place or len(node) >= 32)
    block = keccak()(header)
    return EvmReceipt(CHAIN_ID, MINE, block, header, apart), block


def _transaction(account: Any, nonce: int, data: bytes) -> bytes:
    signed = account.sign_transaction(
        {
            "type": 2, "chainId": CHAIN_ID, "nonce": nonce, "to": account.address, "value": 0, "gas": 30_000,
            "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9, "data": data,
        }
    )  # fmt: skip
    return bytes(signed.raw_transaction)


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


if __name__ == "__main__":
    sys.exit(main())
