"""SIGTERM and SIGINT as an event, for every process of the platform and for an auditor's witness.

A handler that sets the event itself can deadlock: it may run while its own thread holds the event's lock, or within
itself. This handler takes no lock: it writes a byte to a pipe, and a thread sets the event.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading


def stop_on_signals(stop: threading.Event) -> None:
    """Set an event on SIGTERM or SIGINT. Call this in the main thread."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def on_signal(_number: int, _frame: object) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(writer, b".")

    def wait() -> None:
        os.read(reader, 1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    threading.Thread(target=wait, daemon=True).start()
