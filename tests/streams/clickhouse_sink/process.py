"""A sink in a process of its own that can kill or stop itself at a chosen point: `NAME CONFIG [POINT…]`.

A point is `<signal>:<moment>[:<n>]`, such as `KILL:after-archive` or `STOP:before-rows:3`: the signal is
sent at the n-th such moment. Moments: before-archive, after-archive, before-rows, after-rows, after-rollup,
after-letters.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from schemas.names import ARCHIVE_TABLE
from streams.clickhouse_sink.client import ClickHouseClient
from streams.clickhouse_sink.dead_letters import DeadLetterWriter
from streams.clickhouse_sink.sink import SinkConfig, run
from tests.streams.clickhouse_sink.stage import make_catalog

if TYPE_CHECKING:
    from collections.abc import Callable


class Points:
    """Counts moments and strikes at the chosen ones."""

    def __init__(self, points: list[str]) -> None:
        self._chosen = {}
        for point in points:
            name, moment, *number = point.split(":")
            self._chosen[moment, int(number[0]) if number else 1] = signal.Signals[f"SIG{name}"]
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reach(self, moment: str) -> None:
        """A moment has come."""
        with self._lock:
            self._seen[moment] += 1
            struck = self._chosen.get((moment, self._seen[moment]))
            if struck is not None:
                os.kill(os.getpid(), struck)

    def install(self) -> None:
        """Put the moments into the sink's own steps."""
        insert, run_sql, send = ClickHouseClient.insert, ClickHouseClient.run, DeadLetterWriter.send

        def inserting(client: ClickHouseClient, /, sql: str, body: bytes, token: str) -> None:
            kind = "archive" if f".{ARCHIVE_TABLE} " in sql[:80] else "rows"
            self.reach(f"before-{kind}")
            insert(client, sql, body, token)
            self.reach(f"after-{kind}")

        ClickHouseClient.insert = inserting  # type: ignore[method-assign, assignment]
        ClickHouseClient.run = self._then(run_sql, "after-rollup")  # type: ignore[method-assign]
        DeadLetterWriter.send = self._then(send, "after-letters")  # type: ignore[method-assign]

    def _then(self, step: Callable[..., Any], moment: str) -> Callable[..., Any]:
        def stepping(*arguments: Any, **named: Any) -> None:
            step(*arguments, **named)
            self.reach(moment)

        return stepping


def main() -> None:
    """Run the sink until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    settings = json.loads(sys.argv[2])
    settings["rollups"] = {topic: tuple(statements) for topic, statements in settings["rollups"].items()}
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    Points(sys.argv[3:]).install()
    run(SinkConfig(**settings), make_catalog(sys.argv[1]), stop)


if __name__ == "__main__":
    main()
