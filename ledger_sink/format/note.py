"""C2SP signed-note v1.0.0: signed text, verifier keys, and Ed25519 signing.

A note is text ending in a newline, an empty line, and lines `— <key name> <base64(key id ‖ signature)>`.
The last empty line is the separator. Signatures of unknown keys are ignored. A wrong signature of a known key
invalidates the whole note, and so does the lack of a valid signature of a known key. Supported signature types
are `01` (Ed25519) and `04` (timestamped cosignature, see `cosignature.py`).

The caller decides which key must have signed. A note with witness signatures alone passes `verify_note` if the
witnesses are among the known keys; `checkpoint.open_checkpoint` requires the log's own signature.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_sink.format.cosignature_message import cosigned_message, split_cosignature
from ledger_sink.format.ed25519 import public_key_of, require_public_key, signature_fits
from ledger_sink.format.errors import (
    CosignatureFormatError,
    KeyFormatError,
    NoteFormatError,
    SignatureError,
)
from ledger_sink.format.key_name import require_key_name
from ledger_sink.format.scan import base64_bytes, base64_text, excerpt, text_lines, text_of_lines

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
MAX_NOTE_BYTES: Final = 1_000_000
MAX_SIGNATURES: Final = 100

_SEED_BYTES: Final = 32
_KEY_ID_BYTES: Final = 4
_LINE_START: Final = "— "


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the name and key id of the claimed signer, and the signature's bytes."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """Return the line as a note holds it, newline included."""
        return f"{_LINE_START}{self.name} {base64_text(self.key_id + self.signature)}\n"

    @classmethod
    def parse(cls, line: str) -> "Signature":
        """Parse one signature line without its newline.

        Raises:
            NoteFormatError: if the line is not `— <name> <base64>` with at least one byte after the key id.
        """
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if dash != _LINE_START.strip():
            raise NoteFormatError(f"signature line: expected '— <name> <base64>', got {excerpt(line)}")
        require_key_name(name, NoteFormatError)
        data = base64_bytes(encoded, NoteFormatError, f"signature of {excerpt(name)}")
        if len(data) <= _KEY_ID_BYTES:
            raise NoteFormatError(
                f"signature of {excerpt(name)}: expected more than 4 bytes, got {len(data)}"
            )
        return cls(name, data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. Nothing in it is trusted before `verify_note`."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """Encode the note; `parse_note(note.encode()) == note`."""
        return f"{self.text}\n{''.join(s.line for s in self.signatures)}".encode()


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name and signature type (C2SP signed-note, "Verifier keys").

    Every key of a log or witness becomes one of these before it verifies anything, wherever it was read. So a key
    that `ed25519.require_public_key` refuses is refused everywhere.
    """

    name: str
    algorithm: int
    public_key: bytes

    def __post_init__(self) -> None:
        require_key_name(self.name, KeyFormatError)
        if self.algorithm not in (ED25519, COSIGNATURE):
            raise KeyFormatError(
                f"key {excerpt(self.name)}: signature type {self.algorithm:02x} is not supported"
            )
        require_public_key(self.public_key, KeyFormatError, f"key {excerpt(self.name)}")

    @property
    def key_id(self) -> bytes:
        """Return the key id: `SHA-256(name ‖ 0A ‖ type ‖ public key)[:4]`."""
        material = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public_key
        return sha256(material).digest()[:_KEY_ID_BYTES]

    @property
    def vkey(self) -> str:
        """Return the text form: `<name>+<key id in hex>+<base64(type ‖ public key)>`."""
        return f"{self.name}+{self.key_id.hex()}+{base64_text(bytes([self.algorithm]) + self.public_key)}"

    @classmethod
    def parse(cls, vkey: str) -> "VerifierKey":
        """Parse the text form of a key.

        Raises:
            KeyFormatError: if the text is malformed, its type is unsupported, or its key id does not match.
        """
        parts = vkey.split("+", 2)
        if len(parts) != 3:
            raise KeyFormatError(f"verifier key: expected <name>+<id>+<base64>, got {excerpt(vkey)}")
        name, key_id, encoded = parts
        material = base64_bytes(encoded, KeyFormatError, f"verifier key {excerpt(name)}")
        if not material:
            raise KeyFormatError(f"verifier key {excerpt(name)}: expected a type byte, got nothing")
        key = cls(name, material[0], material[1:])
        if key.key_id.hex() != key_id:
            raise KeyFormatError(
                f"verifier key {excerpt(name)}: expected id {key.key_id.hex()}, got {excerpt(key_id)}"
            )
        return key

    def matches(self, signature: Signature) -> bool:
        """Return whether a signature line names this key."""
        return signature.name == self.name and signature.key_id == self.key_id

    def verify(self, text: str, signature: Signature) -> None:
        """Verify one signature of this key over a note's text.

        Raises:
            SignatureError: if the line names another key or the signature is wrong.
        """
        if not self.matches(signature):
            raise SignatureError(
                f"expected a signature of {self.name}+{self.key_id.hex()}, got {signature.name}"
            )
        try:
            message, raw = self._signed(text, signature.signature)
        except CosignatureFormatError as problem:
            raise SignatureError(
                f"signature of {self.name}+{self.key_id.hex()} is wrong: {problem}"
            ) from None
        if not signature_fits(self.public_key, raw, message):
            raise SignatureError(
                f"signature of {self.name}+{self.key_id.hex()} is wrong: it does not fit the text"
            )

    def _signed(self, text: str, signature: bytes) -> tuple[bytes, bytes]:
        if self.algorithm == ED25519:
            return text.encode(), signature
        time_s, raw = split_cosignature(signature)
        return cosigned_message(text, time_s), raw


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A log's Ed25519 signing key (type `01`), from its 32-byte seed. Its `repr` hides the seed."""

    name: str
    seed: bytes

    def __post_init__(self) -> None:
        require_key_name(self.name, KeyFormatError)
        if len(self.seed) != _SEED_BYTES:
            raise KeyFormatError(
                f"key {excerpt(self.name)}: expected a seed of 32 bytes, got {len(self.seed)}"
            )

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r}, ***)"

    @property
    def verifier(self) -> VerifierKey:
        """Return the public key."""
        return VerifierKey(self.name, ED25519, public_key_of(self.seed))

    @property
    def vkey(self) -> str:
        """Return the public key in text form."""
        return self.verifier.vkey

    def sign(self, text: str) -> Signature:
        """Sign a note's text. Ed25519 is deterministic: after a crash the same text gives the same line.

        Raises:
            NoteFormatError: if no note can carry the text.
        """
        require_note_text(text)
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return Signature(self.name, self.verifier.key_id, signature)


