"""Connections to the stack's ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import clickhouse_connect

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from infra.settings import Settings


def connect(settings: Settings, answer_s: float | None = None, *, boards: bool = False) -> Client:
    """Return a client of the stack's ClickHouse; it uses the HTTP interface and no session.

    Args:
        settings: The stack.
        answer_s: Longest wait for a piece of an answer, in seconds; None: the client's own.
        boards: Connect as the user of the boards, who may only read.
    """
    limits = {} if answer_s is None else {"connect_timeout": 2, "send_receive_timeout": answer_s}
    url = urlsplit(settings.clickhouse_url)
    return clickhouse_connect.get_client(
        interface=url.scheme,
        host=url.hostname or "127.0.0.1",
        port=url.port or 8123,
        username=settings.board_user if boards else settings.clickhouse_user,
        password=str(settings.board_password if boards else settings.clickhouse_password),
        autogenerate_session_id=False,
        **limits,
    )


def one_line(error: Exception) -> str:
    """Return the text of a client's error in one line of at most 300 characters."""
    words = " ".join(str(error).split())
    return "connection refused" if "Connection refused" in words else words[:300]
