"""An anchor on any EVM chain: a self-transaction with calldata `"CLA1" ‖ SHA-256(checkpoint)`, without a contract.

Its settings are a node's RPC address, the expected chain id, and a key file (32 bytes in hexadecimal, 0600) whose
account pays. A transaction that is not mined is replaced by one with the same nonce and higher fees. A second
transaction that is mined is harmless. The receipt is made once the block has the configured confirmations. If a
reorganisation removes the block, the anchor waits for another block.
"""

from __future__ import annotations

import json
import stat
import time
from typing import TYPE_CHECKING, Any

from ledger_sink.anchor.contract import Pending, Receipt
from ledger_sink.anchor.evm_rpc import EvmNode
from ledger_sink.errors import AnchorLostError, AnchorUnavailableError, NodeRefusedError, SetupError
from ledger_sink.receipt import ethereum
from ledger_sink.receipt.errors import ReceiptError, UncheckedError
from ledger_sink.receipt.kinds import EVM, ReceiptTrust, verify_receipt
from ledger_sink.regular_file import read_regular_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ledger_sink.receipt.attestation import Attestation

STUCK_AFTER_S = 900.0
"""Seconds after which an unmined transaction is replaced."""
REPLACEMENT = 9, 8
"""Factor on both fees, 12.5 % more: nodes accept a replacement of the same nonce from 10 % more on."""
KNOWN = ("already known", "already imported", "already in mempool")
"""A node's messages for a transaction that it already has: not an error."""


def read_account(path: Path) -> Any:
    """Read the account of a key file.

    Raises:
        SetupError: if the file is missing, is not 0600, or holds no key, or if eth-account is not installed.
    """
    try:
        from ledger_sink.anchor.evm_account import Account  # noqa: PLC0415 - heavy, and only this anchor needs it
    except ImportError:
        raise SetupError("an EVM anchor needs eth-account: install 'city-telemetry[platform]'") from None
    try:
        mode, text = stat.S_IMODE(path.stat().st_mode), read_regular_text(path, errors="replace")
    except OSError as error:
        raise SetupError(
            f"{path}: {error.strerror}; put the paying account's key there: 64 hexadecimal digits, 0600"
        ) from error
    if mode & 0o077:
        raise SetupError(f"{path}: expected mode 0600, got {mode:04o}")
    try:
        return Account.from_key(bytes.fromhex(text.strip().removeprefix("0x")))
    except Exception:  # noqa: BLE001 - errors of the library, which may quote the key
        raise SetupError(f"{path}: expected a private key of 64 hexadecimal digits") from None