def parse_note(data: bytes) -> Note:
    """Parse a signed note; verify no signature.

    Raises:
        NoteFormatError: if the bytes are no note, exceed 1,000,000 bytes or have more than 100 signatures.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise NoteFormatError(f"note: expected at most {MAX_NOTE_BYTES} bytes, got {len(data)}")
    lines = text_lines(data, NoteFormatError, "note")
    if "" not in lines:
        raise NoteFormatError("note: expected an empty line before the signatures")
    split = len(lines) - 1 - lines[::-1].index("")
    signature_lines = lines[split + 1 :]
    if split == 0 or not signature_lines:
        raise NoteFormatError("note: expected text, an empty line, and at least one signature line")
    if len(signature_lines) > MAX_SIGNATURES:
        raise NoteFormatError(
            f"note: expected at most {MAX_SIGNATURES} signatures, got {len(signature_lines)}"
        )
    text = "".join(f"{line}\n" for line in lines[:split])
    return Note(text, tuple(Signature.parse(line) for line in signature_lines))


def parse_signatures(data: bytes) -> tuple[Signature, ...]:
    """Parse one or more bare signature lines, the response of a witness (C2SP tlog-witness, add-checkpoint).

    Raises:
        NoteFormatError: if there is no line, a line is malformed, or other data is present.
    """
    if data.startswith(b"\n") or b"\n\n" in data:
        raise NoteFormatError("signature lines: expected no empty line")
    return parse_note(b"-\n\n" + data).signatures


def verify_note(note: Note, keys: Iterable[VerifierKey]) -> tuple[Signature, ...]:
    """Verify every signature of a known key; return those signatures in the note's order.

    Args:
        note: the parsed note.
        keys: the keys that the caller trusts. Signatures of others are ignored.

    Raises:
        SignatureError: if a known key's signature is wrong, no known key signed, or two known keys have one name and
            one key id, so that either could have signed.
    """
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise SignatureError(
                f"two trusted keys are both {excerpt(key.name)}+{key.key_id.hex()}: trust one of them only"
            )
    good = []
    for signature in note.signatures:
        signer = known.get((signature.name, signature.key_id))
        if signer is not None:
            signer.verify(note.text, signature)
            good.append(signature)
    if not good:
        signers = ", ".join(excerpt(s.name) for s in note.signatures)
        raise SignatureError(
            f"expected a signature of one of {len(known)} known keys, got those of {signers}"
        )
    return tuple(good)


def sign_note(text: str, keys: Sequence[SigningKey]) -> bytes:
    """Sign a text with one or more keys; return the encoded note. Errors as of `SigningKey.sign`."""
    return Note(text, tuple(key.sign(text) for key in keys)).encode()


def require_note_text(text: str) -> None:
    """Check that a note can carry a text.

    Raises:
        NoteFormatError: if it is empty, too long, lacks the final newline, has no UTF-8 encoding, or has control
            characters.
    """
    text_of_lines(text, NoteFormatError, "note text")
    length = len(text.encode())
    if length > MAX_NOTE_BYTES:
        raise NoteFormatError(f"note text: expected at most {MAX_NOTE_BYTES} bytes, got {length}")
