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

BACKLOG = 128
"""Connections that wait in the kernel. asyncio also accepts so many at a time."""


def raise_descriptor_limit(most: int = MOST) -> int:
    """Raise the soft limit of open files to the hard one, at most to `most`; return the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if hard == resource.RLIM_INFINITY else min(hard, most)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS has a further limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def fitting(limits: HttpLimits) -> HttpLimits:
    """Return limits whose connections take at most half of the descriptors that the process may open.

    Besides them there is room for what asyncio accepts at a time before it asks whether there is room.
    """
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == resource.RLIM_INFINITY:
        return limits
    most = max(16, min(limits.connections, (soft - 2 * BACKLOG) // 2))
    return replace(limits, connections=most, connections_per_peer=min(limits.connections_per_peer, most))
