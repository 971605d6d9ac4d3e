"""Builds the domains of the catalogue from their folders. Pure; `toml_rules` has checked the folders before."""

from collections.abc import Iterable
from typing import Any

from schemas import names
from schemas.envelope import canonical_text, personal_fields, wire_record
from schemas.folder import Folder
from schemas.model import Domain, Schema, Topic
from schemas.toml_rules import SHARED


def assemble(folders: Iterable[Folder], envelope: dict[str, Any]) -> dict[str, Domain]:
    """Return the domains of the catalogue by name, sorted.

    Args:
        folders: Folders without `toml_rules.folder_problems`.
        envelope: Avro record with which every event begins, as plain JSON.
    """
    ordered = list(folders)
    shared = next((each for each in ordered if each.name == SHARED), None)
    return {
        each.name: _domain(each, shared, envelope) for each in sorted(ordered, key=lambda each: each.name)
    }


def _domain(folder: Folder, shared: Folder | None, envelope: dict[str, Any]) -> Domain:
    """Build one domain."""
    toml = folder.toml
    topics = tuple(_topic(folder, event, shared, envelope) for event in toml["topics"])
    return Domain(folder.name, toml["title"], toml["owner"], toml["sensitivity"], topics)


def _topic(folder: Folder, event: str, shared: Folder | None, envelope: dict[str, Any]) -> Topic:
    """Build one topic with all versions of its schema."""
    entry = folder.toml["topics"][event]
    name = names.topic_name(folder.name, event)
    source = folder
    if "schema_ids" not in entry and shared is not None:  # dead letters of every domain share one schema
        source = shared
    return Topic(
        name=name,
        domain=folder.name,
        event=event,
        kind=entry["kind"],
        key=entry["key"],
        partitions=entry.get("partitions"),
        retention_days=entry["retention_days"],
        readers=tuple(entry["readers"]),
        schemas=tuple(_schemas(source, event, names.subject_name(name), envelope)),
        table=names.table_name(name),
        archived=entry.get("archived", True),
        sealed=entry.get("sealed", True),
        grace_s=entry.get("grace_s", 0),
        pseudonym=entry.get("pseudonym", False),
        subject=entry.get("subject", entry["key"]),
    )


def _schemas(folder: Folder, event: str, subject: str, envelope: dict[str, Any]) -> Iterable[Schema]:
    """Yield every version of a topic's schema, oldest first."""
    for version, schema_id in enumerate(folder.toml["topics"][event]["schema_ids"], start=1):
        record = wire_record(folder.records[event, version], envelope)
        yield Schema(schema_id, subject, version, record, canonical_text(record), personal_fields(record))
