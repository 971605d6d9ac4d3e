r"""C2SP tlog-cosignature v1.0.1, Ed25519 (type `04`): a witness's timestamped signature on a checkpoint.

It states: "as of this time, the largest consistent tree that I observed for this origin has this root".
Its bytes are `u64 POSIX seconds ‖ 64-byte signature`. The signature covers `cosignature/v1\ntime <seconds>\n` and
then the text. The message does not name the witness, so each witness needs a key of its own.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.cosignature_message import cosigned_message, split_cosignature
from ledger_sink.format.ed25519 import public_key_of
from ledger_sink.format.errors import CosignatureFormatError, KeyFormatError
from ledger_sink.format.key_name import require_key_name
from ledger_sink.format.note import COSIGNATURE, Note, Signature, VerifierKey
from ledger_sink.format.scan import MAX_SIZE, excerpt


@dataclass(frozen=True, slots=True, repr=False)
class CosigningKey:
    """A witness's Ed25519 signing key (type `04`), from its 32-byte seed. Its `repr` hides the seed."""

    name: str
    seed: bytes

    def __post_init__(self) -> None:
        require_key_name(self.name, KeyFormatError)
        if len(self.seed) != 32:
            raise KeyFormatError(
                f"key {excerpt(self.name)}: expected a seed of 32 bytes, got {len(self.seed)}"
            )

    def __repr__(self) -> str:
        return f"CosigningKey({self.name!r}, ***)"

    @property
    def verifier(self) -> VerifierKey:
        """Return the public key."""
        return VerifierKey(self.name, COSIGNATURE, public_key_of(self.seed))

    @property
    def vkey(self) -> str:
        """Return the public key in text form."""
        return self.verifier.vkey

    def cosign(self, text: str, time_s: int) -> Signature:
        """Sign a checkpoint's text as a witness.

        Args:
            text: text of the checkpoint; the caller verified that it is consistent with all cosigned before.
            time_s: now, in POSIX seconds; a witness must not use 0 (C2SP tlog-witness).

        Raises:
            CheckpointFormatError: if the text is no checkpoint.
            CosignatureFormatError: if the time is not 1 to 2^63 - 1.
        """
        Checkpoint.parse(text)
        if not 1 <= time_s <= MAX_SIZE:
            raise CosignatureFormatError(f"cosignature time: expected 1 to {MAX_SIZE}, got {time_s}")
        raw = Ed25519PrivateKey.from_private_bytes(self.seed).sign(cosigned_message(text, time_s))
        return Signature(self.name, self.verifier.key_id, time_s.to_bytes(8, "big") + raw)


def verify_cosignature(key: VerifierKey, text: str, signature: Signature) -> int:
    """Verify a witness's cosignature; return its time in POSIX seconds.

    Raises:
        KeyFormatError: if the key is not of type `04`.
        SignatureError: if the line names another key or the signature is wrong.
    """
    if key.algorithm != COSIGNATURE:
        raise KeyFormatError(
            f"key {key.name}: expected a cosigner's key (type 04), got type {key.algorithm:02x}"
        )
    key.verify(text, signature)
    return split_cosignature(signature.signature)[0]


def cosignature_times(note: Note, key: VerifierKey) -> tuple[int, ...]:
    """Return the time of each cosignature of this witness on a note, in POSIX seconds and the note's order.

    Raises:
        SignatureError: if one of its cosignatures is wrong.
    """
    return tuple(verify_cosignature(key, note.text, line) for line in note.signatures if key.matches(line))
