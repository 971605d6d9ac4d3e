"""The signer: holds the keys, sees no events, and is a witness to its own logs (docs/ledger.md#signer).

It remembers the last head of every origin it signed and signs the next only with a valid consistency proof
from there. So a fault in a sequencer, or a state that was rolled back, cannot become a fork. What it
remembers is durable before a signature leaves it. It runs as its own process and is the only one that
reads the master seed; callers show a bearer token.
"""

from __future__ import annotations

import hmac
import logging
import threading
from typing import TYPE_CHECKING

from ledger_sink.errors import DamagedStateError, MissingFileError, SetupError
from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.errors import CheckpointFormatError, OriginError, ProofError
from ledger_sink.format.keys import Origin, log_key
from ledger_sink.format.merkle import EMPTY_ROOT, verify_consistency
from ledger_sink.http.server import Request, Response
from ledger_sink.http.server import run as serve
from ledger_sink.signer.protocol import (
    CONFLICT,
    SIGNED,
    UNKNOWN,
    UNPROCESSABLE,
    MalformedRequestError,
    SignAnswer,
    SignRequest,
    decode_requests,
    decode_texts,
    encode_answers,
    encode_texts,
)
from ledger_sink.store import FileStore
from ledger_sink.store import checksummed_json as sealed_json
from ledger_sink.store.secret_files import own_seed, own_token

if TYPE_CHECKING:
    from ledger_sink.config import SignerConfig
    from ledger_sink.format.note import SigningKey
    from ledger_sink.store import Store

MEMORY_NAME = "ledger-signer.json"
JSON = "application/json"
Head = tuple[int, bytes]

log = logging.getLogger("ledger.signer")


class Signer:
    """Signs heads of one city's logs, never two that contradict each other."""

    def __init__(self, city: str, master_seed: bytes, store: Store) -> None:
        """Read what was signed before.

        Raises:
            DamagedStateError: the memory is damaged; signing without it could make a fork.
        """
        self._city = city
        self._seed = master_seed
        self._store = store
        self._keys: dict[str, SigningKey] = {}
        self._memory = _read_memory(store)
        self._guard = threading.Lock()

    def vkey(self, origin: str) -> str:
        """Return the verifier key of a log of this city.

        Raises:
            OriginError: it is none of this city's.
        """
        return self._key(origin).vkey

    def _key(self, origin: str) -> SigningKey:
        if origin not in self._keys:
            if Origin.parse(origin).city != self._city:
                raise OriginError(f"origin {origin!r}: expected one of {self._city}")
            self._keys[origin] = log_key(self._seed, origin)
        return self._keys[origin]

    def sign(self, requests: list[SignRequest]) -> list[SignAnswer]:
        """Check each head against what was signed before, remember all that hold, then sign them."""
        with self._guard:
            memory = dict(self._memory)
            answers = [self._consider(request, memory) for request in requests]
            if memory != self._memory:
                self._store.write({MEMORY_NAME: _encode_memory(memory)})
                self._memory = memory
        return answers

    def _consider(self, request: SignRequest, memory: dict[str, Head]) -> SignAnswer:
        """Answer one request; signatures are handed out only after `sign` made the memory durable."""
        try:
            key = self._key(request.origin)
        except OriginError as error:
            return SignAnswer(UNKNOWN, reason=str(error))
        size, root = memory.get(request.origin, (0, EMPTY_ROOT))
        if request.old_size != size or request.size < size:
            return SignAnswer(CONFLICT, size=size, reason=f"signed size {size} before")
        try:
            checkpoint = Checkpoint(request.origin, request.size, request.root)
            verify_consistency(size, root, request.size, request.root, request.proof)
        except (ProofError, CheckpointFormatError) as error:
            log.error("refused to sign %s at %d: %s", request.origin, request.size, error)  # noqa: TRY400
            return SignAnswer(UNPROCESSABLE, size=size, reason=str(error))
        memory[request.origin] = (request.size, request.root)
        return SignAnswer(SIGNED, signature=key.sign(checkpoint.text).line)


class SignerServer:
    """The signer's HTTP face."""

    def __init__(self, signer: Signer, token: str) -> None:
        self._signer = signer
        self._token = f"Bearer {token}".encode()

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), self._token):
            return Response(401, b"bearer token wrong or missing\n")
        if request.method != "POST":
            return Response(405, b"expected POST\n")
        try:
            if request.path == "/sign":
                answers = self._signer.sign(decode_requests(request.body))
                return Response(200, encode_answers(answers), JSON)
            if request.path == "/keys":
                vkeys = [self._signer.vkey(origin) for origin in decode_texts("origins", request.body)]
                return Response(200, encode_texts("vkeys", vkeys), JSON)
        except (MalformedRequestError, OriginError) as error:
            return Response(400, f"{error}\n".encode())
        return Response(404, b"expected /sign or /keys\n")


def run(config: SignerConfig, stop: threading.Event) -> None:
    """Run the signer until told to stop.

    Raises:
        SetupError: port, seed or token cannot be had.
        LockHeldError: another signer runs over the same keys.
        DamagedStateError: what was signed before cannot be read.
    """
    store = FileStore(config.keys)
    lock = store.lock("ledger-signer.lock")
    try:
        signer = Signer(config.city, _master_seed(config, store), store)
        serve(SignerServer(signer, own_token(config.token_file)).answer, config.host, config.port, stop)
    finally:
        lock.release()


def _master_seed(config: SignerConfig, store: FileStore) -> bytes:
    """Return the seed; the memory is older than the seed, so one without the other is a loss, not a start."""
    if not config.seed_file.exists():
        if (config.keys / MEMORY_NAME).exists() and _read_memory(store):
            raise SetupError(
                f"{config.seed_file}: no master seed, but by {MEMORY_NAME} one signed before; put it back"
            )
        store.write({MEMORY_NAME: _encode_memory({})})
    return own_seed(config.seed_file)


def _read_memory(store: Store) -> dict[str, Head]:
    try:
        value = sealed_json.decode(store.read(MEMORY_NAME), MEMORY_NAME)
    except MissingFileError as error:
        raise DamagedStateError(f"{MEMORY_NAME}: gone, and with it what was signed; put it back") from error
    try:
        return {origin: (int(size), bytes.fromhex(root)) for origin, (size, root) in value.items()}
    except (ValueError, TypeError) as error:
        raise DamagedStateError(f"{MEMORY_NAME}: {error}") from error


def _encode_memory(memory: dict[str, Head]) -> bytes:
    return sealed_json.encode({origin: [size, root.hex()] for origin, (size, root) in memory.items()})
