r"""The protocol between publishers and signer: JSON over HTTP, many logs in one request.

    POST /sign  {"requests": [{"origin", "size", "root", "old_size", "proof": [...]}]}     hashes in base64
                {"answers": [{"status": 200, "signature": "— name base64\n"} | {"status": 409, "size": N}
                             | {"status": 422 or 404, "reason": "…"}]}
    POST /keys  {"origins": [...]}  →  {"vkeys": [...]}

Status codes are those of C2SP tlog-witness, because the signer is a witness to its own logs.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

from ledger_sink.errors import RefusedError

SIGNED, UNKNOWN, CONFLICT, UNPROCESSABLE = 200, 404, 409, 422
MAX_BATCH = 256
"""Most heads in one request."""


class MalformedRequestError(RefusedError):
    """A body to or from the signer does not follow the protocol."""


@dataclass(frozen=True, slots=True)
class SignRequest:
    """Request to sign the head of a log, with a consistency proof from `old_size` (RFC 6962 §2.1.2)."""

    origin: str
    size: int
    root: bytes
    old_size: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SignResponse:
    """The signer's response to one head."""

    status: int
    signature: str = ""
    """With status 200: the signature line of the note."""
    size: int = 0
    """With status 409: the size that it signed last."""
    reason: str = ""
    """With another status than 200: why it did not sign."""


def encode_requests(requests: list[SignRequest]) -> bytes:
    """Encode the body of `POST /sign`."""
    return json.dumps(
        {
            "requests": [
                {
                    "origin": request.origin,
                    "size": request.size,
                    "root": _text(request.root),
                    "old_size": request.old_size,
                    "proof": [_text(value) for value in request.proof],
                }
                for request in requests
            ]
        }
    ).encode()


def decode_requests(data: bytes) -> list[SignRequest]:
    """Decode the body of `POST /sign`.

    Raises:
        MalformedRequestError: the body does not follow the protocol, or has more than `MAX_BATCH` heads.
    """
    try:
        found = [
            SignRequest(
                _kind(str, item["origin"]),
                _kind(int, item["size"]),
                _hash(item["root"]),
                _kind(int, item["old_size"]),
                tuple(_hash(value) for value in _kind(list, item["proof"])),
            )
            for item in json.loads(data)["requests"]
        ]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MalformedRequestError(f"sign request: {type(error).__name__}: {error}") from error
    if len(found) > MAX_BATCH:
        raise MalformedRequestError(f"sign request: expected at most {MAX_BATCH} heads, got {len(found)}")
    return found


def encode_responses(responses: list[SignResponse]) -> bytes:
    """Encode the response body of `POST /sign`."""
    return json.dumps(
        {
            "answers": [
                {"status": a.status, "signature": a.signature, "size": a.size, "reason": a.reason}
                for a in responses
            ]
        }
    ).encode()


def decode_responses(data: bytes) -> list[SignResponse]:
    """Decode the response body of `POST /sign`.

    Raises:
        MalformedRequestError: the body does not follow the protocol.
    """
    try:
        return [
            SignResponse(
                _kind(int, item["status"]),
                _kind(str, item["signature"]),
                _kind(int, item["size"]),
                _kind(str, item["reason"]),
            )
            for item in json.loads(data)["answers"]
        ]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MalformedRequestError(f"signer's answer: {type(error).__name__}: {error}") from error


def encode_texts(key: str, texts: list[str]) -> bytes:
    """Encode a list of texts under one key: `origins` or `vkeys`."""
    return json.dumps({key: texts}).encode()


def decode_texts(key: str, data: bytes) -> list[str]:
    """Decode a list of texts under one key.

    Raises:
        MalformedRequestError: the body does not follow the protocol.
    """
    try:
        return [_kind(str, text) for text in _kind(list, json.loads(data)[key])]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MalformedRequestError(f"{key}: {type(error).__name__}: {error}") from error


def _kind(kind: type[Any], value: object) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"expected {kind.__name__}, got {value!r}")
    return value


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _hash(text: object) -> bytes:
    data = b64decode(_kind(str, text), validate=True)
    if len(data) != 32:
        raise ValueError(f"expected a hash of 32 bytes, got {len(data)}")
    return data
