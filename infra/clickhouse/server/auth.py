"""Authentication: users with salted digests of their passwords, compared in constant time.

The generated passwords have 192 random bits, so one round of SHA-256 is enough: no digest leads back to one.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from infra.clickhouse.errors import RefusedError
from infra.clickhouse.server.config import User

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.clickhouse.server.config import Role
    from infra.clickhouse.server.request import Credentials


def make_user(name: str, password: str, role: Role) -> User:
    """Return a user of the server; with an empty password its name alone is enough."""
    salt = secrets.token_hex(16)
    return User(name, role, salt, _digest(salt, password) if password else "")


def check_credentials(given: Credentials, users: Iterable[User]) -> User:
    """Return the user that a request's name and password belong to.

    Raises:
        RefusedError: Code 516, with the same text for a wrong user and a wrong password.
    """
    found = None
    for user in users:
        name = hmac.compare_digest(given.user.encode(), user.name.encode())
        expected = user.digest or _digest(user.salt, "")
        password = hmac.compare_digest(_digest(user.salt, given.password), expected)
        found = user if name and password else found
    if found is None:
        raise RefusedError(
            516,
            "AUTHENTICATION_FAILED",
            f"{given.user}: Authentication failed: password is incorrect, or there is no user with such name.",
        )
    return found


def _digest(salt: str, password: str) -> str:
    return hashlib.sha256(f"{salt}:{password}".encode()).hexdigest()
