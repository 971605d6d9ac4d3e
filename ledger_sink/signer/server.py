"""The signer: holds the keys, sees no events, and is a witness to its own logs (docs/ledger.md#signer).

It stores the last head that it signed of every origin. It signs the next head only with a valid consistency proof from
there. So a fault in a sequencer, or a state that was rolled back, cannot become a fork. The stored heads are durable
before a signature leaves the process. It runs as its own process, the only one that reads the master seed. Callers
authenticate with a bearer token.
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
from ledger_sink.http.limits import MIB, HttpLimits
from ledger_sink.http.server import Request, Response
from ledger_sink.http.server import run as serve
from ledger_sink.signer.protocol import (
    CONFLICT,
    SIGNED,
    UNKNOWN,
    UNPROCESSABLE,
    MalformedRequestError,
    SignRequest,
    SignResponse,
    decode_requests,
    decode_texts,
    encode_responses,
    encode_texts,
)
from ledger_sink.store import FileStore, checksummed_json
from ledger_sink.store.secret_files import load_or_create_seed, load_or_create_token

if TYPE_CHECKING:
    from ledger_sink.config import SignerConfig
    from ledger_sink.format.note import SigningKey
    from ledger_sink.store import Store

SIGNED_HEADS_NAME = "ledger-signer.json"
"""File of the last signed head of every origin, below the key directory."""
JSON = "application/json"
LIMITS = HttpLimits(
    connections=128,
    connections_per_peer=64,
    body_bytes=4 * MIB,
    methods=frozenset({"POST"}),
    same_site_reads=True,
)
"""A signing request of `MAX_BATCH` heads has some 2 MiB. Its callers are the city's own processes."""
SignedHead = tuple[int, bytes]
"""Size and root of a signed head."""

log = logging.getLogger("ledger.signer")


class Signer:
    """Signs heads of one city's logs, never two that are inconsistent. Safe for many threads."""

    def __init__(self, city: str, master_seed: bytes, store: Store) -> None:
        """Read the last signed heads.

        Args:
            city: city name; only its origins are signed.
            master_seed: 32 bytes that every log's key is derived from (FORMAT.md §2).
            store: the key directory.

        Raises:
            DamagedStateError: the file of signed heads is missing or damaged. Signing without it could make a fork.
        """
        self._city = city
        self._seed = master_seed
        self._store = store
        self._keys: dict[str, SigningKey] = {}
        self._signed = read_signed_heads(store)
        self._lock = threading.Lock()

    def vkey(self, origin: str) -> str:
        """Return the verifier key of a log of this city.

        Raises:
            OriginError: the origin is malformed or of another city.
        """
        return self._key(origin).vkey

    def _key(self, origin: str) -> SigningKey:
        if origin not in self._keys:
            if Origin.parse(origin).city != self._city:
                raise OriginError(f"origin {origin!r}: expected one of {self._city}")
            self._keys[origin] = log_key(self._seed, origin)
        return self._keys[origin]

    def sign(self, requests: list[SignRequest]) -> list[SignResponse]:
        """Verify each head against the last signed one, store all valid heads durably, then return their signatures."""
        with self._lock:
            signed = dict(self._signed)
            answers = [self._consider(request, signed) for request in requests]
            if signed != self._signed:
                self._store.write({SIGNED_HEADS_NAME: encode_signed_heads(signed)})
                self._signed = signed
        return answers

    def _consider(self, request: SignRequest, signed: dict[str, SignedHead]) -> SignResponse:
        """Respond to one request and update `signed`; `sign` makes it durable before a signature leaves."""
        try:
            key = self._key(request.origin)
        except OriginError as error:
            return SignResponse(UNKNOWN, reason=str(error))
        size, root = signed.get(request.origin, (0, EMPTY_ROOT))
        if request.old_size != size or request.size < size:
            return SignResponse(CONFLICT, size=size, reason=f"signed size {size} before")
        try:
            checkpoint = Checkpoint(request.origin, request.size, request.root)
            verify_consistency(size, root, request.size, request.root, request.proof)
        except (ProofError, CheckpointFormatError) as error:
            log.error("refused to sign %s at %d: %s", request.origin, request.size, error)  # noqa: TRY400
            return SignResponse(UNPROCESSABLE, size=size, reason=str(error))
        signed[request.origin] = (request.size, request.root)
        return SignResponse(SIGNED, signature=key.sign(checkpoint.text).line)


class SignerServer:
    """The signer's HTTP interface."""

    def __init__(self, signer: Signer, token: str) -> None:
        self._signer = signer
        self._token = f"Bearer {token}".encode()

    def answer(self, request: Request) -> Response:
        """Answer one HTTP request; without the bearer token with 401."""
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), self._token):
            return Response(401, b"bearer token wrong or missing\n")
        if request.method != "POST":
            return Response(405, b"expected POST\n")
        try:
            if request.path == "/sign":
                answers = self._signer.sign(decode_requests(request.body))
                return Response(200, encode_responses(answers), JSON)
            if request.path == "/keys":
                vkeys = [self._signer.vkey(origin) for origin in decode_texts("origins", request.body)]
                return Response(200, encode_texts("vkeys", vkeys), JSON)
        except (MalformedRequestError, OriginError) as error:
            return Response(400, f"{error}\n".encode())
        return Response(404, b"expected /sign or /keys\n")


def run(config: SignerConfig, stop: threading.Event) -> None:
    """Run the signer until `stop` is set.

    Raises:
        SetupError: the port, the seed or the token is not available.
        LockHeldError: another signer runs over the same keys.
        DamagedStateError: the file of signed heads is missing or damaged.
    """
    store = FileStore(config.keys)
    lock = store.lock("ledger-signer.lock")
    try:
        signer = Signer(config.city, _master_seed(config, store), store)
        serve(
            SignerServer(signer, load_or_create_token(config.token_file)).answer,
            config.host,
            config.port,
            stop,
            LIMITS,
            config.hosts,
        )
    finally:
        lock.release()


def _master_seed(config: SignerConfig, store: FileStore) -> bytes:
    """Return the master seed; create it at the first start.

    The file of signed heads is written before the seed. So one without the other is a loss, not a first start.
    """
    if not config.seed_file.exists():
        if (config.keys / SIGNED_HEADS_NAME).exists() and read_signed_heads(store):
            raise SetupError(
                f"{config.seed_file}: no master seed, but by {SIGNED_HEADS_NAME} one signed before; put it back"
            )
        store.write({SIGNED_HEADS_NAME: encode_signed_heads({})})
    return load_or_create_seed(config.seed_file)


def read_signed_heads(store: Store) -> dict[str, SignedHead]:
    """Return the last signed head by origin.

    Raises:
        DamagedStateError: the file is missing or damaged.
    """
    try:
        value = checksummed_json.decode(store.read(SIGNED_HEADS_NAME), SIGNED_HEADS_NAME)
    except MissingFileError as error:
        raise DamagedStateError(
            f"{SIGNED_HEADS_NAME}: gone, and with it what was signed; put it back"
        ) from error
    try:
        return {origin: (int(size), bytes.fromhex(root)) for origin, (size, root) in value.items()}
    except (ValueError, TypeError) as error:
        raise DamagedStateError(f"{SIGNED_HEADS_NAME}: {error}") from error


def encode_signed_heads(signed: dict[str, SignedHead]) -> bytes:
    """Encode the file of signed heads."""
    return checksummed_json.encode({origin: [size, root.hex()] for origin, (size, root) in signed.items()})
