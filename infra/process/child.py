"""A child process of the stack: how it is started, and how it notices the end of its parent.

The parent starts children with `spawn`. Each has a session of its own, so that Ctrl-C reaches the parent only; on
Linux the kernel sends it SIGTERM when the parent dies. A Python child calls `stop_event`, which turns SIGTERM, SIGINT
and the loss of its parent into one `threading.Event`. If the orderly stop takes longer than `GRACE_S`, the process
exits at once.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ledger_sink.signals import stop_on_signals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

GRACE_S = 9.0
"""Seconds from the request to stop until the process exits at once (docs/delivery.md#stopping)."""

DEAD_THREAD = 70
"""Exit code of a process that ends because one of its threads ended by an error."""

PARENT_VARIABLE = "CITY_PARENT"
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Ask Linux to send SIGTERM when the parent goes (runs in the child, before exec)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


END_WITH_PARENT = _die_with_parent if sys.platform == "linux" else None
"""The `preexec_fn` with which a child ends together with the thread that started it; None outside Linux."""


def spawn(
    command: Sequence[str], environment: Mapping[str, str], log: Path, first_line: str = ""
) -> subprocess.Popen[bytes]:
    """Start a process that ends together with this one.

    Args:
        command: Program and arguments.
        environment: Variables on top of this process's own.
        log: File to which its output is appended.
        first_line: Line that is written to the log before; empty: none.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        if first_line:
            with suppress(OSError):  # a full disk is reported by what starts
                output.write(f"{first_line}\n".encode())
                output.flush()
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
    """Return an event that is set on SIGTERM, SIGINT or the loss of the parent."""
    stop = threading.Event()
    stop_on_signals(stop)
    parent = os.environ.get(PARENT_VARIABLE)
    threading.Thread(target=_watch, args=(stop, parent), daemon=True).start()
    return stop


def end_with_threads(stop: threading.Event) -> None:
    """End the process when one of its threads ends by an error: the rest must not go on without it.

    While `stop` is set, the process ends anyway, and the error is only printed.
    """
    usual = threading.excepthook

    def end(arguments: threading.ExceptHookArgs) -> None:
        usual(arguments)
        if stop.is_set() or arguments.exc_type is SystemExit:
            return
        name = arguments.thread.name if arguments.thread else "of a library"
        kind = arguments.exc_type.__name__
        print(  # noqa: T201
            f"thread {name} ended by {kind}: {arguments.exc_value}: ending the process; start again, nothing is lost",
            file=sys.stderr,
            flush=True,
        )
        os._exit(DEAD_THREAD)

    threading.excepthook = end


def _watch(stop: threading.Event, parent: str | None) -> None:
    """Set `stop` when the parent is gone; exit the process if stopping takes too long."""
    while not stop.wait(0.5):
        if parent and os.getppid() != int(parent):
            stop.set()
    time.sleep(GRACE_S)
    print(f"still running {GRACE_S:.0f} s after the request to end: ending now", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(70)
