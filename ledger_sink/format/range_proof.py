r"""A range proof: leaves are all those between two indexes of a log, with its checkpoint (FORMAT.md §6.1).

    city-range-proof/v1\n
    range <first index> <index after the last>\n
    <base64 hash>\n             0 to 126 lines: the largest subtrees outside the range, left to right
    \n
    <checkpoint verbatim>

It proves a run of leaves as a tlog-proof proves one leaf. Leaves, keys and policy come from the verifier, never from
the proof.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger_sink.format.checkpoint import Checkpoint, parse_checkpoint
from ledger_sink.format.errors import RangeProofFormatError
from ledger_sink.format.merkle import leaf_hashes, verify_range
from ledger_sink.format.scan import MAX_PROOF_HASHES, base64_text, decimal, hash_bytes, text_lines
from ledger_sink.format.tlog_proof import MAX_PROOF_BYTES

FIRST_LINE: Final = "city-range-proof/v1"
MAX_HASHES: Final = 2 * MAX_PROOF_HASHES


@dataclass(frozen=True, slots=True)
class RangeProof:
    """A parsed range proof.

    Attributes:
        first: index of the first leaf of the range.
        end: index after the last leaf of the range.
        proof: roots of the largest subtrees outside the range, left to right.
        checkpoint: the signed checkpoint, as bytes.
    """

    first: int
    end: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def encode(self) -> bytes:
        """Encode the proof; `RangeProof.parse(proof.encode()) == proof`."""
        lines = (FIRST_LINE, f"range {self.first} {self.end}", *map(base64_text, self.proof), "")
        return "".join(f"{line}\n" for line in lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> "RangeProof":
        """Parse a proof and check the form of its checkpoint; verify nothing.

        Raises:
            RangeProofFormatError: if the lines before the checkpoint are malformed.
            NoteFormatError: if the checkpoint is no note.
            CheckpointFormatError: if that note is no checkpoint.
        """
        error = RangeProofFormatError
        if len(data) > MAX_PROOF_BYTES:
            raise error(f"range proof: expected at most {MAX_PROOF_BYTES} bytes, got {len(data)}")
        head, separator, checkpoint = data.partition(b"\n\n")
        if not separator:
            raise error("range proof: expected an empty line before the checkpoint")
        first_line, *lines = text_lines(head + b"\n", error, "range proof")
        if first_line != FIRST_LINE:
            raise error(f"range proof: expected {FIRST_LINE!r} as first line")
        words = lines[0].split(" ") if lines else []
        if len(words) != 3 or words[0] != "range":
            raise error("range proof: expected a 'range <first> <end>' line")
        first, end = (decimal(word, error, "range proof index") for word in words[1:])
        if first >= end:
            raise error(f"range proof: expected first below end, got {first} and {end}")
        if len(lines) - 1 > MAX_HASHES:
            raise error(f"range proof: expected at most {MAX_HASHES} hashes, got {len(lines) - 1}")
        hashes = tuple(hash_bytes(line, error, f"range proof line {i}") for i, line in enumerate(lines[1:]))
        parse_checkpoint(checkpoint)
        return cls(first, end, hashes, checkpoint)

    def head(self) -> Checkpoint:
        """Return the checkpoint's content. The caller verifies its signatures."""
        return parse_checkpoint(self.checkpoint)[0]

    def verify_leaves(self, leaves: Sequence[bytes]) -> None:
        """Verify that these are all leaves of the range, in order, under the checkpoint's root.

        Args:
            leaves: the leaves' data, not their hashes.

        Raises:
            ProofError: if they are not.
            RangeProofFormatError: if their number is not that of the range.
        """
        if len(leaves) != self.end - self.first:
            raise RangeProofFormatError(
                f"range proof: expected {self.end - self.first} leaves, got {len(leaves)}"
            )
        head = self.head()
        verify_range(leaf_hashes(leaves), self.first, head.size, self.proof, head.root)
