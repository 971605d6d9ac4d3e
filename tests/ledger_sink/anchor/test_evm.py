"""The EVM anchor over a real node: fees, nonces, reorganisations, and blocks of every type of transaction."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from ledger_sink.anchor import evm
from ledger_sink.anchor.contract import Pending, Receipt
from ledger_sink.anchor.evm import EvmAnchor, read_account
from ledger_sink.anchor.evm_account import Account
from ledger_sink.anchor.evm_block import receipt_of
from ledger_sink.errors import AnchorLostError, AnchorUnavailableError, SetupError
from ledger_sink.receipt import ethereum
from ledger_sink.receipt.errors import ReceiptError
from tests.ledger_sink.anchor.anvil import Anvil, anvil_binary
from tests.ledger_sink.anchor.peers import KEY
from tests.ledger_sink.simulated_city import small_city

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHECKPOINT = small_city().cosigned()
ACCOUNT = Account.from_key(KEY)


@pytest.fixture
def node() -> Iterator[Anvil]:
    """A node of its own, which makes blocks when told."""
    made = Anvil(anvil_binary())
    made.fund(ACCOUNT.address)
    yield made
    made.close()


def anchor(node: Anvil, **options: Any) -> EvmAnchor:
    """The adapter."""
    return EvmAnchor("evm", node.url, node.chain_id, ACCOUNT, **{"confirmations": 1, **options})


def pending(answer: Pending | Receipt) -> Pending:
    """What must still be awaited."""
    assert isinstance(answer, Pending)
    return answer


def data_of(answer: Pending | Receipt) -> bytes:
    """What must have come."""
    assert isinstance(answer, Receipt)
    return answer.data


def test_the_transaction_goes_to_its_own_account_and_carries_the_hash(node: Anvil) -> None:
    """No contract, no value, 36 bytes of calldata, EIP-1559."""
    sent = json.loads(pending(anchor(node).submit(CHECKPOINT)).ticket)["transaction"]
    node.mine()
    found = node.call("eth_getTransactionByHash", sent)
    assert (found["from"], found["to"]) == (ACCOUNT.address.lower(), ACCOUNT.address.lower())
    assert (found["type"], found["value"]) == ("0x2", "0x0")
    assert bytes.fromhex(found["input"][2:]) == ethereum.payload(CHECKPOINT)


def test_the_receipt_waits_for_its_confirmations(node: Anvil) -> None:
    """Not before the block is as deep as asked for."""
    deep = anchor(node, confirmations=4)
    waiting = pending(deep.submit(CHECKPOINT))
    assert deep.poll(CHECKPOINT, waiting) == waiting
    for _ in range(3):
        node.mine()
        waiting = pending(deep.poll(CHECKPOINT, waiting))
    node.mine()
    placed = ethereum.verify_inclusion(CHECKPOINT, data_of(deep.poll(CHECKPOINT, waiting)))
    block = node.call("eth_getBlockByNumber", hex(placed.number), False)
    assert (placed.chain_id, placed.number, placed.time_s) == (31337, 1, int(block["timestamp"], 16))
    assert "0x" + placed.block.hex() == block["hash"]


def test_a_reorganisation_takes_the_block_and_the_transaction_comes_again(node: Anvil) -> None:
    """The block is gone before it is deep enough: the same transaction is sent again and gets another block."""
    deep = anchor(node, confirmations=3)
    snapshot = node.call("evm_snapshot")
    waiting = pending(deep.submit(CHECKPOINT))
    node.mine()
    waiting = pending(deep.poll(CHECKPOINT, waiting))
    assert node.call("evm_revert", snapshot)
    node.mine(2)
    waiting = pending(deep.poll(CHECKPOINT, waiting))  # sent again
    node.mine(3)
    placed = ethereum.verify_inclusion(CHECKPOINT, data_of(deep.poll(CHECKPOINT, waiting)))
    assert placed.number == 3


def test_a_stuck_transaction_is_replaced_at_a_higher_price(node: Anvil) -> None:
    """After minutes without a block the same nonce is offered for more, and one of the two gets in."""
    now = time.time()
    stuck = anchor(node, clock=lambda: now)
    first = pending(stuck.submit(CHECKPOINT))
    later = anchor(node, clock=lambda: now + evm.STUCK_AFTER_S + 1)
    second = pending(later.poll(CHECKPOINT, first))
    old, new = json.loads(first.ticket), json.loads(second.ticket)
    assert new["nonce"] == old["nonce"]
    assert all(after > before * 1.1 for before, after in zip(old["fees"], new["fees"], strict=True))
    node.mine()
    assert data_of(later.poll(CHECKPOINT, second))
    with pytest.raises(AnchorLostError, match="nonce 0"):
        anchor(node).poll(CHECKPOINT, first)


def test_a_nonce_that_went_to_another_transaction_is_submitted_again(node: Anvil) -> None:
    """Somebody else spent from the account: the ticket is worth nothing any more."""
    ticket = pending(anchor(node).submit(CHECKPOINT))
    dropped = json.loads(ticket.ticket)["transaction"]
    node.call("anvil_dropTransaction", dropped)
    other = ACCOUNT.sign_transaction(
        {"to": ACCOUNT.address, "value": 1, "gas": 21000, "gasPrice": 10**11, "nonce": 0, "chainId": 31337}
    )
    node.call("eth_sendRawTransaction", "0x" + bytes(other.raw_transaction).hex())
    node.mine()
    with pytest.raises(AnchorLostError):
        anchor(node).poll(CHECKPOINT, ticket)


def test_nothing_is_sent_to_another_chain(node: Anvil) -> None:
    """The setting says which chain: a node of another gets no transaction."""
    wrong = EvmAnchor("evm", node.url, 1, ACCOUNT)
    with pytest.raises(AnchorUnavailableError, match="expected chain 1, it is chain 31337"):
        wrong.submit(CHECKPOINT)
    assert node.call("eth_getTransactionCount", ACCOUNT.address, "pending") == "0x0"


def test_no_more_is_offered_than_allowed(node: Anvil) -> None:
    """When gas costs more than the limit the anchor waits and says so."""
    with pytest.raises(AnchorUnavailableError, match="at most 1000 are offered"):
        anchor(node, max_fee_wei=1000).submit(CHECKPOINT)


def test_an_account_without_funds_is_told(node: Anvil) -> None:
    """The node's own words come through, without the address's path."""
    poor = EvmAnchor("evm", f"{node.url}secret-key-in-path", node.chain_id, Account.from_key(b"\x07" * 32))
    with pytest.raises(AnchorUnavailableError) as caught:
        poor.submit(CHECKPOINT)
    assert "secret" not in str(caught.value)


def busy_block(node: Anvil, count: int) -> dict[str, Any]:
    """A block of legacy, EIP-2930, EIP-1559 and EIP-7702 transactions, an anchor among them."""
    other = Account.from_key(b"\x09" * 32)
    node.fund(other.address)
    delegate = other.sign_authorization(
        {"chainId": node.chain_id, "address": ACCOUNT.address, "nonce": 10_000}
    )
    access = [{"address": ACCOUNT.address, "storageKeys": ["0x" + "11" * 32]}]
    fees = {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9}
    kinds: list[dict[str, Any]] = [
        {"gasPrice": 10**11},
        {"type": 1, "gasPrice": 10**11, "accessList": access},
        {"type": 2, **fees, "accessList": access, "data": "0x" + "ab" * 200},
        {"type": 4, **fees, "authorizationList": [delegate]},
    ]
    for nonce in range(count):
        common = {
            "to": ACCOUNT.address,
            "value": nonce,
            "gas": 120_000,
            "nonce": nonce,
            "chainId": node.chain_id,
        }
        signed = other.sign_transaction({**common, **kinds[nonce % len(kinds)]})
        node.call("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
    anchor(node).submit(CHECKPOINT)
    node.mine()
    block = node.call("eth_getBlockByNumber", "latest", True)
    assert len(block["transactions"]) == count + 1
    assert {t["type"] for t in block["transactions"]} == {"0x0", "0x1", "0x2", "0x4"}
    return dict(block)


def test_an_anchor_in_a_busy_block_is_proved(node: Anvil) -> None:
    """Among 150 transactions of four types: root and header are rebuilt, each place has its own proof."""
    block = busy_block(node, 150)
    mine = next(
        i
        for i, t in enumerate(block["transactions"])
        if t["input"] == "0x" + ethereum.payload(CHECKPOINT).hex()
    )
    placed = ethereum.verify_inclusion(CHECKPOINT, receipt_of(node.chain_id, block, mine).encode())
    assert "0x" + placed.block.hex() == block["hash"]
    for index in (0, 1, 127, 128, 150):
        if index != mine:
            with pytest.raises(ReceiptError, match="transaction: expected"):
                ethereum.verify_inclusion(CHECKPOINT, receipt_of(node.chain_id, block, index).encode())


@pytest.mark.parametrize("name", ["timestamp", "transactionsRoot", "hash", "stateRoot"])
def test_a_node_that_lies_about_a_block_is_refused(node: Anvil, name: str) -> None:
    """Header and transactions must lead to the block's hash."""
    block = busy_block(node, 4)
    block[name] = block[name][:-1] + ("0" if block[name][-1] != "0" else "1")
    with pytest.raises(AnchorUnavailableError):
        receipt_of(node.chain_id, block, 0)


def test_a_key_file_must_be_ones_own(tmp_path: Path) -> None:
    """0600, 64 hexadecimal digits; the key is never in a message."""
    path = tmp_path / "evm.key"
    with pytest.raises(SetupError, match="put the paying account's key there"):
        read_account(path)
    path.write_text(f"0x{KEY.hex()}\n")
    path.chmod(0o644)
    with pytest.raises(SetupError, match="expected mode 0600, got 0644"):
        read_account(path)
    path.chmod(0o600)
    assert read_account(path).address == ACCOUNT.address
    path.write_text(KEY.hex()[:-1] + "x")
    with pytest.raises(SetupError) as caught:
        read_account(path)
    assert KEY.hex()[:10] not in str(caught.value)


def test_deeply_nested_json_is_refused_and_no_crash() -> None:
    """The account's library raises the recursion limit of the process when it is imported; it does not stay so."""
    code = (
        "import json, sys; before = sys.getrecursionlimit(); import ledger_sink.anchor.evm_account\n"
        "assert sys.getrecursionlimit() == before\n"
        "try: json.loads('[' * 100_000)\nexcept RecursionError: print('refused')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "refused\n", done.stderr
