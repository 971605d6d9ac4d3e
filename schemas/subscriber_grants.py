"""Loads subscribers, parties outside the platform, and the topics that they may read: `subscribers/<name>.toml`.

A file has the subscriber's title, purpose, roles, and optionally its domains. It lists no topics. A subscriber may read
the topics whose `readers` in `domain.toml` name one of its roles, within its domains. Every loaded subscriber may read
at least one topic. `infra` owns users, passwords and grants in Kafka.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas import names
from schemas.errors import CatalogError
from schemas.model import Catalog, Topic

SUBSCRIBERS = Path(__file__).parent / "subscribers"
LONGEST_NAME = 63
_TEXTS = ("title", "purpose")
_LISTS = ("roles", "domains")


@dataclass(frozen=True)
class Subscriber:
    """One party outside the platform.

    Attributes:
        name: Its user in Kafka; its consumer groups begin with the name and a dot.
        title: Its name for people.
        purpose: Purpose for which it reads the topics.
        roles: Its roles, as `readers` names them.
        topics: Names of the topics that it may read, sorted.
    """

    name: str
    title: str
    purpose: str
    roles: tuple[str, ...]
    topics: tuple[str, ...]


def load_subscribers(catalog: Catalog, *extra_roots: Path) -> dict[str, Subscriber]:
    """Return the packaged subscribers and those of further folders.

    Args:
        catalog: Topics with the roles that may read them.
        extra_roots: Folders with `<name>.toml` files.

    Returns:
        The subscribers by name.

    Raises:
        CatalogError: A file violates a rule; the message has one line for each problem.
    """
    found: dict[str, Subscriber] = {}
    problems: list[str] = []
    for file in (file for root in (SUBSCRIBERS, *extra_roots) for file in sorted(root.glob("*.toml"))):
        where = f"{file.parent.name}/{file.name}"
        try:
            toml = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            problems.append(f"{where}: cannot be read: {error}")
            continue
        wrong = [*_problems(file.stem, toml, catalog)]
        if file.stem in found:
            wrong.append(f"there is another subscriber {file.stem}")
        problems.extend(f"{where}: {problem}" for problem in wrong)
        if not wrong:
            found[file.stem] = _subscriber(file.stem, toml, catalog)
    if problems:
        raise CatalogError(tuple(problems))
    return found


def _problems(name: str, toml: Mapping[str, Any], catalog: Catalog) -> Iterator[str]:
    """Yield the problems of one file."""
    if not names.is_word(name) or len(name) > LONGEST_NAME:
        yield f"{name!r} is no subscriber's name (lower case, digits, single hyphens, {LONGEST_NAME} at most)"
    for entry in _TEXTS:
        if not isinstance(toml.get(entry), str) or not toml[entry].strip():
            yield f"{entry}: expected text, got {toml.get(entry)!r}"
    for entry in sorted(toml.keys() - {*_TEXTS, *_LISTS}):
        yield f"{entry}: is no entry of a subscriber"
    known = {
        "roles": {role for topic in catalog.topics.values() for role in topic.readers},
        "domains": set(catalog.domains),
    }
    valid = True
    for entry in _LISTS:
        value = toml.get(entry, [] if entry == "roles" else [*catalog.domains])
        if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
            yield f"{entry}: expected a list of texts, got {value!r}"
            valid = False
            continue
        for each in sorted({*value} - known[entry]):
            yield f"{entry}: {each} is not in the catalogue; known are {', '.join(sorted(known[entry]))}"
            valid = False
    if valid and not any(_granted(toml, catalog)):
        yield "roles: no topic of its domains names one of them among its readers"


def _granted(toml: Mapping[str, Any], catalog: Catalog) -> Iterator[Topic]:
    """Yield the topics that a file's roles may read within its domains, sorted by name."""
    domains = toml.get("domains", catalog.domains)
    for topic in sorted(catalog.topics.values(), key=lambda each: each.name):
        if topic.domain in domains and not set(topic.readers).isdisjoint(toml["roles"]):
            yield topic


def _subscriber(name: str, toml: Mapping[str, Any], catalog: Catalog) -> Subscriber:
    """Return the subscriber of a valid file."""
    topics = tuple(topic.name for topic in _granted(toml, catalog))
    return Subscriber(name, toml["title"], toml["purpose"], tuple(toml["roles"]), topics)
