"""The line for print and USB: a checkpoint in one line, which a reader copies and keeps (FORMAT.md §11.3).

    city-anchor/v1 <origin> <size> <base64 root> <base64 SHA-256 of the checkpoint> <time>

The line has no signature. It is evidence only for a reader whose copy was out of the city's control.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from ledger_sink.format.block import parse_time, time_text
from ledger_sink.format.checkpoint import Checkpoint, parse_checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import Origin
from ledger_sink.format.scan import base64_text, decimal, hash_bytes, text_lines
from ledger_sink.receipt.attestation import Attestation, AttestationKind
from ledger_sink.receipt.errors import ReceiptError, UntrustedError

FIRST_WORD = "city-anchor/v1"
MAX_LINE_BYTES = 1000


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """A parsed line: the checkpoint, its digest, and the time of the line in milliseconds since 1970 UTC."""

    head: Checkpoint
    digest: bytes
    """SHA-256 of the checkpoint's bytes, signatures included."""
    time_ms: int

    def encode(self) -> bytes:
        """Encode the line; `PrintedLine.parse(line.encode()) == line`."""
        root, digest = base64_text(self.head.root), base64_text(self.digest)
        words = (FIRST_WORD, self.head.origin, str(self.head.size), root, digest, time_text(self.time_ms))
        return f"{' '.join(words)}\n".encode()

    @classmethod
    def of(cls, checkpoint: bytes, time_ms: int) -> PrintedLine:
        """Return the line of a signed checkpoint.

        Raises:
            FormatError: if the bytes are no checkpoint.
        """
        return cls(parse_checkpoint(checkpoint)[0], sha256(checkpoint).digest(), time_ms)

    @classmethod
    def parse(cls, data: bytes) -> PrintedLine:
        """Parse one line, newline included.

        Raises:
            ReceiptError: if it is malformed.
        """
        try:
            (line,) = text_lines(data, FormatError, "line")
            first, origin, size, root, digest, time = line.split(" ")
            Origin.parse(origin)
            head = Checkpoint(
                origin, decimal(size, FormatError, "size"), hash_bytes(root, FormatError, "root")
            )
            parsed = cls(head, hash_bytes(digest, FormatError, "digest"), parse_time(time))
        except (ValueError, FormatError) as error:
            raise ReceiptError(
                f"line: expected '{FIRST_WORD} origin size root digest time': {error}"
            ) from None
        if first != FIRST_WORD or parsed.encode() != data:
            raise ReceiptError(f"line: expected {parsed.encode()!a}, got {data[:MAX_LINE_BYTES]!a}")
        return parsed


def parse_copy(data: bytes) -> tuple[PrintedLine, ...]:
    """Parse a reader's own copy: such lines, empty lines and `#` comments.

    Raises:
        ReceiptError: if a line is none of these.
    """
    lines = (line.strip() for line in data.splitlines())
    return tuple(PrintedLine.parse(line + b"\n") for line in lines if line and not line.startswith(b"#"))


def verify(checkpoint: bytes, receipt: bytes, copies: tuple[PrintedLine, ...]) -> Attestation:
    """Verify a checkpoint's line against the lines that the reader kept.

    Args:
        checkpoint: the signed checkpoint, as bytes.
        receipt: its line.
        copies: the lines that the reader kept.

    Raises:
        ReceiptError: if the line is of another checkpoint, or a kept line has another root: the log was forked.
        UntrustedError: if no kept line is of this checkpoint's origin and size.
    """
    line = PrintedLine.parse(receipt)
    expected = PrintedLine.of(checkpoint, line.time_ms)
    if line != expected:
        raise ReceiptError(f"line: it is of {line.head.origin} at {line.head.size}, not of this checkpoint")
    for kept in copies:
        if (kept.head.origin, kept.head.size) == (line.head.origin, line.head.size):
            if kept.head.root != line.head.root:
                raise ReceiptError(
                    f"your copy says that {kept.head.origin} at size {kept.head.size} has root "
                    f"{kept.head.root.hex()}, here it has {line.head.root.hex()}: the log was forked"
                )
            return Attestation(
                AttestationKind.EXISTED_BY,
                kept.time_ms // 1000,
                "your own copy of its line",
                ("that your copy was out of the city's hands since then",),
            )
    raise UntrustedError(
        f"compare it with a copy of your own (--anchor-copy FILE): {receipt.decode('ascii').strip()}"
    )
