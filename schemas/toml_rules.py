"""Checks one domain's folder: its domain.toml and file names. Each violation is a line with the file. Pure.

`folder_problems` checks a folder alone, before schemas are compiled. `schema_rules` checks the assembled domains, their
schemas, and the catalogue as a whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schemas import names
from schemas.folder import Folder

SHARED = "platform"  # the domain whose dead-letter schema all others use
KINDS = ("raw", "derived", "dead-letter", "platform")
SENSITIVITIES = ("public", "internal", "personal")
MAX_RETENTION_DAYS = 36_500
MAX_PARTITIONS = 1_000
_TEXTS = ("title", "owner", "sensitivity")
_NEEDED = ("kind", "key", "retention_days", "readers")
_OPTIONAL = ("partitions", "schema_ids", "archived", "sealed", "grace_s", "pseudonym", "subject")


def folder_problems(folder: Folder) -> list[str]:
    """Return the problems of one domain's folder: unreadable files, domain.toml, file names.

    Returns:
        One line for each problem, with the file.
    """
    found = list(folder.problems)
    if not names.is_domain_name(folder.name):
        found.append(
            f"{folder.where()}: {folder.name!r} is no domain name (lower case, digits, single underscores)"
        )
    if not folder.problems:
        found.extend(f"{folder.where()}: {problem}" for problem in _toml_problems(folder))
    return found or [*_file_problems(folder)]


def _toml_problems(folder: Folder) -> Iterator[str]:
    """Yield the problems of domain.toml."""
    toml = folder.toml
    for name in _TEXTS:
        if not isinstance(toml.get(name), str) or not toml[name].strip():
            yield f"{name}: expected text, got {toml.get(name)!r}"
    if toml.get("sensitivity") not in SENSITIVITIES:
        yield f"sensitivity: expected one of {', '.join(SENSITIVITIES)}, got {toml.get('sensitivity')!r}"
    for name in sorted(toml.keys() - {*_TEXTS, "topics"}):
        yield f"{name}: is no entry of a domain"
    topics = toml.get("topics")
    if not isinstance(topics, dict) or not topics:
        yield "topics: expected at least one [topics.<event>]"
        return
    if names.DEAD_LETTER not in topics:
        yield f"topics: expected [topics.{names.DEAD_LETTER}], where refused records go"
    for event, entry in topics.items():
        yield from (f"topics.{event}: {problem}" for problem in _topic_problems(folder.name, event, entry))


def _topic_problems(domain: str, event: str, entry: Any) -> Iterator[str]:
    """Yield the problems of one topic's entry."""
    if not names.is_word(event) or not names.is_topic_name(names.topic_name(domain, event)):
        yield "an event's name is lower case, digits and single hyphens, its topic's at most 249 characters"
    if not isinstance(entry, dict):
        yield f"expected a table, got {entry!r}"
        return
    for name in _NEEDED:
        if name not in entry:
            yield f"{name}: is missing"
    for name in sorted(entry.keys() - {*_NEEDED, *_OPTIONAL}):
        yield f"{name}: is no entry of a topic"
    yield from _value_problems(entry)
    yield from _kind_problems(domain, event, entry)


def _value_problems(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problems of an entry's values, each value alone."""
    if "key" in entry and not isinstance(entry["key"], str):
        yield f"key: expected the name of a field, got {entry['key']!r}"
    limits = {
        "retention_days": (1, MAX_RETENTION_DAYS),
        "partitions": (1, MAX_PARTITIONS),
        "grace_s": (0, 10**9),
    }
    for name, (low, high) in limits.items():
        value = entry.get(name, low)
        if type(value) is not int or not low <= value <= high:
            yield f"{name}: expected a whole number from {low} to {high}, got {value!r}"
    if not isinstance(entry.get("subject", ""), str):
        yield f"subject: expected the name of a field, got {entry['subject']!r}"
    for name in ("archived", "sealed", "pseudonym"):
        if not isinstance(entry.get(name, True), bool):
            yield f"{name}: expected true or false, got {entry[name]!r}"
    if entry.get("sealed", True) and not entry.get("archived", True):
        yield "sealed: a topic that is sealed is archived as well"
    readers = entry.get("readers", ["operator"])
    if not isinstance(readers, list) or not readers or not all(_is_word(each) for each in readers):
        yield f"readers: expected a list of roles, got {readers!r}"
    ids = entry.get("schema_ids", [1])
    if (
        not isinstance(ids, list)
        or not ids
        or not all(type(each) is int and 0 < each < 2**31 for each in ids)
    ):
        yield f"schema_ids: expected the id of each version, got {ids!r}"


def _kind_problems(domain: str, event: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problems of a topic's kind, and of the values that depend on it."""
    kind = entry.get("kind")
    if kind not in KINDS:
        yield f"kind: expected one of {', '.join(KINDS)}, got {kind!r}"
    if (kind == names.DEAD_LETTER) != (event == names.DEAD_LETTER):
        yield f"kind: {names.DEAD_LETTER} is the kind of the topic of that name, and of no other"
    if kind == "platform" and domain != SHARED:
        yield f"kind: platform is for topics of the domain {SHARED}"
    if entry.get("pseudonym") and kind != "raw":
        yield "pseudonym: only a raw topic is given names; what is derived bears the pseudonym already"
    shared = kind == names.DEAD_LETTER and domain != SHARED
    if shared and "schema_ids" in entry:
        yield f"schema_ids: dead letters use the schema of {SHARED}; leave it out"
    if not shared and "schema_ids" not in entry:
        yield "schema_ids: is missing"


def _is_word(value: Any) -> bool:
    """Return whether a value is a word of lower case, digits and single hyphens."""
    return isinstance(value, str) and names.is_word(value)


def _file_problems(folder: Folder) -> Iterator[str]:
    """Check that every version has a file and an example, and that every file has a version."""
    declared = {
        (event, version)
        for event, entry in folder.toml["topics"].items()
        for version in range(1, len(entry.get("schema_ids", ())) + 1)
    }
    for event, version in sorted(declared):
        name = names.schema_file(event, version)
        if (event, version) not in folder.records:
            yield f"{folder.where()}: topics.{event}: version {version} has no file {name}"
        if not folder.examples.get((event, version)):
            yield f"{folder.where(name)}: has no example (examples/{event}.v{version}.<case>.json)"
    for event, version in sorted(folder.records.keys() - declared):
        yield f"{folder.where(names.schema_file(event, version))}: has no id in schema_ids of topics.{event}"
    for event, version in sorted(folder.examples.keys() - declared):
        for path, _ in folder.examples[event, version]:
            yield f"{folder.where(path)}: is an example of no declared version"


def duplicates(owners: Sequence[tuple[Any, str]], what: str) -> Iterator[str]:
    """Yield a line for each value that has two owners.

    Args:
        owners: Pairs of value and owner.
        what: Kind of the values, for the message.
    """
    first: dict[Any, str] = {}
    for value, owner in owners:
        if value in first and first[value] != owner:
            yield f"{owner}: {what} {value} belongs to {first[value]} already"
        first.setdefault(value, owner)
