"""SIGTERM and SIGINT as an event, for any process of the platform and for an auditor's witness.

A handler that set the event itself could tie the process up for ever: it may run while its own thread holds the event's
lock, or within itself. This one takes no lock: it writes a byte, and a thread sets the event.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading


def stop_on_signals(stop: threading.Event) -> None:
    """Have SIGTERM and SIGINT set an event; call it in the main thread."""
    asked, ask = os.pipe()
    os.set_blocking(ask, False)

    def on_signal(_number: int, _frame: object) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(ask, b".")

    def wait() -> None:
        os.read(asked, 1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    threading.Thread(target=wait, daemon=True).start()
