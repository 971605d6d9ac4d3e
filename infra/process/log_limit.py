"""A log handler that bounds how often one statement of the code writes: a few lines at once, then one a second.

What is left out is counted and reported: "1,234 more lines like this". Statements differ by logger, level, file
and line, so that texts that differ in their values count as the same line.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

BURST = 20
"""Lines of one statement that are written at once."""
PER_S = 1.0
"""Lines a second that are written after that."""
SUMMARY_S = 10.0
"""Seconds after which left out lines are reported, if none of their kind was written before."""
_STATEMENTS = 1000

_Key = tuple[str, int, str, int]


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    left_out: int = 0


class LimitedHandler(logging.StreamHandler[TextIO]):
    """Writes records to a stream, within limits for each statement of the code.

    Args:
        stream: Where to write.
        burst: Lines of a statement that are written at once.
        per_s: Lines a second after that.
        clock: Returns seconds.
    """

    def __init__(
        self,
        stream: TextIO,
        burst: int = BURST,
        per_s: float = PER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(stream)
        self._burst = burst
        self._per_s = per_s
        self._clock = clock
        self._buckets: dict[_Key, _Bucket] = {}
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it as left out. The handler's lock is held."""
        key = (record.name, record.levelno, record.pathname, record.lineno)
        now = self._clock()
        if len(self._buckets) > _STATEMENTS:
            self._say_left_out()
            self._buckets.clear()
        bucket = self._buckets.setdefault(key, _Bucket(float(self._burst), now))
        bucket.tokens = min(float(self._burst), bucket.tokens + (now - bucket.at) * self._per_s)
        bucket.at = now
        if bucket.tokens < 1:
            bucket.left_out += 1
            self._later()
            return
        bucket.tokens -= 1
        self._summary(key, bucket)
        super().emit(record)

    def say_left_out(self) -> None:
        """Write how many lines were left out of each statement, and count anew."""
        with self.lock or threading.RLock():
            self._timer = None
            self._say_left_out()

    def close(self) -> None:
        """Write what was left out, and close."""
        if self._timer is not None:
            self._timer.cancel()
        self.say_left_out()
        super().close()

    def _say_left_out(self) -> None:
        for key, bucket in self._buckets.items():
            self._summary(key, bucket)

    def _summary(self, key: _Key, bucket: _Bucket) -> None:
        if not bucket.left_out:
            return
        name, level, path, line = key
        text = f"{bucket.left_out:,} more lines like this ({path.rsplit('/', 1)[-1]}:{line})"
        bucket.left_out = 0
        super().emit(logging.LogRecord(name, level, path, line, text, None, None))

    def _later(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(SUMMARY_S, self.say_left_out)
            self._timer.daemon = True
            self._timer.start()


def limit_logging(stream: TextIO) -> None:
    """Send the log records of this process to a stream, within the limits."""
    handler = LimitedHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
