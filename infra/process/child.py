"""A child process of the stack: how it is started, how it notices the end of its parent.

The parent starts children with `spawn` (own session, so Ctrl-C reaches the parent only; on Linux the
kernel sends SIGTERM when the parent dies). A Python child calls `stop_event`, which turns SIGTERM,
SIGINT and the loss of its parent into one `threading.Event`, and ends hard if the orderly stop takes
longer than `GRACE_S`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from ledger_sink.signals import stop_on_signals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

GRACE_S = 9.0
"""A process that was told to end has this long; then it ends at once (docs/delivery.md#stopping)."""

PARENT_VARIABLE = "CITY_PARENT"
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Ask Linux to send SIGTERM when the parent goes (runs in the child, before exec)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


END_WITH_PARENT = _die_with_parent if sys.platform == "linux" else None
"""What a child runs before exec (`preexec_fn`) so that it ends with the thread that started it; None elsewhere."""


def spawn(command: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start a process whose output goes to the end of `log` and which ends when we end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            list(command),
            env={**os.environ, **environment, PARENT_VARIABLE: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=END_WITH_PARENT,  # noqa: PLW1509 - no threads run yet in the child
        )


def stop_event() -> threading.Event:
    """Return the event that is set when this process shall end."""
    stop = threading.Event()
    stop_on_signals(stop)
    parent = os.environ.get(PARENT_VARIABLE)
    threading.Thread(target=_watch, args=(stop, parent), daemon=True).start()
    return stop


def _watch(stop: threading.Event, parent: str | None) -> None:
    """Set `stop` when the parent is gone; end this process if stopping takes too long."""
    while not stop.wait(0.5):
        if parent and os.getppid() != int(parent):
            stop.set()
    time.sleep(GRACE_S)
    print(f"still running {GRACE_S:.0f} s after the request to end: ending now", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(70)
