"""The file anchor: a file of lines, one per checkpoint, to be printed, copied to USB or posted.

The line itself proves nothing; a copy out of the city's control does. An append is durable before `submit` returns.
A checkpoint that is already the file's last line is not appended again.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ledger_sink.anchor.contract import Receipt
from ledger_sink.errors import AnchorUnavailableError
from ledger_sink.receipt.errors import ReceiptError
from ledger_sink.receipt.kinds import LINE, ReceiptTrust, verify_receipt
from ledger_sink.receipt.printed import MAX_LINE_BYTES, PrintedLine, parse_copy
from ledger_sink.regular_file import open_regular, read_regular

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ledger_sink.anchor.contract import Pending
    from ledger_sink.receipt.attestation import Attestation


class FileAnchor:
    """An anchor that appends lines to a file."""

    suffix = LINE

    def __init__(self, name: str, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.name = name
        self._path = path
        self._clock = clock

    def submit(self, checkpoint: bytes) -> Pending | Receipt:
        """Append a checkpoint's line; see `Anchor.submit`."""
        line = PrintedLine.of(checkpoint, int(self._clock() * 1000))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            last = self._last()
            if last is not None and last.digest == line.digest:
                return Receipt(last.encode())
            self._append(line.encode())
        except OSError as error:
            raise AnchorUnavailableError(f"{self._path}: {error.strerror or error}") from error
        return Receipt(line.encode())

    def poll(self, checkpoint: bytes, pending: Pending) -> Pending | Receipt:
        """Submit again: this anchor never answers with `Pending`."""
        del pending
        return self.submit(checkpoint)

    def verify(self, checkpoint: bytes, receipt: bytes, trust: ReceiptTrust | None = None) -> Attestation:
        """Compare a line with the file, or with a reader's copies; see `Anchor.verify`."""
        if trust is None:
            try:
                trust = ReceiptTrust(copies=parse_copy(read_regular(self._path)))
            except OSError as error:
                raise ReceiptError(f"{self._path}: {error.strerror or error}") from error
        return verify_receipt(f"{self.name}.{self.suffix}", checkpoint, receipt, trust)

    def _last(self) -> PrintedLine | None:
        """Return the last line, or `None` if there is none or a crash truncated it."""
        try:
            with open_regular(self._path) as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 2 * MAX_LINE_BYTES))
                lines = file.read().splitlines(keepends=True)
            return PrintedLine.parse(lines[-1])
        except (FileNotFoundError, IndexError, ReceiptError):
            return None

    def _append(self, line: bytes) -> None:
        with self._path.open("ab+") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - 1))
            torn = b"\n# cut short\n" if end and file.read(1) != b"\n" else b""
            file.write(torn + line)
            file.flush()
            os.fsync(file.fileno())
