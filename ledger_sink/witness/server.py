"""A witness by C2SP tlog-witness v1.0.0: cosigns checkpoints of the logs in its file if they grow consistently.

    POST /add-checkpoint              200 cosignature · 400 · 403 · 404 · 409 size · 422
    GET  /<hex SHA-256(origin)>/checkpoint   the last cosigned checkpoint with both signatures
    GET  /vkey                        this witness's verifier key

A cosigned checkpoint is durable before the response leaves. A lock per origin makes check and store one step. It stores
only the text, the log's verified signature line and its own, so a forged line cannot block it. It needs the base
install, a directory of its own, and a file with `log` lines.
"""

from __future__ import annotations

import logging
import stat
import threading
import time
from typing import TYPE_CHECKING

from ledger_sink.errors import DamagedStateError, MissingFileError, SetupError
from ledger_sink.format.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from ledger_sink.format.cosignature import CosigningKey, cosignature_times
from ledger_sink.format.errors import FormatError, ProofError, SignatureError
from ledger_sink.format.merkle import EMPTY_ROOT, verify_consistency
from ledger_sink.format.note import Note, verify_note
from ledger_sink.format.witness_request import (
    ADD_CHECKPOINT,
    MAX_REQUEST_BYTES,
    SIZE_CONTENT_TYPE,
    VKEY_PATH,
    AddCheckpoint,
    encode_cosignatures,
    encode_size,
    monitoring_path,
)
from ledger_sink.http.limits import HttpLimits
from ledger_sink.http.server import Request, Response
from ledger_sink.http.server import run as serve
from ledger_sink.log.key_list import log_keys_of_policy
from ledger_sink.regular_file import read_regular
from ledger_sink.store import FileStore
from ledger_sink.store.secret_files import load_or_create_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ledger_sink.config import WitnessConfig
    from ledger_sink.format.note import VerifierKey
    from ledger_sink.store import Store

SEED_NAME = "witness.seed"
VKEY_NAME = "witness.vkey"

LIMITS = HttpLimits(body_bytes=MAX_REQUEST_BYTES)

log = logging.getLogger("ledger.witness")


