"""`job.txt`: the receipts that were requested for one city checkpoint (FORMAT.md §11).

It makes a missing receipt detectable.

    city-anchors/v1
    <origin of the city log>
    <size of the anchored checkpoint>
    <base64 SHA-256 of checkpoint.txt>
    <size of the checkpoint anchored before it, 0 for none>
    <time, RFC 3339 UTC, milliseconds>
    <receipt's file name>                  1 to 32 lines, strictly rising
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from ledger_sink.format.block import parse_time, time_text
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import Origin
from ledger_sink.format.scan import base64_text, decimal, hash_bytes, text_lines
from ledger_sink.receipt.errors import ReceiptError
from ledger_sink.receipt.kinds import kind_of

FIRST_LINE = "city-anchors/v1"
MAX_RECEIPTS = 32


@dataclass(frozen=True, slots=True)
class Job:
    """One anchored checkpoint and the receipts that were requested for it.

    Attributes:
        origin: origin of the city log.
        size: size of the anchored checkpoint, in blocks.
        digest: SHA-256 of the anchored checkpoint's bytes.
        previous: size of the checkpoint anchored before; 0 for none.
        time_ms: time of the request, in milliseconds since 1970 UTC.
        receipts: file names of the receipts, strictly rising.
    """

    origin: str
    size: int
    digest: bytes
    previous: int
    time_ms: int
    receipts: tuple[str, ...]

    def encode(self) -> bytes:
        """Encode the job; `Job.parse(job.encode()) == job`."""
        lines = (
            FIRST_LINE,
            self.origin,
            str(self.size),
            base64_text(self.digest),
            str(self.previous),
            time_text(self.time_ms),
            *self.receipts,
        )
        return "".join(f"{line}\n" for line in lines).encode()

    @classmethod
    def parse(cls, data: bytes) -> Job:
        """Parse a job.

        Raises:
            ReceiptError: if it is malformed.
        """
        try:
            first, origin, size, digest, previous, time, *receipts = text_lines(data, FormatError, "job")
            if first != FIRST_LINE or not Origin.parse(origin).is_city:
                raise FormatError(f"expected {FIRST_LINE!r} and a city log's origin")  # noqa: TRY301
            job = cls(
                origin,
                decimal(size, FormatError, "size"),
                hash_bytes(digest, FormatError, "digest"),
                decimal(previous, FormatError, "previous size"),
                parse_time(time),
                tuple(receipts),
            )
            for name in receipts:
                kind_of(name)
        except (FormatError, ValueError) as error:
            raise ReceiptError(f"job.txt: {error}") from None
        if not 1 <= len(receipts) <= MAX_RECEIPTS or any(a >= b for a, b in pairwise(receipts)):
            raise ReceiptError(f"job.txt: expected 1 to {MAX_RECEIPTS} receipts, strictly rising")
        if not job.previous < job.size:
            raise ReceiptError(f"job.txt: expected a previous size below {job.size}, got {job.previous}")
        return job
