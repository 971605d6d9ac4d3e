"""A small JSON-RPC client of an Ethereum node, for the requests of the EVM anchor."""

from __future__ import annotations

import json
from typing import Any

from ledger_sink.errors import AnchorUnavailableError, NodeRefusedError
from ledger_sink.http.client import HttpClient

TIMEOUT_S = 5.0


class EvmNode:
    """A node at a URL. Its callers verify its answers."""

    def __init__(self, url: str) -> None:
        """Set the client up; nothing is sent.

        Raises:
            SetupError: if the URL is malformed.
        """
        self._peer = HttpClient(
            url, timeout_s=TIMEOUT_S, unavailable=AnchorUnavailableError, secret_path=True
        )

    @property
    def url(self) -> str:
        """Return the node's URL without the path, which may hold an API key."""
        return self._peer.url

    def call(self, method: str, *parameters: Any) -> Any:
        """Call a method; return its `result`.

        Raises:
            NodeRefusedError: if the node answers with an error.
            AnchorUnavailableError: if there is no answer, or it is not JSON-RPC.
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
        """Call a method whose result is a quantity; return it as an integer.

        Raises:
            NodeRefusedError: if the node answers with an error.
            AnchorUnavailableError: if there is no answer, or it is no quantity.
        """
        result = self.call(method, *parameters)
        try:
            return int(result, 16)
        except (TypeError, ValueError):
            raise AnchorUnavailableError(
                f"{self.url}: {method}: expected a quantity, got {result!a}"
            ) from None
