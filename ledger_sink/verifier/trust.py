"""The auditor's trust: a policy file and keys. It comes from the auditor only, never from what is verified."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ledger_sink import regular_file
from ledger_sink.format.checkpoint import Checkpoint, parse_checkpoint
from ledger_sink.format.cosigned import Cosigned, open_cosigned
from ledger_sink.format.errors import FormatError, SignatureError
from ledger_sink.format.note import ED25519, VerifierKey, verify_note
from ledger_sink.format.policy import Policy, parse_keys
from ledger_sink.format.scan import excerpt
from ledger_sink.format.source_signature import did_key, parse_did_key
from ledger_sink.receipt.kinds import ReceiptTrust
from ledger_sink.verifier.errors import AbsentError, TooLongError, TrustError, UnreadableError

MAX_TRUST_BYTES = 1_000_000


class KeyMissingError(SignatureError):
    """No key that the auditor gave is of this log: nothing is known about its signature."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys that an auditor trusts.

    Attributes:
        policy: logs, witnesses and quorum; `None` without a policy file.
        keys: further keys of logs. A log that the policy does not list needs the signature of one of them only.
        source_keys: did:keys of sources. If there are any, one of them must have signed each record.
        receipts: the trust in outside services.
        clock: the auditor's clock, in POSIX seconds.
    """

    policy: Policy | None = None
    keys: tuple[VerifierKey, ...] = ()
    source_keys: tuple[str, ...] = ()
    receipts: ReceiptTrust = field(default_factory=ReceiptTrust)
    clock: Callable[[], float] = time.time

    def open(self, data: bytes) -> Cosigned:
        """Parse a checkpoint and verify it: by the policy if that lists the log, else by a further key.

        Raises:
            KeyMissingError: if no trusted key is of its log.
            FormatError: if it is malformed, not signed, or lacks the cosignatures that the policy requires.
        """
        checkpoint, note = parse_checkpoint(data)
        if self.policy is not None and self.policy.log_keys(checkpoint.origin):
            return open_cosigned(data, self.policy, self.clock())
        keys = self.keys_of(checkpoint.origin)
        if not keys:
            raise KeyMissingError(f"no key that you gave is of the log {checkpoint.origin!a}")
        verify_note(note, keys)
        return Cosigned(checkpoint, note, ())

    def keys_of(self, origin: str) -> tuple[VerifierKey, ...]:
        """Return every trusted key of this log."""
        listed = self.policy.log_keys(origin) if self.policy is not None else ()
        return (*listed, *(key for key in self.keys if key.name == origin))

    def signed(self, data: bytes) -> Checkpoint:
        """Parse a checkpoint and verify its log's signature only, without the policy's quorum.

        Raises:
            FormatError: if it is malformed, or no trusted key of its log signed it.
        """
        return Trust(None, self.keys_of(parse_checkpoint(data)[0].origin)).open(data).checkpoint

    def signer(self, data: bytes) -> VerifierKey:
        """Return the first trusted key of its log that signed a checkpoint.

        Raises:
            FormatError: if it is malformed, or no trusted key of its log signed it.
        """
        checkpoint, note = parse_checkpoint(data)
        keys = self.keys_of(checkpoint.origin)
        signature = verify_note(note, keys)[0]
        return next(key for key in keys if key.key_id == signature.key_id)


def load_trust(
    policy: Path | None, key_files: Sequence[Path], keys: Sequence[str], source_keys: Sequence[str] = ()
) -> Trust:
    """Read the auditor's policy and keys.

    Args:
        policy: a C2SP tlog-policy file, or `None`.
        key_files: key files (`log <vkey>` lines).
        keys: verifier keys in text form, or paths of files with one key or of key files.
        source_keys: did:keys of the sources that may sign records.

    Raises:
        UnreadableError: if a file cannot be read.
        TrustError: if a file or key is malformed or refused, a key is both a log's and a witness's, or none is given.
    """
    with _named(f"--policy {policy}"):
        parsed = None if policy is None else Policy.parse(read_file(policy))
    found: list[VerifierKey] = []
    for path in key_files:
        with _named(f"--keys {path}"):
            found += [log.key for log in parse_keys(read_file(path))]
    for text in keys:
        with _named(f"--key {excerpt(text)}"):
            found += _keys(text)
    signers: list[str] = []
    for text in source_keys:
        with _named(f"--source-key {excerpt(text)}"):
            signers.append(did_key(parse_did_key(text)))
    if parsed is None and not found:
        raise TrustError("give --policy or --key: without a key of your own nothing can be verified")
    shared = shared_key(parsed, found)
    if shared:
        raise TrustError(f"what you trust cannot be used: {shared}")
    return Trust(parsed, tuple(found), tuple(signers))


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Turn an error of a format into one that names the option and what it was given."""
    try:
        yield
    except FormatError as problem:
        raise TrustError(f"what you trust cannot be read: {where}: {problem}") from None


def shared_key(policy: Policy | None, logs: Iterable[VerifierKey]) -> str:
    """Return a sentence if a witness of the policy has the public key of one of these logs; else nothing.

    Such a witness adds nothing: the holder of that key signs for both.
    """
    witnesses = {} if policy is None else {witness.key.public_key: witness for witness in policy.witnesses}
    for key in logs:
        witness = witnesses.get(key.public_key)
        if witness is not None:
            return (
                f"the witness {excerpt(witness.key.name)} of the policy has the same public key as the log "
                f"{excerpt(key.name)}: take another witness"
            )
    return ""


def read_file(path: Path, limit: int = MAX_TRUST_BYTES) -> bytes:
    """Read a file of at most `limit` bytes; error messages begin with its path.

    Raises:
        AbsentError: if it does not exist.
        UnreadableError: if it is no regular file, cannot be read, or is longer.
    """
    try:
        return read_capped(path, limit)
    except UnreadableError as problem:
        raise type(problem)(f"{path}: {problem}") from None


def read_capped(path: Path, limit: int) -> bytes:
    """Read a regular file of at most `limit` bytes; error messages do not name it, so that the caller does.

    Raises:
        AbsentError: if it does not exist.
        TooLongError: if it is longer.
        UnreadableError: if it is no regular file, or cannot be read.
    """
    try:
        return regular_file.read_regular(path, limit)
    except regular_file.FileTooLongError as problem:
        raise TooLongError(problem.strerror) from None
    except (OSError, ValueError) as problem:
        raise _unreadable(problem) from None


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, without waiting.

    Raises:
        AbsentError: if it does not exist.
        UnreadableError: if it is no regular file, or cannot be opened.
    """
    try:
        return regular_file.open_regular(path)
    except (OSError, ValueError) as problem:
        raise _unreadable(problem) from None


def _unreadable(problem: OSError | ValueError) -> UnreadableError:
    words = getattr(problem, "strerror", None) or str(problem)
    if not isinstance(problem, regular_file.NotRegularError):
        words = words.lower()
    absent = isinstance(problem, FileNotFoundError | NotADirectoryError)
    return (AbsentError if absent else UnreadableError)(words)


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
