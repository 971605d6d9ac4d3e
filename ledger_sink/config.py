"""Settings of the ledger's processes: frozen values with units and defaults.

Nothing here reads the environment. `infra/settings.py` reads it and fills in these values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.names import LEDGER_SINK_GROUP

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class SealedTopic:
    """A topic to seal: each of its records becomes a leaf."""

    name: str
    partitions: int = 1
    """Smallest number of partitions. The ledger seals further partitions that Kafka reports, too."""


@dataclass(frozen=True)
class FileSettings:
    """The anchor that appends checkpoint lines to a file."""

    path: Path
    name: str = "file"
    interval_s: float = 60.0
    """Seconds between anchored checkpoints of a growing city log."""


@dataclass(frozen=True)
class TimestampSettings:
    """The anchor at one RFC 3161 time stamping authority."""

    name: str
    url: str
    roots: Path
    """PEM file of the authority's pinned root certificates."""
    interval_s: float = 60.0


@dataclass(frozen=True)
class EvmSettings:
    """The anchor that pays from one account on one EVM chain."""

    rpc: str
    """JSON-RPC URL of a node."""
    chain_id: int
    """Id that the node's chain must have."""
    key_file: Path
    name: str = "evm"
    interval_s: float = 600.0
    confirmations: int = 12
    """Number of blocks, its own included, after which a block is final."""
    max_fee_gwei: float = 200.0
    """Highest price per gas that a transaction offers, in gwei."""


AnchorSettings = FileSettings | TimestampSettings | EvmSettings


@dataclass(frozen=True)
class LedgerConfig:
    """Settings of the sink, the city log, the prover and the audit."""

    data: Path
    """Root directory of the platform's data. The ledger is `<data>/ledger`."""
    kafka: str = "127.0.0.1:19092"
    """Kafka's bootstrap address."""
    city: str = "city.example"
    """The city's name: the first part of every origin."""
    topics: tuple[SealedTopic, ...] = ()
    """Topics to seal."""
    signer_url: str = "http://127.0.0.1:18082"
    """Base URL of the signer."""
    signer_token_file: Path | None = None
    """File of the signer's bearer token. None: the file that a signer over the same `data` creates."""
    witness_urls: tuple[str, ...] = ()
    """Base URLs of the witnesses of a first `policy.txt`. Later that file alone decides."""
    quorum: int | None = None
    """Number of these witnesses that must cosign, in a first `policy.txt`. None: more than half."""
    interval_s: float = 1.0
    """Shortest time between checkpoints of a growing log, in seconds."""
    longest_interval_s: float = 5.0
    """Longest interval, in seconds, that slow commits lead to."""
    anchors: tuple[AnchorSettings, ...] = ()
    """Outside services that attest when a city checkpoint existed."""
    group: str = LEDGER_SINK_GROUP
    """Consumer group that `next_offset` is committed to, so that lag is visible. The ledger never reads it."""
    kafka_options: Mapping[str, str] = field(default_factory=dict)
    """Further librdkafka settings, such as user and password."""

    @property
    def ledger(self) -> Path:
        """Return the directory of all logs."""
        return self.data / "ledger"

    @property
    def token_file(self) -> Path:
        """Return the file that holds the bearer token for the signer."""
        return self.signer_token_file or SignerConfig(self.data, self.city).token_file


@dataclass(frozen=True)
class SignerConfig:
    """Settings of the signer, which sees neither events nor Kafka."""

    data: Path
    """Root directory of the platform's data. The signer owns `<data>/keys/ledger-*`."""
    city: str = "city.example"
    """City name. The signer signs origins of this city only."""
    host: str = "127.0.0.1"
    """Interface it listens on."""
    port: int = 18082
    """TCP port it listens on. 0: any free port."""
    hosts: tuple[str, ...] = ()
    """Names by which its callers reach it, besides those of the loopback and its own address."""

    @property
    def keys(self) -> Path:
        """Return the directory of seed, token and signed heads."""
        return self.data / "keys"

    @property
    def seed_file(self) -> Path:
        """Return the file of the master seed: 32 bytes, mode 0600, created once."""
        return self.keys / "ledger-master.seed"

    @property
    def token_file(self) -> Path:
        """Return the file of the bearer token, mode 0600."""
        return self.keys / "ledger-signer.token"


@dataclass(frozen=True)
class WitnessConfig:
    """Settings of a witness. A machine that runs one needs nothing else of the platform."""

    directory: Path
    """Directory of its seed, its verifier key and its last cosigned checkpoints."""
    name: str = "witness.example"
    """Its key name: a URL without scheme (C2SP signed-note)."""
    logs_file: Path | None = None
    """C2SP tlog-policy file. Its `log` lines list the logs to serve; it is read again when it changes."""
    host: str = "127.0.0.1"
    """Interface it listens on."""
    port: int = 18081
    """TCP port it listens on. 0: any free port."""
    hosts: tuple[str, ...] = ()
    """Names by which others reach it, besides those of the loopback and its own address."""
