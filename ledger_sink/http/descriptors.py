"""Raise the process's limit of open files, and keep the connections of a server below it.

Where descriptors run out, asyncio's `accept` fails and is tried again at once, with a traceback each time, and nobody
is served.
"""

from __future__ import annotations

import contextlib
import resource
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger_sink.http.limits import HttpLimits

MOST = 65_536
"""Descriptors that are enough for any process of ours."""

_MOST_BACKLOG = 128
_CLOSING_STEPS = 4
"""Iterations of asyncio's loop from the `accept` of a connection to the `close` of the one that it pushes out."""


def raise_descriptor_limit(most: int = MOST) -> int:
    """Raise the soft limit of open files to the hard one, at most to `most`; return the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if hard == resource.RLIM_INFINITY else min(hard, most)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS has a further limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def backlog() -> int:
    """Return how many connections wait in the kernel; asyncio also accepts so many at each iteration of its loop."""
    return min(_MOST_BACKLOG, max(1, _open_files() // 32))


def fitting(limits: HttpLimits) -> HttpLimits:
    """Return limits whose connections take at most half of the descriptors that the process may open.

    Besides them there is room for what asyncio accepts before the connections that have to go are closed.
    """
    most = max(16, min(limits.connections, (_open_files() - _CLOSING_STEPS * backlog()) // 2))
    return replace(limits, connections=most, connections_per_peer=min(limits.connections_per_peer, most))


def _open_files() -> int:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST if soft == resource.RLIM_INFINITY else soft
