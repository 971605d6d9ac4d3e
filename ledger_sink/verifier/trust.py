"""What the auditor trusts: a policy file, verifier keys. It is read from the auditor's side only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger_sink.format.checkpoint import Checkpoint, parse_checkpoint
from ledger_sink.format.errors import FormatError, SignatureError
from ledger_sink.format.note import ED25519, VerifierKey, verify_note
from ledger_sink.format.policy import Cosigned, Policy, open_cosigned, parse_keys
from ledger_sink.format.source_signature import did_key, parse_did_key
from ledger_sink.receipt.kinds import ReceiptTrust
from ledger_sink.verifier.errors import AbsentError, TrustError, UnreadableError

MAX_TRUST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Trust:
    """A policy (logs, witnesses, quorum) and further log keys, of which only the signature is demanded.

    Attributes:
        source_keys: did:keys of sources; if there are any, a record must be signed by one of them.
    """

    policy: Policy | None = None
    keys: tuple[VerifierKey, ...] = ()
    source_keys: tuple[str, ...] = ()
    receipts: ReceiptTrust = field(default_factory=ReceiptTrust)
    """Whom to believe about receipts of outside services."""

    def open(self, data: bytes) -> Cosigned:
        """Read a checkpoint and demand what the auditor trusts: the policy if it lists the log, else a key.

        Raises:
            FormatError: if it is malformed, not signed, or not cosigned as the policy demands.
        """
        checkpoint, note = parse_checkpoint(data)
        if self.policy is not None and self.policy.log_keys(checkpoint.origin):
            return open_cosigned(data, self.policy)
        keys = self.keys_of(checkpoint.origin)
        if not keys:
            raise SignatureError(f"no key that you gave is of the log {checkpoint.origin!a}")
        verify_note(note, keys)
        return Cosigned(checkpoint, note, ())

    def keys_of(self, origin: str) -> tuple[VerifierKey, ...]:
        """Return every key that may sign for this log."""
        listed = self.policy.log_keys(origin) if self.policy is not None else ()
        return (*listed, *(key for key in self.keys if key.name == origin))

    def signed(self, data: bytes) -> Checkpoint:
        """Read a checkpoint and demand its log's signature only, whatever the policy's quorum.

        Raises:
            FormatError: if it is malformed or not signed by a key of its log.
        """
        return Trust(None, self.keys_of(parse_checkpoint(data)[0].origin)).open(data).checkpoint

    def signer(self, data: bytes) -> VerifierKey:
        """Return the first key of its log that signed a checkpoint.

        Raises:
            FormatError: if it is malformed or not signed by a key of its log.
        """
        checkpoint, note = parse_checkpoint(data)
        keys = self.keys_of(checkpoint.origin)
        signature = verify_note(note, keys)[0]
        return next(key for key in keys if key.key_id == signature.key_id)


def load_trust(
    policy: Path | None, key_files: Sequence[Path], keys: Sequence[str], source_keys: Sequence[str] = ()
) -> Trust:
    """Read the auditor's files.

    Args:
        policy: a C2SP tlog-policy file.
        key_files: key files (`log <vkey>` lines).
        keys: verifier keys themselves, or files that hold one or are key files.
        source_keys: did:keys of the sources that may have signed a record.

    Raises:
        UnreadableError: if a file cannot be read.
        TrustError: if one is malformed, or nothing at all is trusted.
    """
    try:
        parsed = None if policy is None else Policy.parse(read_file(policy))
        found = [log.key for path in key_files for log in parse_keys(read_file(path))]
        found += [key for text in keys for key in _keys(text)]
        signers = tuple(did_key(parse_did_key(text)) for text in source_keys)
    except FormatError as problem:
        raise TrustError(f"what you trust cannot be read: {problem}") from None
    if parsed is None and not found:
        raise TrustError("give --policy or --key: without a key of your own nothing can be verified")
    return Trust(parsed, tuple(found), signers)


def read_file(path: Path, limit: int = MAX_TRUST_BYTES) -> bytes:
    """Read a file that the auditor named.

    Raises:
        UnreadableError: if it cannot be read or is longer than the limit.
    """
    try:
        return read_capped(path, limit)
    except UnreadableError as problem:
        raise type(problem)(f"{path}: {problem}") from None


def read_capped(path: Path, limit: int) -> bytes:
    """Read a file of at most `limit` bytes; the error leaves it to the caller to name the file.

    Raises:
        UnreadableError: if it cannot be read or is longer.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError as problem:
        raise AbsentError((problem.strerror or str(problem)).lower()) from None
    except OSError as problem:
        raise UnreadableError((problem.strerror or str(problem)).lower()) from None
    if len(data) > limit:
        raise UnreadableError(f"expected at most {limit} bytes, there are more")
    return data


def _keys(text: str) -> list[VerifierKey]:
    if "+" in text and not Path(text).exists():
        return [_log_key(text)]
    data = read_file(Path(text))
    line = data.decode("utf-8", "replace").strip()
    if "\n" not in line and not line.startswith("log "):
        return [_log_key(line)]
    return [log.key for log in parse_keys(data)]


def _log_key(vkey: str) -> VerifierKey:
    key = VerifierKey.parse(vkey)
    if key.algorithm != ED25519:
        raise TrustError(f"key {key.name}: expected a log's key (type 01), got type {key.algorithm:02x}")
    return key
