"""The numbers of every HTTP server of the platform; docs/operating.md prints them, and a test compares both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.http.limits import KIB, MIB, HttpLimits
from ledger_sink.signer.server import LIMITS as SIGNER
from ledger_sink.witness.server import LIMITS as WITNESS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WEB = HttpLimits(methods=frozenset({"GET", "HEAD", "POST", "PUT", "DELETE"}))
"""Status page: bodies come to the schema registry only, which answers PUT and DELETE that it is read-only."""

CLICKHOUSE = HttpLimits(
    head_bytes=64 * KIB,  # statements and parameters come in the URL, too
    body_bytes=257
    * MIB,  # above the server's own limit on what a body holds, which answers in ClickHouse's words
    body_s=60.0,
    buffered_bytes=1024 * MIB,
    idle_s=60.0,
    send_s=90.0,  # above the server's own time-out, which cancels the statement
    same_site_reads=True,  # a browser sends the password again once it was typed
)

SERVERS: Mapping[str, HttpLimits] = {
    "web": WEB,
    "clickhouse": CLICKHOUSE,
    "signer": SIGNER,
    "witness": WITNESS,
}
"""Role of the process → the limits of its server."""


def table() -> str:
    """Return the Markdown table of all servers' limits."""
    rows: dict[str, Callable[[HttpLimits], str]] = {
        "connections (of one address)": lambda of: f"{of.connections} ({of.connections_per_peer})",
        "request line and headers": lambda of: f"{_size(of.head_bytes)}, {of.headers} headers",
        "time for them": lambda of: f"{of.head_s:g} s",
        "body": lambda of: _size(of.body_bytes),
        "time for it": lambda of: f"{of.body_s:g} s, and 1 s for each {_size(of.body_rate)}",
        "bodies being read, together": lambda of: _size(of.buffered_bytes),
        "wait for the next request": lambda of: f"{of.idle_s:g} s",
        "client takes nothing": lambda of: f"{of.send_s:g} s",
        "methods": lambda of: ", ".join(sorted(of.methods)),
        "pages of other sites may": lambda of: "nothing" if of.same_site_reads else "read",
    }
    lines = [f"| | {' | '.join(SERVERS)} |", "|---" * (len(SERVERS) + 1) + "|"]
    for name, cell in rows.items():
        lines.append(f"| {name} | {' | '.join(cell(of) for of in SERVERS.values())} |")
    return "\n".join(lines) + "\n"


def _size(size: int) -> str:
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size:,} bytes"
