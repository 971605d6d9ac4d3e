"""With what we sign in to Grafana: a user's password or a service account's token, from a file or standard input."""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass, field
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.errors import SettingsError
from infra.grafana.address import FORM, OPTION

if TYPE_CHECKING:
    from infra.grafana.address import GrafanaAddress

STANDARD_INPUT = "-"
MOST_BYTES = 4096


@dataclass(frozen=True)
class Credentials:
    """What a request carries.

    Attributes:
        authorization: The header's value.
        secrets: What no message may contain.
    """

    authorization: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


def read(address: GrafanaAddress, password_file: str | None, token_file: str | None) -> Credentials:
    """Read the password of the address's user, or a token.

    Args:
        address: Where Grafana answers, and as whom a password signs in.
        password_file: A file, or `-` for standard input.
        token_file: The same, of a service account's token.

    Raises:
        SettingsError: None or both are given, or a file holds no such thing.
        OSError: A file cannot be read.
    """
    if password_file and token_file:
        raise SettingsError("give --password-file or --token-file, not both")
    if token_file:
        if address.user:
            raise SettingsError(f"{OPTION}: a token needs no user: {FORM}")
        token = _one_line(token_file, "--token-file")
        if not token.isascii() or " " in token:
            raise SettingsError("--token-file: a token has neither spaces nor letters outside ASCII")
        return Credentials(f"Bearer {token}", (token,))
    if not password_file:
        raise SettingsError(
            f"Grafana's password or token is missing: give --password-file or --token-file; {FORM}"
        )
    if not address.user:
        raise SettingsError(f"{OPTION}: the user of the password is missing: {FORM}")
    password = _one_line(password_file, "--password-file")
    pair = base64.b64encode(f"{address.user}:{password}".encode()).decode()
    return Credentials(f"Basic {pair}", (password, pair))


def _one_line(file: str, option: str) -> str:
    """Return the one line of a file, without the white space around it; the message never repeats it."""
    if file == STANDARD_INPUT and sys.stdin.isatty():
        data = getpass(f"{option.strip('-').split('-')[0].capitalize()} for Grafana: ").encode()
    elif file == STANDARD_INPUT:
        data = sys.stdin.buffer.read(MOST_BYTES + 1)
    else:
        with Path(file).open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    where = "standard input" if file == STANDARD_INPUT else file
    if len(data) > MOST_BYTES:
        raise SettingsError(f"{option}: {where} is longer than {MOST_BYTES} bytes; it holds one line")
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        raise SettingsError(f"{option}: {where} is not UTF-8 text") from None
    if not text:
        raise SettingsError(f"{option}: {where} is empty; it holds one line")
    if not text.isprintable():
        raise SettingsError(f"{option}: {where} has more than one line, or control characters")
    return text
