"""Parse the head of an HTTP/1 request strictly (RFC 9112 §3, §5): what is no request is refused, never repaired.

Pure, and on the standard library alone: signer and witness read requests with it, and the servers on h11 check with it
what h11 is about to read.
"""

from __future__ import annotations

import re

from ledger_sink.http.request_checks import Head

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]+) HTTP/1\.([01])")
_HEADER = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_NEVER = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?!\n|\Z)")
END = b"\r\n\r\n"


class RequestHeadError(Exception):
    """The bytes are no head of an HTTP/1 request; the message says why."""


def refuse_early(begin: bytes | bytearray) -> None:
    """Check bytes that may be the beginning of a head.

    Raises:
        RequestHeadError: No head begins so, whatever follows.
    """
    found = _NEVER.search(begin)
    if found is not None:
        raise RequestHeadError(
            f"byte {found.start()} of the head: expected printable text and CRLF line ends"
        )


def parse_head(data: bytes) -> tuple[Head, bool]:
    """Parse a head.

    Args:
        data: Request line and headers, with the empty line at their end.

    Returns:
        The head, and whether the connection stays open after the response unless a side closes it (HTTP/1.1).

    Raises:
        RequestHeadError: It is none.
    """
    refuse_early(data)
    first, *lines = data.removesuffix(END).split(b"\r\n")
    line = _LINE.fullmatch(first)
    if line is None:
        raise RequestHeadError("the request line: expected METHOD TARGET HTTP/1.1")
    headers = []
    for each in lines:
        header = _HEADER.fullmatch(each)
        if header is None:
            raise RequestHeadError("a header: expected NAME: VALUE on one line")
        headers.append((header[1].decode("ascii").lower(), header[2].decode("latin-1")))
    head = Head(line[1].decode("ascii"), line[2].decode("ascii"), tuple(headers))
    if line[3] == b"0" and head.values("transfer-encoding"):
        raise RequestHeadError("Transfer-Encoding: HTTP/1.0 has none")  # RFC 9112 §6.1
    return head, line[3] == b"1"
