r"""C2SP tlog-witness v1.0.0: the bodies of `add-checkpoint` requests and responses.

A request is `old <size>\n`, up to 63 proof lines, an empty line, and the signed checkpoint verbatim.
A 200 response holds bare signature lines; a 409 response holds `<size>\n` as `text/x.tlog.size`.
`ledger_sink/witness/server.py` decides on 403, 404, 409 and 422, and answers 400 to what is malformed here.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.errors import WitnessRequestFormatError
from ledger_sink.format.note import MAX_NOTE_BYTES, Signature, parse_signatures
from ledger_sink.format.scan import MAX_SIZE, base64_text, decimal, proof_hashes, text_lines

ADD_CHECKPOINT: Final = "add-checkpoint"
VKEY_PATH: Final = "vkey"
"""Path at which a witness of ours serves its verifier key; not part of the specification."""
SIZE_CONTENT_TYPE: Final = "text/x.tlog.size"
MAX_REQUEST_BYTES: Final = MAX_NOTE_BYTES + 4096


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to cosign a checkpoint.

    Attributes:
        old_size: size of the checkpoint that the witness last cosigned, by the client's knowledge.
        proof: consistency proof from that size.
        checkpoint: the signed checkpoint, as bytes.
    """

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def encode(self) -> bytes:
        """Encode the body; `AddCheckpoint.parse(request.encode()) == request`."""
        lines = (f"old {self.old_size}", *(base64_text(value) for value in self.proof), "")
        return "".join(f"{line}\n" for line in lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> "AddCheckpoint":
        """Parse a body and check the form of its checkpoint; verify no signature.

        Raises:
            WitnessRequestFormatError: if the body is malformed.
            NoteFormatError: if its checkpoint is no note.
            CheckpointFormatError: if that note is no checkpoint.
        """
        if len(data) > MAX_REQUEST_BYTES:
            raise WitnessRequestFormatError(
                f"body: expected at most {MAX_REQUEST_BYTES} bytes, got {len(data)}"
            )
        head, separator, checkpoint = data.partition(b"\n\n")
        if not separator:
            raise WitnessRequestFormatError("body: expected an empty line before the checkpoint")
        first, *proof = text_lines(head + b"\n", WitnessRequestFormatError, "body")
        if not first.startswith("old "):
            raise WitnessRequestFormatError("body: expected 'old <size>' as first line")
        parse_checkpoint(checkpoint)
        return cls(
            decimal(first[4:], WitnessRequestFormatError, "old size", MAX_SIZE),
            proof_hashes(proof, WitnessRequestFormatError, "consistency"),
            checkpoint,
        )


def encode_cosignatures(signatures: tuple[Signature, ...]) -> bytes:
    """Encode the body of a 200 response."""
    return "".join(signature.line for signature in signatures).encode()


def parse_cosignatures(data: bytes) -> tuple[Signature, ...]:
    """Parse the body of a 200 response; verify no signature.

    Raises:
        NoteFormatError: if it is not one or more signature lines.
    """
    return parse_signatures(data)


def encode_size(size: int) -> bytes:
    """Encode the body of a 409 response: the size that the witness last cosigned."""
    return f"{size}\n".encode()


def parse_size(data: bytes) -> int:
    """Parse the body of a 409 response.

    Raises:
        WitnessRequestFormatError: if it is not a decimal and a newline.
    """
    lines = text_lines(data[:100], WitnessRequestFormatError, "size")
    if len(lines) != 1:
        raise WitnessRequestFormatError(f"size: expected one line, got {len(lines)}")
    return decimal(lines[0], WitnessRequestFormatError, "size")


def monitoring_path(origin: str) -> str:
    """Return the path at which a witness serves its last cosigned checkpoint of a log.

    It is `<hex SHA-256(origin)>/checkpoint` (C2SP tlog-witness, monitoring).
    """
    return f"{sha256(origin.encode()).hexdigest()}/checkpoint"
