"""Delivery: an answer's way to one client, who may be slow or gone.

Promise: `gone` turns true as soon as the connection ends; a client that takes nothing for a minute counts
as gone.
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


class BrokenResponseError(Exception):
    """An answer that had begun cannot end: the connection is cut so that the client notices."""


class QueryResponse:
    """Sends one answer.

    Args:
        receive: of the ASGI request whose body has been read.
        send: of the same.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._body_ended = False
        self.gone = False
        self.started = False

    async def receive(self) -> Message:
        """The request's messages, for whoever reads its body."""
        message = await self._receive()
        self._body_ended = not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Takes what is still coming of a refused body, so that the sender lives to read the refusal."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                while not self._body_ended:
                    await self.receive()

    async def watch(self) -> None:
        """Returns when the client has gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True

    async def start(self, headers: Mapping[str, str]) -> None:
        """Sends status 200 and the headers."""
        raw = [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in headers.items()
        ]
        self.started = True
        await self._deliver({"type": "http.response.start", "status": 200, "headers": raw})

    async def block(self, data: bytes) -> None:
        """Sends a piece of the body."""
        for start in range(0, len(data), _SLICE):
            piece = data[start : start + _SLICE]
            await self._deliver({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        """Ends the body properly: the client may rely on it."""
        await self._deliver({"type": "http.response.body", "body": b"", "more_body": False})

    async def _deliver(self, message: Message) -> None:
        try:
            await asyncio.wait_for(self._send(message), _SEND_S)
        except TimeoutError as error:
            self.gone = True
            raise BrokenResponseError(f"the client took nothing for {_SEND_S:g} s") from error
