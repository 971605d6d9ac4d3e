r"""A range proof: that leaves are all of those between two indexes, with its checkpoint (FORMAT.md §6.1).

    city-range-proof/v1\n
    range <first index> <index after the last>\n
    <base64 hash>\n             0 to 126 lines: the largest subtrees outside the range, left to right
    \n
    <checkpoint verbatim>

It is to a run of leaves what a tlog-proof is to one. The leaves, the keys and the policy come from the
verifier's side, never from the proof.
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
    """First index, the index after the last, the subtree roots outside, and the signed checkpoint (its bytes)."""

    first: int
    end: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def encode(self) -> bytes:
        """Spell the proof; `RangeProof.parse(proof.encode()) == proof`."""
        lines = (FIRST_LINE, f"range {self.first} {self.end}", *map(base64_text, self.proof), "")
        return "".join(f"{line}\n" for line in lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> "RangeProof":
        """Read a proof; the form of its checkpoint is checked, nothing is verified.

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
        """Return the checkpoint's content; its signatures are the caller's to check."""
        return parse_checkpoint(self.checkpoint)[0]

    def verify_leaves(self, leaves: Sequence[bytes]) -> None:
        """Check that these are all leaves of the range, in order, under the checkpoint's root.

        Raises:
            ProofError: if they are not.
            RangeProofFormatError: if they are more or fewer than the range says.
        """
        if len(leaves) != self.end - self.first:
            raise RangeProofFormatError(
                f"range proof: expected {self.end - self.first} leaves, got {len(leaves)}"
            )
        head = self.head()
        verify_range(leaf_hashes(leaves), self.first, head.size, self.proof, head.root)
