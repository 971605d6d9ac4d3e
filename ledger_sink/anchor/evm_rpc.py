"""A small JSON-RPC client of an Ethereum node: what the EVM anchor asks, with hexadecimal turned into values."""

from __future__ import annotations

import json
from typing import Any

from ledger_sink.errors import AnchorUnavailableError, NodeRefusedError
from ledger_sink.http.client import HttpClient

TIMEOUT_S = 5.0


class EvmNode:
    """One node at a URL. Whatever it answers is checked by whoever uses it."""

    def __init__(self, url: str) -> None:
        """Take a node.

        Raises:
            SetupError: the URL is none.
        """
        self._peer = HttpClient(
            url, timeout_s=TIMEOUT_S, unavailable=AnchorUnavailableError, secret_path=True
        )

    @property
    def url(self) -> str:
        """Return its address, without the path, which may hold a key."""
        return self._peer.url

    def call(self, method: str, *parameters: Any) -> Any:
        """Ask one question; return its `result`.

        Raises:
            NodeRefusedError: the node refuses.
            AnchorUnavailableError: no answer, or none of JSON-RPC.
        """
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        headers = {"Content-Type": "application/json"}
        status, body = self._peer.call("POST", "", json.dumps(question).encode(), headers)
        try:
            answer = json.loads(body)
            error = answer.get("error")
        except (ValueError, AttributeError):
            raise AnchorUnavailableError(
                f"{self.url}: {method}: expected JSON-RPC, got status {status}: {body[:100]!a}"
            ) from None
        if error is not None:
            raise NodeRefusedError(f"{self.url}: {method}: {str(error)[:300]}")
        return answer.get("result")

    def number(self, method: str, *parameters: Any) -> int:
        """Ask for a quantity."""
        result = self.call(method, *parameters)
        try:
            return int(result, 16)
        except (TypeError, ValueError):
            raise AnchorUnavailableError(
                f"{self.url}: {method}: expected a quantity, got {result!a}"
            ) from None
