"""The response to one client, which may be slow or gone.

`gone` turns true as soon as the connection ends. A client that reads nothing for a minute counts as gone.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message, Receive, Send

_SEND_S = 60.0
_DRAIN_S = 10.0
_SLICE = 256 * 1024  # larger pieces are copied over and over on their way into the socket


class IncompleteResponseError(Exception):
    """A response that has begun cannot be completed; the connection is cut so that the client notices."""


class QueryResponse:
    """The ASGI response to one request.

    Args:
        receive: Receives the messages of the request.
        send: Sends the messages of the response.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._body_ended = False
        self.gone = False
        self.started = False

    async def receive(self) -> Message:
        """Return the next message of the request; the reader of its body calls this."""
        message = await self._receive()
        self._body_ended = not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read the rest of a refused body for at most 10 s, so that the sender survives to read the refusal."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                while not self._body_ended:
                    await self.receive()

    async def watch(self) -> None:
        """Return when the client has gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True

    async def start(self, headers: Mapping[str, str]) -> None:
        """Send status 200 and the headers."""
        raw = [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in headers.items()
        ]
        self.started = True
        await self._send_message({"type": "http.response.start", "status": 200, "headers": raw})

    async def block(self, data: bytes) -> None:
        """Send a piece of the body."""
        for start in range(0, len(data), _SLICE):
            piece = data[start : start + _SLICE]
            await self._send_message({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        """End the body properly; the client takes this as a complete result."""
        await self._send_message({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_message(self, message: Message) -> None:
        try:
            await asyncio.wait_for(self._send(message), _SEND_S)
        except TimeoutError as error:
            self.gone = True
            raise IncompleteResponseError(f"the client took nothing for {_SEND_S:g} s") from error
