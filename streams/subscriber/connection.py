"""The address and login of a subscriber."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Connection:
    """The connection of a subscriber to Kafka.

    Attributes:
        address: Bootstrap address of the SASL listener, `host:port[,host:port]`.
        user: The subscriber's name.
        password: Its password.
        more: Further librdkafka settings, such as those of TLS in front of the listener.
    """

    address: str
    user: str
    password: str = field(repr=False)
    more: Mapping[str, str] = field(default_factory=dict, repr=False)

    def settings(self) -> dict[str, str]:
        """Return the librdkafka settings of this connection."""
        return {
            "bootstrap.servers": self.address,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": self.user,
            "sasl.password": self.password,
            **self.more,
        }
