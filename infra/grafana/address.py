"""The address of a Grafana as an operator types it, and why it holds no secret.

Every user of a machine can read the arguments of its programs, and a shell keeps them in its history. So an address
with a password or a token in it is refused, and no message repeats an address that could hold one.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from infra.errors import SettingsError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

OPTION = "--grafana"
FORM = "expected http://USER@HOST:PORT with --password-file FILE, or http://HOST:PORT with --token-file FILE"
_SECRET = (
    f"{OPTION}: no password or token in the address, where every user of this machine can read it: {FORM} "
    "(`-` for FILE reads standard input)"
)
_MOST = 2048
_SCHEMES = ("http", "https")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?", re.ASCII)
_PATH = re.compile(r"[A-Za-z0-9._~/-]*", re.ASCII)
_TOKEN = re.compile(r"glsa_|glc_|eyJ", re.ASCII)
"""Beginnings of Grafana's tokens and API keys."""
_PAGES = frozenset(
    "admin alerting api apis connections d dashboard dashboards datasources explore login org plugins".split()  # noqa: SIM905
)
"""Pages of Grafana; a path with one of them is the address of a page."""


@dataclass(frozen=True)
class GrafanaAddress:
    """Where a Grafana answers.

    Attributes:
        scheme: http or https.
        host: Name or IP address, without brackets.
        port: The port, or None for the one of the scheme.
        prefix: Path below which it lies, as "grafana/", or empty.
        user: The user that the address names, or None.
    """

    scheme: str
    host: str
    port: int | None
    prefix: str
    user: str | None

    @property
    def netloc_host(self) -> str:
        """Return the host as it stands in a URL."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def is_loopback(self) -> bool:
        """Return whether it is this machine by its address or by the name localhost."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower().rstrip(".") == "localhost"

    @property
    def origin(self) -> str:
        """Return scheme, host and port."""
        return f"{self.scheme}://{self.netloc_host}{f':{self.port}' if self.port else ''}"

    def __str__(self) -> str:
        return f"{self.origin}/{self.prefix}"


def parse(url: str) -> GrafanaAddress:
    """Read an address.

    Raises:
        SettingsError: It is none, or it holds a secret.
    """
    if len(url) > _MOST or any(not each.isprintable() or each.isspace() for each in url):
        raise SettingsError(f"{OPTION}: an address has no white space and at most {_MOST} characters; {FORM}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        if "@" in url:
            raise SettingsError(_SECRET) from None
        raise SettingsError(f"{OPTION}: host or port cannot be read; {FORM}; IPv6 as [::1]") from None
    _refuse_secrets(url, parts)
    if parts.scheme not in _SCHEMES or not parts.netloc:
        raise SettingsError(f"{OPTION}: the address begins with http:// or https://; {FORM}")
    if not host or not _is_host(host, bracketed="[" in parts.netloc) or port == 0:
        raise SettingsError(f"{OPTION}: host or port cannot be read; {FORM}; IPv6 as [::1]")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise SettingsError(f"{OPTION}: an address ends before ? and #; {FORM}")
    return GrafanaAddress(parts.scheme, host, port, _prefix(parts.path), _user(parts))


def _refuse_secrets(url: str, parts: SplitResult) -> None:
    """Refuse an address with a password, with a token, or with what may be the rest of one."""
    _, found, after = parts.netloc.rpartition("@")
    rest = url.split(parts.netloc, 1)[-1] if parts.netloc else url
    named = unquote(parts.username or "")
    if (
        parts.password is not None
        or ":" in named
        or "@" in unquote(rest)
        or _TOKEN.match(named)
        or (found and not after)
        or any(word in unquote(rest).lower() for word in ("password=", "token=", "api_key=", "apikey="))
    ):
        raise SettingsError(_SECRET)


def _is_host(host: str, *, bracketed: bool) -> bool:
    if not bracketed:
        return bool(_NAME.fullmatch(host)) and len(host) <= 253
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return "%" not in host


def _prefix(path: str) -> str:
    """Return the path below which Grafana lies."""
    names = [name for name in path.split("/") if name]
    page = next((name for name in names if name in _PAGES), None)
    if page:
        raise SettingsError(f"{OPTION}: that is a page; the address of Grafana ends before /{page}")
    if not _PATH.fullmatch(path) or ".." in names or "." in names:
        raise SettingsError(f"{OPTION}: the path cannot be read; {FORM}")
    return "".join(f"{name}/" for name in names)


def _user(parts: SplitResult) -> str | None:
    return unquote(parts.username) if parts.username else None
