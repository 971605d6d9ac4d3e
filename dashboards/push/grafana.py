"""Calls of Grafana's HTTP API whose failures are one line each, without a secret and without a page of HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grafana_client.client import GrafanaException

from dashboards.errors import PushError
from dashboards.push.difference import printable
from dashboards.style import DATASOURCE_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from grafana_client import GrafanaApi

MOST_MESSAGE = 200
"""Most characters that are repeated of what Grafana says."""
SHORTEST_SECRET = 4
"""A shorter one would be found in any text."""
PROVISIONED = "it comes from files on Grafana's machine, as with `city up`, and is changed there"
_HINTS = {
    401: "it does not know the user, the password or the token: see --password-file and --token-file",
    403: "it takes an administrator's password, or the token of a service account with the role Admin",
    404: "push again, and see whether the address is right",
    409: "something else has that name or uid there",
    412: "it was changed elsewhere meanwhile, and nothing was overwritten: push again",
    429: "too many requests: push again later",
}


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return text in which each secret is an ellipsis."""
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "…")
    return text


class RefusedError(PushError):
    """Grafana answered with an error.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, line: str, status: int) -> None:
        super().__init__(line)
        self.status = status


@dataclass(frozen=True)
class Grafana:
    """A Grafana that answers.

    Attributes:
        api: The client, with its credentials.
        address: Its URL without credentials, with `/` at the end.
        secrets: What no message may contain, even if Grafana repeats it.
    """

    api: GrafanaApi
    address: str
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def ask(self, doing: str, call: Callable[[], Any]) -> dict[str, Any]:
        """Make a call whose answer is an object.

        Args:
            doing: What the call does, for the message.
            call: The call.

        Raises:
            RefusedError: Grafana answers with an error.
            PushError: Grafana does not answer, or not with an object.
        """
        answer = self._answer(doing, call)
        if not isinstance(answer, dict):
            raise self._unusable(doing)
        return answer

    def ask_list(self, doing: str, call: Callable[[], Any]) -> list[dict[str, Any]]:
        """Make a call whose answer is a list of objects; it raises what `ask` raises."""
        answer = self._answer(doing, call)
        if not isinstance(answer, list) or not all(isinstance(each, dict) for each in answer):
            raise self._unusable(doing)
        return answer

    def find(self, doing: str, call: Callable[[], Any]) -> dict[str, Any] | None:
        """Make a call as `ask` does; return None if Grafana says that there is no such thing."""
        try:
            return self.ask(doing, call)
        except RefusedError as error:
            if error.status == 404:
                return None
            raise

    def plain(self, text: str) -> str:
        """Return text from Grafana in one line: printable, bounded, without a secret."""
        line = printable(" ".join(without_secrets(text, self.secrets).split()))
        return line if len(line) <= MOST_MESSAGE else f"{line[: MOST_MESSAGE - 1]}…"

    def _answer(self, doing: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except GrafanaException as error:
            status = int(error.status_code)
            message = self._message(error.response)
            hint = PROVISIONED if status == 400 and "provisioned" in message.lower() else _HINTS.get(status)
            line = f"{self.address}: Grafana refuses to {doing}: {status}{f' {message}' if message else ''}"
            raise RefusedError(f"{line}; {hint}" if hint else line, status) from error

    def _message(self, response: Any) -> str:
        """Return what an error's body says; a page of HTML is only named."""
        text = response.get("message", "") if isinstance(response, dict) else response
        if not isinstance(text, str):
            return ""
        return "(a web page)" if text.lstrip().startswith("<") else self.plain(text)

    def _unusable(self, doing: str) -> PushError:
        return PushError(f"{self.address}: asked to {doing}, it does not answer as Grafana's API does")


def require_grafana(grafana: Grafana) -> str:
    """Return the version of Grafana; empty if it keeps it to itself.

    Raises:
        PushError: There is no Grafana at the address, or it does not accept us.
    """
    problem = f"{grafana.address}: no Grafana answers there; the address is the one before /login, /d or /api"
    try:
        health = grafana.ask("say how it is", lambda: grafana.api.client.GET("/health"))
    except RefusedError as error:
        if error.status in (404, 405):
            raise PushError(problem) from error
        raise
    if "database" not in health:
        raise PushError(problem)
    return grafana.plain(str(health.get("version") or ""))


def require_plugin(grafana: Grafana) -> None:
    """Refuse a Grafana without the plug-in that reads ClickHouse.

    Raises:
        PushError: It is not installed.
    """
    path = f"/plugins/{DATASOURCE_TYPE}/settings"
    try:
        known = grafana.find("say whether the plug-in is there", lambda: grafana.api.client.GET(path))
    except RefusedError as error:
        if error.status != 403:
            raise
        return  # not everyone may ask; the data source will tell
    if known is None:
        raise PushError(
            f"{grafana.address}: the plug-in {DATASOURCE_TYPE} is not installed there; install it on that machine "
            f"(grafana cli plugins install {DATASOURCE_TYPE}), restart Grafana, then push again"
        )
