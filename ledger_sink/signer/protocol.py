r"""What sequencers ask the signer, and what it answers: JSON over HTTP, many logs in one request.

    POST /sign  {"requests": [{"origin", "size", "root", "old_size", "proof": [...]}]}     hashes in base64
                {"answers": [{"status": 200, "signature": "— name base64\n"} | {"status": 409, "size": N}
                             | {"status": 422 or 404, "reason": "…"}]}
    POST /keys  {"origins": [...]}  →  {"vkeys": [...]}

Status words are the witness's (C2SP tlog-witness): the signer is one to its own logs.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

from ledger_sink.errors import RefusedError

SIGNED, UNKNOWN, CONFLICT, UNPROCESSABLE = 200, 404, 409, 422
MAX_BATCH = 256


class MalformedRequestError(RefusedError):
    """A body for or from the signer is not what was agreed."""


@dataclass(frozen=True, slots=True)
class SignRequest:
    """Sign this head; it grew out of the one of `old_size` as the proof shows."""

    origin: str
    size: int
    root: bytes
    old_size: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SignAnswer:
    """The signer's word on one head."""

    status: int
    signature: str = ""
    """The signature line of a note, with status 200."""
    size: int = 0
    """The size it signed last, with status 409."""
    reason: str = ""


def encode_requests(requests: list[SignRequest]) -> bytes:
    """Spell the body of `POST /sign`."""
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
    """Read the body of `POST /sign`.

    Raises:
        MalformedRequestError: it is something else.
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
    except (ValueError, TypeError, KeyError) as error:
        raise MalformedRequestError(f"sign request: {type(error).__name__}: {error}") from error
    if len(found) > MAX_BATCH:
        raise MalformedRequestError(f"sign request: expected at most {MAX_BATCH} heads, got {len(found)}")
    return found


def encode_answers(answers: list[SignAnswer]) -> bytes:
    """Spell the answer of `POST /sign`."""
    return json.dumps(
        {
            "answers": [
                {"status": a.status, "signature": a.signature, "size": a.size, "reason": a.reason}
                for a in answers
            ]
        }
    ).encode()


def decode_answers(data: bytes) -> list[SignAnswer]:
    """Read the answer of `POST /sign`.

    Raises:
        MalformedRequestError: it is something else.
    """
    try:
        return [
            SignAnswer(
                _kind(int, item["status"]),
                _kind(str, item["signature"]),
                _kind(int, item["size"]),
                _kind(str, item["reason"]),
            )
            for item in json.loads(data)["answers"]
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise MalformedRequestError(f"signer's answer: {type(error).__name__}: {error}") from error


def encode_texts(key: str, texts: list[str]) -> bytes:
    """Spell a list of texts under one key: `origins` or `vkeys`."""
    return json.dumps({key: texts}).encode()


def decode_texts(key: str, data: bytes) -> list[str]:
    """Read a list of texts under one key.

    Raises:
        MalformedRequestError: it is something else.
    """
    try:
        return [_kind(str, text) for text in _kind(list, json.loads(data)[key])]
    except (ValueError, TypeError, KeyError) as error:
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
