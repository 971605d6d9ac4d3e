"""The deployment secret: 32 random bytes of a data directory, made once."""

import hmac
import secrets
from pathlib import Path

from streams.durable_files import create_once
from streams.errors import StopError

SECRET_BYTES = 32


class DeploymentSecret:
    """The secret of a deployment: 32 random bytes, never printed."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "DeploymentSecret(***)"

    def mac(self, purpose: bytes, message: bytes) -> bytes:
        """Return the HMAC-SHA256 of a message, separate from that for any other purpose.

        Args:
            purpose: Tag that begins the message, such as `city-pseudonym/v1` and a newline.
            message: What is authenticated.
        """
        return hmac.digest(self._value, purpose + message, "sha256")


def deployment_secret(keys: Path) -> DeploymentSecret:
    """Return the secret of a data directory. Make it first, durably and with mode 0600, if there is none.

    Args:
        keys: `<data>/keys`.

    Raises:
        StopError: The file does not hold 32 bytes. A new secret would change ids.
    """
    path = keys / "deployment.secret"
    value = path.read_bytes() if path.exists() else create_once(path, secrets.token_bytes(SECRET_BYTES))
    if len(value) != SECRET_BYTES:
        raise StopError(f"{path}: expected {SECRET_BYTES} bytes, got {len(value)}: restore it from a backup")
    return DeploymentSecret(value)
