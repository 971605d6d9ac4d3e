"""Settings of the ledger's processes: small frozen records with units and defaults.

Nothing here reads the environment; `infra/settings.py` does and fills these in.
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
    """A topic whose every record is sealed."""

    name: str
    partitions: int = 1
    """Partitions it has at least; those that Kafka has in addition are sealed too."""


@dataclass(frozen=True)
class FileSettings:
    """Lines appended to a file."""

    path: Path
    name: str = "file"
    interval_s: float = 60.0
    """Seconds between anchored checkpoints of a growing city log."""


@dataclass(frozen=True)
class TimestampSettings:
    """One RFC 3161 authority."""

    name: str
    url: str
    roots: Path
    """PEM: the authority's root, pinned."""
    interval_s: float = 60.0


@dataclass(frozen=True)
class EvmSettings:
    """One account on one EVM chain."""

    rpc: str
    """A node's JSON-RPC address."""
    chain_id: int
    """The chain that must be there."""
    key_file: Path
    name: str = "evm"
    interval_s: float = 600.0
    confirmations: int = 12
    """Blocks, its own included, until a block counts as final."""
    max_fee_gwei: float = 200.0
    """The highest price per gas that is offered."""


AnchorSettings = FileSettings | TimestampSettings | EvmSettings


@dataclass(frozen=True)
class LedgerConfig:
    """What the sink, the city chain, the prover and the audit need to know."""

    data: Path
    """Root of the platform's data; the ledger is `<data>/ledger`."""
    kafka: str = "127.0.0.1:19092"
    """Bootstrap address."""
    city: str = "city.example"
    """The city's name: the first part of every origin."""
    topics: tuple[SealedTopic, ...] = ()
    """What is sealed."""
    signer_url: str = "http://127.0.0.1:18082"
    """Where the signer listens."""
    signer_token_file: Path | None = None
    """File that holds the bearer token for the signer; None: where a signer over the same `data` puts it."""
    witness_urls: tuple[str, ...] = ()
    """Witnesses that a first `policy.txt` is made from; later that file alone counts."""
    quorum: int | None = None
    """How many of them must cosign, in a first `policy.txt`; None: more than half."""
    interval_s: float = 1.0
    """Seconds between checkpoints of a growing log, at least."""
    longest_interval_s: float = 5.0
    """Seconds up to which the interval grows when commits take long."""
    anchors: tuple[AnchorSettings, ...] = ()
    """Outside services that are to say that city checkpoints existed."""
    group: str = LEDGER_SINK_GROUP
    """Consumer group under which `next_offset` is committed, for lag to be seen; the ledger never reads it."""
    kafka_options: Mapping[str, str] = field(default_factory=dict)
    """Further librdkafka settings, such as a user and password."""

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
    """What the signer needs to know: it sees neither events nor Kafka."""

    data: Path
    """Root of the platform's data; the signer owns `<data>/keys/ledger-*`."""
    city: str = "city.example"
    """Only origins of this city are signed."""
    host: str = "127.0.0.1"
    """Interface it listens on."""
    port: int = 18082
    """TCP port it listens on; 0 takes a free one."""

    @property
    def keys(self) -> Path:
        """Return the directory of seed, token and memory."""
        return self.data / "keys"

    @property
    def seed_file(self) -> Path:
        """Return the file of the master seed: 32 bytes, 0600, created once."""
        return self.keys / "ledger-master.seed"

    @property
    def token_file(self) -> Path:
        """Return the file of the bearer token, 0600."""
        return self.keys / "ledger-signer.token"


@dataclass(frozen=True)
class WitnessConfig:
    """What a witness needs to know; an auditor's machine needs nothing else of ours."""

    directory: Path
    """Where it keeps its seed, its verifier key and what it has cosigned."""
    name: str = "witness.example"
    """Its key name: a URL without scheme."""
    logs_file: Path | None = None
    """C2SP tlog-policy file whose `log` lines say which logs it serves; read again when it changes."""
    host: str = "127.0.0.1"
    """Interface it listens on."""
    port: int = 18081
    """TCP port it listens on; 0 takes a free one."""
