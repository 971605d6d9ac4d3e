"""Each adapter with a real local peer, as one shape: what the conformance suite runs over."""

from __future__ import annotations

import socket
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

from infra.ports import free_port
from ledger_sink.anchor.evm import EvmAnchor
from ledger_sink.anchor.evm_account import Account
from ledger_sink.anchor.file import FileAnchor
from ledger_sink.anchor.timestamp import TimestampAnchor
from ledger_sink.receipt import ethereum
from ledger_sink.receipt.kinds import ReceiptTrust
from ledger_sink.receipt.printed import parse_copy
from tests.ledger_sink.anchor.anvil import Anvil, anvil_binary
from tests.ledger_sink.anchor.tsa import TestAuthority
from tests.ledger_sink.simulated_city import SimulatedCity, small_city

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ledger_sink.anchor.contract import Anchor

KEY = bytes(range(1, 33))


class Case(ABC):
    """One adapter and its peer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.city: SimulatedCity = small_city()

    @property
    def checkpoint(self) -> bytes:
        """A signed and cosigned city checkpoint."""
        return self.city.cosigned()

    @abstractmethod
    def anchor(self) -> Anchor:
        """A fresh adapter, as after a start."""

    @abstractmethod
    def unreachable(self) -> Anchor:
        """An adapter whose peer is not there."""

    def silent(self, address: str) -> Anchor | None:
        """An adapter whose peer takes the call and never answers; None if there is no peer to call."""
        del address
        return None

    @abstractmethod
    def trust(self, receipt: bytes) -> ReceiptTrust:
        """What a reader trusts who accepts this receipt's issuer."""

    @abstractmethod
    def foreign_trust(self) -> ReceiptTrust:
        """What a reader trusts who knows other issuers only."""

    def settle(self) -> None:  # noqa: B027 - most peers need nothing
        """Let the peer get on."""

    def skewed(self, seconds: float) -> Anchor | None:
        """An adapter whose clock is wrong; None if the time is the peer's."""
        del seconds
        return None

    def close(self) -> None:  # noqa: B027 - a file needs no end
        """End the peer."""


class TimestampCase(Case):
    """An `openssl ts` authority."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.authority = TestAuthority(folder / "tsa")
        self.other = TestAuthority(folder / "other", "Other TSA")

    def anchor(self) -> Anchor:
        """At its URL."""
        return TimestampAnchor("tsa-a", self.authority.url, (self.authority.root.certificate,))

    def unreachable(self) -> Anchor:
        """At a port where nobody listens."""
        return TimestampAnchor("tsa-a", f"http://127.0.0.1:{free_port()}", (self.authority.root.certificate,))

    def silent(self, address: str) -> Anchor | None:
        """At a port that never answers."""
        return TimestampAnchor("tsa-a", address, (self.authority.root.certificate,))

    def trust(self, receipt: bytes) -> ReceiptTrust:
        """Its root."""
        del receipt
        return ReceiptTrust(tsa_roots=(self.authority.root.certificate, self.other.root.certificate))

    def foreign_trust(self) -> ReceiptTrust:
        """Another root."""
        return ReceiptTrust(tsa_roots=(self.other.root.certificate,))

    def close(self) -> None:
        """End both."""
        self.authority.close()
        self.other.close()


class EvmCase(Case):
    """An anvil node."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.node = Anvil(anvil_binary())
        self.account = Account.from_key(KEY)
        self.node.fund(self.account.address)

    def anchor(self) -> EvmAnchor:
        """At its URL, three confirmations."""
        return EvmAnchor("evm", self.node.url, self.node.chain_id, self.account, confirmations=3)

    def unreachable(self) -> Anchor:
        """At a port where nobody listens."""
        return EvmAnchor("evm", f"http://127.0.0.1:{free_port()}", self.node.chain_id, self.account)

    def silent(self, address: str) -> Anchor | None:
        """At a port that never answers."""
        return EvmAnchor("evm", address, self.node.chain_id, self.account)

    def settle(self) -> None:
        """Make a block."""
        self.node.mine()

    def trust(self, receipt: bytes) -> ReceiptTrust:
        """The block, as the node says that it is on its chain."""
        number = ethereum.verify_inclusion(self.checkpoint, receipt).number
        block = self.node.call("eth_getBlockByNumber", hex(number), False)
        return ReceiptTrust(evm_blocks={self.node.chain_id: frozenset({bytes.fromhex(block["hash"][2:])})})

    def foreign_trust(self) -> ReceiptTrust:
        """The genesis block."""
        block = self.node.call("eth_getBlockByNumber", "0x0", False)
        return ReceiptTrust(evm_blocks={self.node.chain_id: frozenset({bytes.fromhex(block["hash"][2:])})})

    def close(self) -> None:
        """End it."""
        self.node.close()


class FileCase(Case):
    """A file, and a copy in other hands."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "usb" / "checkpoints.txt"

    def anchor(self) -> Anchor:
        """Its file."""
        return FileAnchor("file", self.path)

    def unreachable(self) -> Anchor:
        """A folder that is a file."""
        (self.folder / "taken").write_text("")
        return FileAnchor("file", self.folder / "taken" / "checkpoints.txt")

    def skewed(self, seconds: float) -> Anchor | None:
        """A machine whose clock is wrong, and its own file."""
        return FileAnchor("file", self.folder / f"{seconds}.txt", lambda: time.time() + seconds)

    def trust(self, receipt: bytes) -> ReceiptTrust:
        """The copy."""
        del receipt
        return ReceiptTrust(copies=parse_copy(self.path.read_bytes()))

    def foreign_trust(self) -> ReceiptTrust:
        """A copy of somebody else's lines."""
        (line, *_) = parse_copy(self.path.read_bytes())
        other = replace(line, head=replace(line.head, origin="other.example/city/1"))
        return ReceiptTrust(copies=(other,))


CASES: dict[str, Callable[[Path], Case]] = {
    "rfc3161": TimestampCase,
    "evm": EvmCase,
    "file": FileCase,
}


class SilentPort:
    """Takes connections and never answers."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._taken: list[socket.socket] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                self._taken.append(self._socket.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        """End it."""
        self._socket.close()
        for each in self._taken:
            each.close()
