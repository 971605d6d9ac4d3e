"""A person forgotten without Kafka: what `city forget` does to the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.privacy.erasure import erase, planned

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.catalog import Catalog
    from streams.privacy.erasure import Erasure


def forget(keys: Path, catalog: Catalog, person: str) -> list[Erasure]:
    """Destroy a person's keys; return what was planned."""
    erasures = planned(keys, catalog, person)
    erase(keys, (each.subject for each in erasures))
    return erasures
