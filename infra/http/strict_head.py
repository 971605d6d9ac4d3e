"""h11's reader of requests, behind the strict parser of heads that signer and witness have.

h11 repairs what it reads: it takes a bare line feed for a line end, joins folded lines, and makes one Content-Length of
`4, 4`. A proxy in front may read the same bytes as two requests. So the bytes of a head are checked before h11 reads
them (RFC 9112 §2.2, §5.2, §6.3).
"""

from __future__ import annotations

from typing import Any

import h11

from ledger_sink.http.request_checks import faulty_framing
from ledger_sink.http.request_head import END, RequestHeadError, parse_head, refuse_early


class StrictConnection(h11.Connection):
    """A server's side of a connection on which a head that is not strictly one ends it."""

    def _extract_next_receive_event(self) -> Any:
        """Check a head before h11 reads it.

        Raises:
            h11.RemoteProtocolError: It is none, or leaves open where its body ends.
        """
        if self.their_state is h11.IDLE:
            try:
                _check(self.trailing_data[0])
            except RequestHeadError as error:
                raise h11.RemoteProtocolError(str(error)) from error
        return super()._extract_next_receive_event()


def _check(data: bytes) -> None:
    """Check the head that stands, or begins, at the beginning of some bytes.

    Raises:
        RequestHeadError: It is none, or leaves open where its body ends.
    """
    end = data.find(END)
    if end < 0:
        refuse_early(data)
        return
    head, _ = parse_head(data[: end + len(END)])
    refusal = faulty_framing(head)
    if refusal is not None:
        raise RequestHeadError(refusal.reason)
