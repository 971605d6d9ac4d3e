"""The deployment secret: 32 random bytes of a data directory, made once."""

import hmac
import secrets
from pathlib import Path

from streams.durable_files import create_once
from streams.errors import StopError

SECRET_BYTES = 32


class DeploymentSecret:
    """32 random bytes of this data directory, made once; never printed."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "DeploymentSecret(***)"

    def mac(self, purpose: bytes, message: bytes) -> bytes:
        """Return HMAC-SHA256 of a message under this secret, apart from those for other purposes."""
        return hmac.digest(self._value, purpose + message, "sha256")


def deployment_secret(keys: Path) -> DeploymentSecret:
    """Read the secret of a data directory, or make it, 0600 and on disk, when it has none yet.

    Args:
        keys: `<data>/keys`.

    Raises:
        StopError: The file does not hold 32 bytes; ids would change if another were made.
    """
    path = keys / "deployment.secret"
    value = path.read_bytes() if path.exists() else create_once(path, secrets.token_bytes(SECRET_BYTES))
    if len(value) != SECRET_BYTES:
        raise StopError(f"{path}: expected {SECRET_BYTES} bytes, got {len(value)}: restore it from a backup")
    return DeploymentSecret(value)
