r"""C2SP tlog-cosignature v1.0.1, Ed25519 (type `04`): a witness's timestamped signature on a checkpoint.

It says: "as of this time, the largest consistent tree I saw for this origin has this root".
Its bytes are `u64 POSIX seconds ‖ 64-byte signature`, signed over `cosignature/v1\ntime <seconds>\n` and
the text.
The message does not name the cosigner, so a key must serve one cosigner only.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.errors import CosignatureFormatError, KeyFormatError
from ledger_sink.format.note import (
    COSIGNATURE,
    Note,
    Signature,
    VerifierKey,
    cosigned_message,
    public_key_of,
    require_key_name,
    split_cosignature,
)
from ledger_sink.format.scan import MAX_SIZE, shown


@dataclass(frozen=True, slots=True, repr=False)
class CosigningKey:
    """A witness's Ed25519 key (type `04`), from its 32-byte seed. It never prints its seed."""

    name: str
    seed: bytes

    def __post_init__(self) -> None:
        require_key_name(self.name, KeyFormatError)
        if len(self.seed) != 32:
            raise KeyFormatError(f"key {shown(self.name)}: expected a seed of 32 bytes, got {len(self.seed)}")

    def __repr__(self) -> str:
        return f"CosigningKey({self.name!r}, ***)"

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, COSIGNATURE, public_key_of(self.seed))

    @property
    def vkey(self) -> str:
        """The public half as text."""
        return self.verifier.vkey

    def cosign(self, text: str, time_s: int) -> Signature:
        """Cosign a checkpoint's text.

        Args:
            text: the note text of the checkpoint, checked by the caller for consistency with all seen before.
            time_s: now, in POSIX seconds; a witness must not use 0 (tlog-witness).

        Raises:
            CheckpointFormatError: if the text is no checkpoint.
            CosignatureFormatError: if the time is 0 or cannot be written.
        """
        Checkpoint.parse(text)
        if not 1 <= time_s <= MAX_SIZE:
            raise CosignatureFormatError(f"cosignature time: expected 1 to {MAX_SIZE}, got {time_s}")
        raw = Ed25519PrivateKey.from_private_bytes(self.seed).sign(cosigned_message(text, time_s))
        return Signature(self.name, self.verifier.key_id, time_s.to_bytes(8, "big") + raw)


def verify_cosignature(key: VerifierKey, text: str, signature: Signature) -> int:
    """Check a witness's cosignature and return its time in POSIX seconds.

    Raises:
        KeyFormatError: if the key is not a cosigner's.
        SignatureError: if the line names another key or the signature is wrong.
    """
    if key.algorithm != COSIGNATURE:
        raise KeyFormatError(
            f"key {key.name}: expected a cosigner's key (type 04), got type {key.algorithm:02x}"
        )
    key.verify(text, signature)
    return split_cosignature(signature.signature)[0]


def cosignature_times(note: Note, key: VerifierKey) -> tuple[int, ...]:
    """Return the times of every cosignature of this witness on a note, in the note's order; empty if none.

    Raises:
        SignatureError: if one of them is wrong.
    """
    return tuple(verify_cosignature(key, note.text, line) for line in note.signatures if key.matches(line))
