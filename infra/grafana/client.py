"""A client of a Grafana elsewhere: grafana-client's calls, sent within limits of time and size.

The library's own session follows redirects to other hosts, reads answers of any size and has no deadline for a whole
answer. This one does not (`ledger_sink/bounded_http`). A proxy of the environment is used, but not for the loopback.
"""

from __future__ import annotations

import json as json_text
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from grafana_client import GrafanaApi

from dashboards.errors import PushError
from dashboards.push.grafana import Grafana, without_secrets
from ledger_sink.bounded_http.client import Answer, request
from ledger_sink.bounded_http.errors import NoAnswerError
from ledger_sink.bounded_http.limits import Limits

if TYPE_CHECKING:
    from infra.grafana.address import GrafanaAddress
    from infra.grafana.credentials import Credentials

LIMITS = Limits(whole_s=30.0, silent_s=10.0, body_bytes=16 << 20)
"""Limits of one request; Grafana answers a large board in less than a second."""


def connect(
    address: GrafanaAddress, credentials: Credentials, secrets: tuple[str, ...] = (), limits: Limits = LIMITS
) -> Grafana:
    """Return a client; nothing is sent yet.

    Args:
        address: Where Grafana answers.
        credentials: With what we sign in.
        secrets: Further texts that no message may contain.
        limits: Limits of each request.
    """
    api = GrafanaApi(
        host=address.netloc_host, port=address.port, url_path_prefix=address.prefix, protocol=address.scheme
    )
    api.client.s.close()
    api.client.s = _Session(address, credentials, limits)
    return Grafana(api, str(address), (*credentials.secrets, *secrets))


class _Session:
    """What grafana-client asks of a session."""

    def __init__(self, address: GrafanaAddress, credentials: Credentials, limits: Limits) -> None:
        self._address = address
        self._limits = limits
        self._secrets = credentials.secrets
        self._headers = {"Authorization": credentials.authorization, "Accept": "application/json"}

    def request(
        self, method: str, url: str, json: Any = None, params: dict[str, Any] | None = None, **_more: Any
    ) -> _Response:
        """Send one request; the credentials are the session's own.

        Raises:
            PushError: There is no complete answer, or Grafana points elsewhere.
        """
        body = None if json is None else json_text.dumps(json).encode()
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        try:
            answer = request(
                f"{url}?{urlencode(params)}" if params else url,
                self._limits,
                method=method.upper(),
                body=body,
                headers=headers,
                proxies=not self._address.is_loopback,
            )
        except NoAnswerError as error:
            problem = without_secrets(str(error), self._secrets)
            raise PushError(
                f"{self._address}: no answer of Grafana: {problem}{self._hint(problem)}"
            ) from error
        return _Response(self._address, answer)

    def _hint(self, problem: str) -> str:
        """Return what else to try, as the end of the line."""
        if "certificate" in problem:
            return "; SSL_CERT_FILE=FILE names the authority that signed it"
        if "ssl" in problem.lower():
            return "; does it speak http?"
        if self._address.port or "refused a redirect" in problem:
            return ""
        return f"; the address names no port: Grafana's own is {self._address.origin}:3000"


class _Response:
    """What grafana-client reads of a response."""

    def __init__(self, address: GrafanaAddress, answer: Answer) -> None:
        self._address = address
        self.status_code = answer.status
        self.headers: dict[str, str] = {}
        self._body = answer.body

    @property
    def text(self) -> str:
        """The body as text."""
        return self._body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body's JSON.

        Raises:
            ValueError: An error's body is something else.
            PushError: Another body is something else.
        """
        try:
            return json_text.loads(self._body)
        except (ValueError, RecursionError) as error:
            if self.status_code >= 400:
                raise ValueError("not JSON") from error
            kind = "a web page" if self._body.lstrip()[:1] == b"<" else "something that is not JSON"
            raise PushError(
                f"{self._address}: it answers with {kind} in place of Grafana's API: is a sign-in page or a proxy "
                "before it, or does the address lack Grafana's path?"
            ) from error
