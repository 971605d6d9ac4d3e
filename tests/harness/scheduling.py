"""Which test files share a test process: each file is run by one process, and some files together by one."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

TOGETHER = {
    "tests/end_to_end/live/": "the live city",
}
"""Files, by the beginning of their names, that share what cannot be used twice at the same time."""


class Scheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives files to processes, and what is `TOGETHER` to one."""

    def _split_scope(self, nodeid: str) -> str:
        shared = next((what for start, what in TOGETHER.items() if nodeid.startswith(start)), None)
        return shared or str(super()._split_scope(nodeid))
