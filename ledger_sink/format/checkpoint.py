r"""C2SP tlog-checkpoint v1.0.0: the signed head of a log.

The text is `<origin>\n<size>\n<base64 root>\n`, then opaque extension lines (ours have none).
`parse_checkpoint` checks the form only. `open_checkpoint` also requires the log's own signature; cosignatures of
witnesses do not replace it.
"""

from dataclasses import dataclass

from ledger_sink.format.errors import CheckpointFormatError, SignatureError
from ledger_sink.format.note import Note, SigningKey, VerifierKey, parse_note, sign_note, verify_note
from ledger_sink.format.scan import (
    HASH_BYTES,
    MAX_SIZE,
    base64_text,
    decimal,
    excerpt,
    hash_bytes,
    text_of_lines,
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: the log's origin, its number of leaves and its root (32 bytes), and extension lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin:
            raise CheckpointFormatError(
                f"checkpoint origin: expected one non-empty line, got {excerpt(self.origin)}"
            )
        if not 0 <= self.size <= MAX_SIZE:
            raise CheckpointFormatError(f"checkpoint size: expected 0 to {MAX_SIZE}, got {self.size}")
        if len(self.root) != HASH_BYTES:
            raise CheckpointFormatError(f"checkpoint root: expected 32 bytes, got {len(self.root)}")
        if any(not line or "\n" in line for line in self.extensions):
            raise CheckpointFormatError("checkpoint extension lines: expected non-empty single lines")

    @property
    def text(self) -> str:
        """Return the text of the note that states this checkpoint."""
        lines = (self.origin, str(self.size), base64_text(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Parse a note's text.

        Raises:
            CheckpointFormatError: if a line is missing, empty or malformed.
        """
        lines = text_of_lines(text, CheckpointFormatError, "checkpoint")
        if len(lines) < 3:
            raise CheckpointFormatError(f"checkpoint: expected at least 3 lines, got {len(lines)}")
        return cls(
            lines[0],
            decimal(lines[1], CheckpointFormatError, "checkpoint size"),
            hash_bytes(lines[2], CheckpointFormatError, "checkpoint root"),
            tuple(lines[3:]),
        )


def parse_checkpoint(data: bytes) -> tuple[Checkpoint, Note]:
    """Parse a signed checkpoint; verify no signature.

    Raises:
        NoteFormatError: if the bytes are no note.
        CheckpointFormatError: if its text is no checkpoint.
    """
    note = parse_note(data)
    return Checkpoint.parse(note.text), note


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> bytes:
    """Sign a checkpoint with its log's key.

    The caller must have verified that it is consistent with every checkpoint signed before: a log signs no fork.

    Raises:
        CheckpointFormatError: if the key's name is not the checkpoint's origin.
    """
    if key.name != checkpoint.origin:
        raise CheckpointFormatError(
            f"checkpoint of {checkpoint.origin}: expected its own key, got {key.name}"
        )
    return sign_note(checkpoint.text, [key])


def open_checkpoint(data: bytes, log_key: VerifierKey) -> tuple[Checkpoint, Note]:
    """Parse a checkpoint and verify that this log signed it. The log's key name is its origin.

    Raises:
        NoteFormatError: if the bytes are no note.
        CheckpointFormatError: if its text is no checkpoint or has another origin than the key.
        SignatureError: if the log's signature is missing or wrong.
    """
    checkpoint, note = parse_checkpoint(data)
    if checkpoint.origin != log_key.name:
        raise CheckpointFormatError(
            f"checkpoint origin: expected {log_key.name}, got {excerpt(checkpoint.origin)}"
        )
    try:
        verify_note(note, [log_key])
    except SignatureError as problem:
        raise SignatureError(f"checkpoint of {checkpoint.origin} at {checkpoint.size}: {problem}") from None
    return checkpoint, note
