"""Raise the process's limit of open files, so that connections and parts do not run out of descriptors."""

from __future__ import annotations

import contextlib
import resource

MOST = 65_536
"""Descriptors that are enough for any process of ours."""


def raise_descriptor_limit(most: int = MOST) -> int:
    """Raise the soft limit of open files to the hard one, at most to `most`; return the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if hard == resource.RLIM_INFINITY else min(hard, most)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS has a further limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
