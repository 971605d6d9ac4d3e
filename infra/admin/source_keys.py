"""Keys that may sign for a source: written to `platform.source-key`, sealed like every record, read from there."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from infra.connections import connect
from infra.errors import SettingsError
from infra.layer_configs import streams_config
from infra.platform_events.events import PlatformEvents
from schemas.names import DATABASE, topic_name
from streams.produce.kafka import Producer
from streams.provenance.kafka_key_registry import kafka_registry
from streams.provenance.key_registry import REGISTERED, REVOKED, TOPIC, Registry
from streams.signing.did_key import public_of

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.catalog import Catalog


@dataclass(frozen=True)
class SourceKey:
    """A key of a source as the registry has it now.

    Attributes:
        source: The source.
        did: The key as did:key.
        standing: REGISTERED, REVOKED, or "not registered".
        required: Whether the source's events must be signed.
        in_force_from: Since when the registration is in force, UTC.
        missing: Sequence numbers that were skipped under this key and have not come since.
    """

    source: str
    did: str
    standing: str
    required: bool
    in_force_from: str
    missing: int


def register(
    settings: Settings,
    topics: Catalog,
    source: str,
    did: str,
    *,
    required: bool,
    valid_from: datetime,
    ground: str,
) -> str:
    """Register a key that may sign for a source.

    Args:
        settings: The stack.
        topics: Its catalogue.
        source: The source, as its events name it.
        did: The key, `did:key:z6Mk…`.
        required: Whether each event of the source must be signed from then on.
        valid_from: The registration is not in force before this.
        ground: The reason; kept in the event.

    Returns:
        The instant from which the registration is in force, ISO 8601 in UTC.

    Raises:
        SourceKeyError: The key is no did:key of an Ed25519 key.
        SettingsError: The source is no name that an event could have.
    """
    return _write(settings, topics, source, did, REGISTERED, required, valid_from, ground)


def revoke(
    settings: Settings, topics: Catalog, source: str, did: str, *, required: bool | None, ground: str
) -> str:
    """Revoke a key of a source.

    Args:
        settings: The stack.
        topics: Its catalogue.
        source: The source.
        did: The key.
        required: Whether the source's events must be signed; None: as before.
        ground: The reason; kept in the event.

    Returns:
        The instant from which the revocation is in force, ISO 8601 in UTC.

    Raises:
        SettingsError: The source has no such key.
    """
    words = _registry(settings, topics).registrations().get(source, [])
    if not any(word.did == did for word in words):
        raise SettingsError(f"{source} has no key {did}; see `city keys sources`")
    if required is None:
        required = words[-1].required
    return _write(settings, topics, source, did, REVOKED, required, datetime.now(UTC), ground)


def source_keys(settings: Settings, topics: Catalog) -> list[dict[str, Any]]:
    """Return every key of every source with its newest registration and its number of missing sequence numbers."""
    missing = _missing(settings, topics)
    found = []
    for source, words in sorted(_registry(settings, topics).registrations().items()):
        newest = {word.did: word for word in words}
        found += [
            SourceKey(
                source,
                word.did,
                word.status,
                words[-1].required,
                _text(word.in_force_ms),
                missing.pop((source, word.did), 0),
            )
            for word in newest.values()
        ]
    found += [
        SourceKey(source, did, "not registered", False, "", count)
        for (source, did), count in sorted(missing.items())
        if count
    ]
    return [asdict(each) for each in found]


def _write(
    settings: Settings,
    topics: Catalog,
    source: str,
    did: str,
    standing: str,
    required: bool,
    valid_from: datetime,
    ground: str,
) -> str:
    public_of(did)
    if not source or "#" in source:
        raise SettingsError(f"source: expected the name that its events bear, up to #, got {source!r}")
    config = streams_config(settings)
    body = {
        "sender": source,
        "did": did,
        "standing": standing,
        "required": required,
        "valid_from": valid_from,
        "ground": ground,
    }
    with Producer(config, topics) as producer:
        PlatformEvents(producer, "keys").event(TOPIC, body)
        producer.flush()
    settled_ms = time.time_ns() // 1_000_000 + int(config.origin_settle_s * 1000)
    return _text(max(settled_ms, int(valid_from.timestamp() * 1000)))


def _registry(settings: Settings, topics: Catalog) -> Registry:
    registry = kafka_registry(streams_config(settings), topics)
    registry.refresh()
    return registry


def _missing(settings: Settings, topics: Catalog) -> dict[tuple[str, str], int]:
    """Return how many sequence numbers are missing, by source and key (empty: not signed)."""
    table = topics.topics[topic_name("platform", "sequence-gap")].table
    with closing(connect(settings)) as client:
        rows = client.query(
            "SELECT sender, ifNull(signer, ''), sum(if(standing = 'MISSING', 1, -1) * (last - first + 1)) "
            f"FROM {DATABASE}.{table} FINAL GROUP BY 1, 2"
        ).result_rows
    return {(str(sender), str(signer)): int(count) for sender, signer, count in rows}


def _text(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