class Witness:
    """Cosigns checkpoints. Safe for many threads.

    Args:
        key: its signing key.
        store: its directory.
        logs: returns the verifier keys of the logs that it serves, by origin.
        clock: returns seconds since 1970 UTC.
    """

    def __init__(
        self,
        key: CosigningKey,
        store: Store,
        logs: Callable[[], Mapping[str, VerifierKey]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key = key
        self._store = store
        self._logs = logs
        self._clock = clock
        self._origin_locks: dict[str, threading.Lock] = {}
        self._mutex = threading.Lock()

    def answer(self, request: Request) -> Response:
        """Answer one HTTP request; the module lists the paths."""
        path = request.path.lstrip("/")
        if request.method == "POST" and path == ADD_CHECKPOINT:
            return self.add_checkpoint(request.body)
        if request.method == "GET" and path == VKEY_PATH:
            return Response(200, f"{self._key.vkey}\n".encode())
        if request.method == "GET":
            return self._monitor(path)
        return Response(404, b"expected POST /add-checkpoint\n")

    def add_checkpoint(self, body: bytes) -> Response:
        """Cosign a checkpoint that is consistent with the last cosigned one (C2SP tlog-witness, "add-checkpoint")."""
        try:
            request = AddCheckpoint.parse(body)
            checkpoint, _ = parse_checkpoint(request.checkpoint)
        except FormatError as error:
            return _refused(400, error)
        if request.old_size > checkpoint.size:
            return _refused(400, f"old size {request.old_size} is above the checkpoint's {checkpoint.size}")
        key = self._logs().get(checkpoint.origin)
        if key is None:
            return _refused(404, "unknown origin")
        try:
            _, note = open_checkpoint(request.checkpoint, key)
        except SignatureError as error:
            return _refused(403, error)
        verified = Note(note.text, verify_note(note, [key])[:1])
        with self._mutex:
            origin_lock = self._origin_locks.setdefault(checkpoint.origin, threading.Lock())
        with origin_lock:
            return self._check_and_store(request, checkpoint, verified)

    def _check_and_store(self, request: AddCheckpoint, checkpoint: Checkpoint, note: Note) -> Response:
        size, root = self._last(checkpoint.origin)
        if request.old_size != size:
            return Response(409, encode_size(size), SIZE_CONTENT_TYPE)
        try:
            verify_consistency(size, root, checkpoint.size, checkpoint.root, request.proof)
        except ProofError as error:
            log.error("refused %s at %d: %s", checkpoint.origin, checkpoint.size, error)  # noqa: TRY400
            return _refused(422, error)
        own = self._key.cosign(note.text, int(self._clock()))
        kept = Note(note.text, (*note.signatures, own))
        self._store.write({monitoring_path(checkpoint.origin): kept.encode()})
        return Response(200, encode_cosignatures((own,)))

    def _last(self, origin: str) -> tuple[int, bytes]:
        """Return size and root of the last cosigned checkpoint; 0 and the empty root if there is none.

        Raises:
            DamagedStateError: the file lacks this witness's valid cosignature.
        """
        name = monitoring_path(origin)
        try:
            checkpoint, note = parse_checkpoint(self._store.read(name))
            if checkpoint.origin != origin or not cosignature_times(note, self._key.verifier):
                raise DamagedStateError(f"{name}: expected our cosignature on a checkpoint of {origin}")
        except MissingFileError:
            return 0, EMPTY_ROOT
        except FormatError as error:
            raise DamagedStateError(f"{name}: {error}; put it back as it was") from error
        return checkpoint.size, checkpoint.root

    def _monitor(self, path: str) -> Response:
        folder, _, name = path.partition("/")
        if name != "checkpoint" or len(folder) != 64 or not set(folder) <= set("0123456789abcdef"):
            return Response(404, b"expected <hex SHA-256 of the origin>/checkpoint\n")
        try:
            return Response(200, self._store.read(path), headers={"Cache-Control": "max-age=5"})
        except MissingFileError:
            return Response(404, b"never seen\n")


class LogsFile:
    """Verifier keys of a policy file's `log` lines, read again when the file changes."""

    def __init__(self, path: Path | None) -> None:
        """Read the file if it exists.

        Raises:
            SetupError: the file exists but cannot be read.
        """
        self._path = path
        self._version: tuple[int, int, int] | None = None
        self._keys: dict[str, VerifierKey] = {}
        self._mutex = threading.Lock()
        self._reload()

    def __call__(self) -> Mapping[str, VerifierKey]:
        """Return the keys by origin; the previous ones if the file became unreadable."""
        with self._mutex:
            try:
                self._reload()
            except SetupError as error:
                log.error("%s; the logs before stay in force", error)  # noqa: TRY400
            return self._keys

    def _reload(self) -> None:
        if self._path is None:
            return
        try:
            found = self._path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise SetupError(f"{self._path}: expected a regular file")
            version = (found.st_mtime_ns, found.st_size, found.st_ino)
            if version == self._version:
                return
            data = read_regular(self._path)
        except FileNotFoundError:
            return  # it may appear later: the ledger writes it when it starts
        except OSError as error:
            raise SetupError(f"{self._path}: {error.strerror}") from error
        self._version = version
        try:
            self._keys = log_keys_of_policy(data)
        except SetupError as error:
            raise SetupError(f"{self._path}: {error}") from error
        log.info("%s: %d logs", self._path, len(self._keys))


def load_or_create_key(config: WitnessConfig) -> CosigningKey:
    """Return this witness's signing key; create its seed at the first start.

    Raises:
        SetupError: the name is no key name, or the seed file is invalid.
    """
    try:
        return CosigningKey(config.name, load_or_create_seed(config.directory / SEED_NAME))
    except FormatError as error:
        raise SetupError(f"witness {config.name!r}: {error}") from error


def run(config: WitnessConfig, stop: threading.Event) -> None:
    """Run a witness until `stop` is set.

    Raises:
        SetupError: the port, the key or the logs file is not available.
        LockHeldError: another witness runs in the same directory.
    """
    store = FileStore(config.directory)
    lock = store.lock("lock")
    try:
        key = load_or_create_key(config)
        store.write({VKEY_NAME: f"{key.vkey}\n".encode()})
        witness = Witness(key, store, LogsFile(config.logs_file))
        serve(witness.answer, config.host, config.port, stop, LIMITS, config.hosts)
    finally:
        lock.release()


def _refused(status: int, reason: object) -> Response:
    return Response(status, f"{reason}\n".encode())
