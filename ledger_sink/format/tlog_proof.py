r"""C2SP tlog-proof (commit 5ba5ee8): an inclusion proof and the checkpoint that it leads to, `.tlog-proof`.

    c2sp.org/tlog-proof@v1\n
    [extra <base64>\n]          not authenticated
    index <decimal>\n
    <base64 hash>\n             0 to 63 lines, the leaf's sibling first
    \n
    <checkpoint verbatim>

Leaf, keys and policy come from the verifier, never from the proof.
"""

from dataclasses import dataclass
from typing import Final

from ledger_sink.format.checkpoint import Checkpoint, parse_checkpoint
from ledger_sink.format.errors import TlogProofFormatError
from ledger_sink.format.merkle import leaf_hash, verify_inclusion
from ledger_sink.format.note import MAX_NOTE_BYTES
from ledger_sink.format.scan import base64_bytes, base64_text, decimal, proof_hashes, text_lines

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
MAX_PROOF_BYTES: Final = 2 * MAX_NOTE_BYTES


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A parsed inclusion proof.

    Attributes:
        index: index of the leaf, from 0.
        proof: sibling hashes, the leaf's own sibling first.
        checkpoint: the signed checkpoint, as bytes.
        extra: unauthenticated extra data, or `None`.
    """

    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def encode(self) -> bytes:
        """Encode the proof; `TlogProof.parse(proof.encode()) == proof`."""
        extra = () if self.extra is None else (f"extra {base64_text(self.extra)}",)
        hashes = (base64_text(value) for value in self.proof)
        lines = (FIRST_LINE, *extra, f"index {self.index}", *hashes, "")
        return "".join(f"{line}\n" for line in lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> "TlogProof":
        """Parse a proof and check the form of its checkpoint; verify nothing.

        Raises:
            TlogProofFormatError: if the lines before the checkpoint are malformed.
            NoteFormatError: if the checkpoint is no note.
            CheckpointFormatError: if that note is no checkpoint.
        """
        if len(data) > MAX_PROOF_BYTES:
            raise TlogProofFormatError(f"proof: expected at most {MAX_PROOF_BYTES} bytes, got {len(data)}")
        head, separator, checkpoint = data.partition(b"\n\n")
        if not separator:
            raise TlogProofFormatError("proof: expected an empty line before the checkpoint")
        first, *lines = text_lines(head + b"\n", TlogProofFormatError, "proof")
        if first != FIRST_LINE:
            raise TlogProofFormatError(f"proof: expected {FIRST_LINE!r} as first line")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = base64_bytes(lines.pop(0)[6:], TlogProofFormatError, "proof extra")
        if not lines or not lines[0].startswith("index "):
            raise TlogProofFormatError("proof: expected an 'index <decimal>' line")
        index = decimal(lines[0][6:], TlogProofFormatError, "proof index")
        hashes = proof_hashes(lines[1:], TlogProofFormatError, "inclusion")
        parse_checkpoint(checkpoint)
        return cls(index, hashes, checkpoint, extra)

    def head(self) -> Checkpoint:
        """Return the checkpoint's content. The caller verifies its signatures."""
        return parse_checkpoint(self.checkpoint)[0]

    def verify_leaf(self, leaf: bytes) -> None:
        """Verify that a leaf has the proof's index under its checkpoint's root.

        Args:
            leaf: the leaf's data, not its hash.

        Raises:
            ProofError: if it has not.
        """
        head = self.head()
        verify_inclusion(leaf_hash(leaf), self.index, head.size, self.proof, head.root)
