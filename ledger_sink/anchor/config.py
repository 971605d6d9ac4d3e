"""The anchors of a ledger: `anchors.toml` → settings → adapters.

    [file]                                # lines for print and USB
    path = "checkpoints.txt"
    interval_s = 60

    [[tsa]]                               # any number of RFC 3161 authorities
    name = "tsa-a"
    url = "https://tsa.example/"
    roots = "tsa-a.pem"                   # pinned
    interval_s = 60

    [evm]                                 # any EVM chain: one setting
    rpc = "http://127.0.0.1:8545"
    chain_id = 31337
    key_file = "anchor-evm.key"           # 0600, 64 hexadecimal digits; its account pays

Paths are relative to the file's folder. Without such a file there is the file anchor alone, which sends nothing over
a network.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ledger_sink.anchor.file import FileAnchor
from ledger_sink.config import AnchorSettings, EvmSettings, FileSettings, TimestampSettings
from ledger_sink.errors import SetupError
from ledger_sink.receipt.errors import MissingLibraryError, ReceiptError
from ledger_sink.receipt.kinds import EVM, LINE, TIMESTAMP
from ledger_sink.receipt.timestamp import parse_roots
from ledger_sink.regular_file import read_regular, read_regular_text

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.x509 import Certificate

    from ledger_sink.anchor.contract import Anchor

LINES = "checkpoints.txt"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
_SHORTEST_S = 1.0


@dataclass(frozen=True)
class ConfiguredAnchor:
    """An adapter and its interval in seconds."""

    anchor: Anchor
    interval_s: float

    @property
    def receipt(self) -> str:
        """Return the file name of its receipts."""
        return f"{self.anchor.name}.{self.anchor.suffix}"


def receipt_name(settings: AnchorSettings) -> str:
    """Return the file name of an anchor's receipts."""
    kinds = {FileSettings: LINE, TimestampSettings: TIMESTAMP, EvmSettings: EVM}
    return f"{settings.name}.{kinds[type(settings)]}"


def late_after_s(settings: AnchorSettings) -> float:
    """Return the seconds without a receipt after which an anchor counts as late."""
    return 3 * settings.interval_s + 300


def default_anchors(data: Path) -> tuple[AnchorSettings, ...]:
    """Return the anchors of a ledger without `anchors.toml`: the file anchor."""
    return (FileSettings(data / "anchors" / LINES),)


def load_anchors(path: Path) -> tuple[AnchorSettings, ...]:
    """Read `anchors.toml`.

    Raises:
        SetupError: if it cannot be read, or a setting is unknown or wrong.
    """
    try:
        content = tomllib.loads(read_regular_text(path))
    except (OSError, ValueError) as error:
        raise SetupError(f"{path}: {error}") from error
    found: list[AnchorSettings] = []
    for kind, tables in content.items():
        if kind not in _READERS:
            raise SetupError(f"{path}: expected file, tsa or evm, got {kind!a}")
        for table in tables if isinstance(tables, list) else [tables]:
            try:
                found.append(_READERS[kind](path.parent, dict(table)))
            except (KeyError, TypeError, ValueError) as error:
                raise SetupError(f"{path}: [{kind}]: {type(error).__name__}: {error}") from error
    _require_names(path, found)
    return tuple(found)


def _file(base: Path, table: dict[str, Any]) -> AnchorSettings:
    return FileSettings(base / str(table.pop("path", LINES)), **_numbers(table))


def _tsa(base: Path, table: dict[str, Any]) -> AnchorSettings:
    return TimestampSettings(roots=base / str(table.pop("roots")), **_numbers(table))


def _evm(base: Path, table: dict[str, Any]) -> AnchorSettings:
    return EvmSettings(key_file=base / str(table.pop("key_file")), **_numbers(table))


_READERS = {"file": _file, "tsa": _tsa, "evm": _evm}


def _numbers(table: dict[str, Any]) -> dict[str, Any]:
    """Return a table after checking that its values have their types and its interval is long enough."""
    for name, value in table.items():
        wanted: tuple[type, ...] = (str,) if name in {"name", "url", "rpc"} else (int, float)
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise TypeError(f"{name}: expected {' or '.join(t.__name__ for t in wanted)}, got {value!a}")
    if table.get("interval_s", _SHORTEST_S) < _SHORTEST_S:
        raise ValueError(f"interval_s: expected {_SHORTEST_S} or more, got {table['interval_s']}")
    return table


def _require_names(path: Path, found: list[AnchorSettings]) -> None:
    names = [settings.name for settings in found]
    for name in names:
        if not _NAME.fullmatch(name) or names.count(name) > 1:
            raise SetupError(f"{path}: expected names of [a-z0-9-], each once, got {name!a}")


def read_roots(path: Path) -> tuple[Certificate, ...]:
    """Read an authority's pinned roots, PEM.

    Raises:
        SetupError: if the file cannot be read or holds no certificate.
    """
    try:
        return parse_roots(read_regular(path))
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}; put the authority's root there, in PEM") from error
    except ReceiptError as error:
        raise SetupError(f"{path}: {error}") from error


def connect(settings: AnchorSettings) -> ConfiguredAnchor:
    """Create the adapter of an anchor. Nothing is sent.

    Raises:
        SetupError: if a key, a root or a library is missing.
    """
    try:
        return ConfiguredAnchor(_adapter(settings), settings.interval_s)
    except MissingLibraryError as error:
        raise SetupError(f"anchor {settings.name}: {error}") from error


def _adapter(settings: AnchorSettings) -> Anchor:
    if isinstance(settings, FileSettings):
        return FileAnchor(settings.name, settings.path)
    if isinstance(settings, TimestampSettings):
        from ledger_sink.anchor.timestamp import TimestampAnchor  # noqa: PLC0415 - needs a library

        return TimestampAnchor(settings.name, settings.url, read_roots(settings.roots))
    from ledger_sink.anchor.evm import EvmAnchor, read_account  # noqa: PLC0415 - needs libraries

    return EvmAnchor(
        settings.name,
        settings.rpc,
        settings.chain_id,
        read_account(settings.key_file),
        confirmations=settings.confirmations,
        max_fee_wei=int(settings.max_fee_gwei * 10**9),
    )