class EvmAnchor:
    """An anchor that sends transactions from one account on one chain."""

    suffix = EVM

    def __init__(
        self,
        name: str,
        rpc: str,
        chain_id: int,
        account: Any,
        *,
        confirmations: int = 12,
        max_fee_wei: int = 200 * 10**9,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Set the anchor up; nothing is sent.

        Args:
            name: name of the anchor.
            rpc: URL of the node.
            chain_id: id that the node's chain must have.
            account: the paying account, from `read_account`.
            confirmations: number of blocks, its own included, after which a block counts as final.
            max_fee_wei: highest price per unit of gas that is offered, in wei.
            clock: the current time, in POSIX seconds.

        Raises:
            MissingLibraryError: if `pycryptodome` is not installed.
            SetupError: if the URL is malformed.
        """
        self.name = name
        self._node = EvmNode(rpc)
        self._chain_id = chain_id
        self._account = account
        self._confirmations = confirmations
        self._max_fee_wei = max_fee_wei
        self._clock = clock
        ethereum.keccak()

    @property
    def address(self) -> str:
        """Return the address of the paying account."""
        return str(self._account.address)

    def submit(self, checkpoint: bytes) -> Pending | Receipt:
        """Send the transaction; see `Anchor.submit`."""
        return self._send(checkpoint, (0, 0))

    def _send(self, checkpoint: bytes, least: tuple[int, int]) -> Pending:
        self._require_chain()
        tip, fee = self._fees(least)
        call = {
            "from": self.address,
            "to": self.address,
            "value": 0,
            "data": "0x" + ethereum.payload(checkpoint).hex(),
        }
        transaction = {
            **call,
            "chainId": self._chain_id,
            "nonce": self._node.number("eth_getTransactionCount", self.address, "latest"),
            "gas": self._node.number("eth_estimateGas", {**call, "value": "0x0"}),
            "maxPriorityFeePerGas": tip,
            "maxFeePerGas": fee,
        }
        del transaction["from"]
        signed = self._account.sign_transaction(transaction)
        raw, sent = "0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex()
        self._broadcast(raw)
        ticket = {
            "transaction": sent, "raw": raw, "nonce": transaction["nonce"], "fees": [tip, fee],
            "sent_s": int(self._clock()),
        }  # fmt: skip
        return Pending(json.dumps(ticket, sort_keys=True))

    def poll(self, checkpoint: bytes, pending: Pending) -> Pending | Receipt:
        """Look the transaction up; replace it if it is stuck; prove it once its block is final. See `Anchor.poll`."""
        ticket = json.loads(pending.ticket)
        self._require_chain()
        mined = self._node.call("eth_getTransactionReceipt", ticket["transaction"])
        if mined is None:
            return self._not_mined(checkpoint, pending, ticket)
        try:
            number, index = int(mined["blockNumber"], 16), int(mined["transactionIndex"], 16)
            block_hash = mined["blockHash"]
        except (KeyError, TypeError, ValueError):
            raise AnchorUnavailableError(f"{self._node.url}: expected a transaction's receipt") from None
        if self._node.number("eth_blockNumber") - number + 1 < self._confirmations:
            return pending
        block = self._node.call("eth_getBlockByHash", block_hash, True)
        if block is None or self._canonical(number) != block_hash:
            return pending  # a reorganisation is under way
        return self._proved(checkpoint, block, index)

    def _proved(self, checkpoint: bytes, block: dict[str, Any], index: int) -> Receipt:
        from ledger_sink.anchor.evm_block import receipt_of  # noqa: PLC0415 - heavy

        data = receipt_of(self._chain_id, block, index).encode()
        try:
            found = ethereum.verify_inclusion(checkpoint, data)
        except (ReceiptError, UncheckedError) as error:
            raise AnchorUnavailableError(f"{self.name}: {error}") from error
        if "0x" + found.block.hex() != block["hash"]:
            raise AnchorUnavailableError(f"{self.name}: expected block {block['hash']}, got another")
        return Receipt(data)

    def _not_mined(self, checkpoint: bytes, pending: Pending, ticket: dict[str, Any]) -> Pending:
        taken = self._node.number("eth_getTransactionCount", self.address, "latest")
        if taken > ticket["nonce"]:
            raise AnchorLostError(
                f"{self.name}: nonce {ticket['nonce']} of {self.address} went to another transaction"
            )
        if self._clock() - ticket["sent_s"] > STUCK_AFTER_S:
            more, than = REPLACEMENT
            return self._send(checkpoint, tuple(fee * more // than + 1 for fee in ticket["fees"]))
        self._broadcast(ticket["raw"])
        return pending

    def _broadcast(self, raw: str) -> None:
        try:
            self._node.call("eth_sendRawTransaction", raw)
        except NodeRefusedError as error:
            if not any(words in str(error).lower() for words in KNOWN):
                raise

    def _fees(self, least: tuple[int, int]) -> tuple[int, int]:
        """Return the offered tip and the offered maximum fee, in wei per unit of gas."""
        block = self._node.call("eth_getBlockByNumber", "latest", False)
        try:
            base = int(block["baseFeePerGas"], 16)
        except (KeyError, TypeError, ValueError):
            raise AnchorUnavailableError(
                f"{self._node.url}: expected a chain with a base fee (EIP-1559)"
            ) from None
        tip = max(self._node.number("eth_maxPriorityFeePerGas"), least[0])
        fee = max(2 * base + tip, least[1])
        if base + tip > self._max_fee_wei:
            raise AnchorUnavailableError(
                f"{self.name}: a unit of gas costs {base + tip} wei, at most {self._max_fee_wei} are offered"
            )
        fee = min(fee, self._max_fee_wei)
        return min(tip, fee), fee

    def _canonical(self, number: int) -> str:
        block = self._node.call("eth_getBlockByNumber", hex(number), False)
        return str(block["hash"]) if isinstance(block, dict) and "hash" in block else ""

    def _require_chain(self) -> None:
        found = self._node.number("eth_chainId")
        if found != self._chain_id:
            raise AnchorUnavailableError(
                f"{self._node.url}: expected chain {self._chain_id}, it is chain {found}; nothing was sent"
            )

    def verify(self, checkpoint: bytes, receipt: bytes, trust: ReceiptTrust | None = None) -> Attestation:
        """Verify a receipt offline; without a reader's trust, the receipt's own block counts as known."""
        if trust is None:
            found = ethereum.verify_inclusion(checkpoint, receipt)
            trust = ReceiptTrust(evm_blocks={self._chain_id: frozenset({found.block})})
        return verify_receipt(f"{self.name}.{self.suffix}", checkpoint, receipt, trust)
