"""Names and keys of logs: origins, and the derivation of each log's Ed25519 key from one master seed.

Origin of a partition log: `<city>/<topic>/<partition>/<epoch>`; of the city log: `<city>/city/<epoch>`
(FORMAT.md §2). A log's key name is its origin. Its seed is HKDF-SHA256(master seed, empty salt, info
`city-ledger/v1 <origin>`, 32 bytes). A witness whose name is in the city's domain is run by the city: its cosignature
is real, but not independent.
"""

import re
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger_sink.format.errors import KeyFormatError, OriginError
from ledger_sink.format.note import SigningKey
from ledger_sink.format.scan import decimal, excerpt

CITY_LOG: Final = "city"
"""The part between city and epoch in the city log's origin; no topic may have this name."""
MASTER_SEED_BYTES: Final = 32
MAX_ORIGIN_BYTES: Final = 255
_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")


@dataclass(frozen=True, slots=True)
class Origin:
    """A log's name in its parts. For the city log, `topic` and `partition` are `None`."""

    city: str
    topic: str | None
    partition: int | None
    epoch: int

    def __post_init__(self) -> None:
        require_name(self.city, "city")
        if self.topic is not None:
            require_name(self.topic, "topic")
        if self.topic == CITY_LOG:
            raise OriginError(f"topic: {CITY_LOG!r} is the city log's own name")
        if (self.topic is None) != (self.partition is None):
            raise OriginError("origin: expected both topic and partition, or neither")
        if not 0 <= (self.partition or 0) < 2**31 or not 1 <= self.epoch < 2**31:
            raise OriginError(f"origin: partition {self.partition} or epoch {self.epoch} is out of range")
        if len(str(self)) > MAX_ORIGIN_BYTES:
            raise OriginError(f"origin: expected at most {MAX_ORIGIN_BYTES} bytes, got {excerpt(str(self))}")

    def __str__(self) -> str:
        if self.topic is None:
            return f"{self.city}/{CITY_LOG}/{self.epoch}"
        return f"{self.city}/{self.topic}/{self.partition}/{self.epoch}"

    @property
    def is_city(self) -> bool:
        """Return whether this is a city log, the log of blocks."""
        return self.topic is None

    @classmethod
    def parse(cls, text: str) -> "Origin":
        """Parse an origin.

        Raises:
            OriginError: if the text is not the canonical form of a partition log's or city log's origin.
        """
        parts = text.split("/")
        if len(parts) == 3 and parts[1] == CITY_LOG:
            return cls(parts[0], None, None, _number(parts[2]))
        if len(parts) == 4:
            return cls(parts[0], parts[1], _number(parts[2]), _number(parts[3]))
        raise OriginError(
            f"origin: expected <city>/<topic>/<partition>/<epoch> or <city>/city/<epoch>, got {excerpt(text)}"
        )


def partition_origin(city: str, topic: str, partition: int, epoch: int = 1) -> str:
    """Return the origin of a partition's log."""
    return str(Origin(city, topic, partition, epoch))


def city_origin(city: str, epoch: int = 1) -> str:
    """Return the origin of the city log."""
    return str(Origin(city, None, None, epoch))


def own_witness_name(city: str) -> str:
    """Return the key name of the witness that the city itself runs: `witness.<city>`."""
    require_name(city, "city")
    return f"witness.{city}"


def is_own_witness(city: str, key_name: str) -> bool:
    """Return whether the city itself runs a witness, which is then not independent (FORMAT.md §2).

    True if the host in its key name, the part before the first `/` or `:`, is the city's name or ends in `.<city>`.
    As in the DNS, case and a dot at the end make no difference.
    """
    host = key_name.partition("/")[0].partition(":")[0].casefold().rstrip(".")
    return host == city.casefold() or host.endswith(f".{city.casefold()}")


def derive_seed(master_seed: bytes, origin: str) -> bytes:
    """Derive a log's 32-byte Ed25519 seed (FORMAT.md §2).

    Raises:
        KeyFormatError: if the master seed is not 32 bytes long.
        OriginError: if the origin is malformed.
    """
    if len(master_seed) != MASTER_SEED_BYTES:
        raise KeyFormatError(f"master seed: expected {MASTER_SEED_BYTES} bytes, got {len(master_seed)}")
    Origin.parse(origin)
    return HKDF(SHA256(), 32, salt=None, info=f"city-ledger/v1 {origin}".encode()).derive(master_seed)


def log_key(master_seed: bytes, origin: str) -> SigningKey:
    """Return the signing key of one log; its name is the origin. Errors as of `derive_seed`."""
    return SigningKey(origin, derive_seed(master_seed, origin))


def require_name(name: str, what: str) -> None:
    """Check a city or topic name against Kafka's alphabet: it becomes part of paths and key names.

    Raises:
        OriginError: if the name is empty, `.`, `..`, longer than 249, or has characters other than
            `A-Z a-z 0-9 . _ -`.
    """
    if name in (".", "..") or not _NAME.fullmatch(name):
        raise OriginError(f"{what}: expected 1 to 249 of A-Z a-z 0-9 . _ -, got {excerpt(name)}")


def _number(text: str) -> int:
    return decimal(text, OriginError, "origin", 2**31 - 1)
