"""Authentication: one user with one password, compared in constant time."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from infra.clickhouse.errors import RefusedError

if TYPE_CHECKING:
    from infra.clickhouse.server.config import ServerConfig
    from infra.clickhouse.server.request import Credentials


def check_credentials(given: Credentials, config: ServerConfig) -> None:
    """Check a request's user and password.

    Raises:
        RefusedError: Code 516, with the same text for a wrong user and a wrong password.
    """
    user = hmac.compare_digest(given.user.encode(), config.user.encode())
    password = hmac.compare_digest(given.password.encode(), config.password.encode())
    if not (user and password):
        raise RefusedError(
            516,
            "AUTHENTICATION_FAILED",
            f"{given.user}: Authentication failed: password is incorrect, or there is no user with such name.",
        )
