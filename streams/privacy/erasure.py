"""Erases persons: finds the subjects of a person and destroys their keys.

A person is given by the name that the sources use, or by a pseudonym. For a name, it erases the keys of the person's
pseudonyms in every domain that makes pseudonyms, and the keys under the name itself. For a pseudonym, it erases that
one's keys.

The result names pseudonyms, because `platform.erasure` keeps it for ever. The exception is a domain without
pseudonyms, where keys lie under the name: its erasure contains the name, which the topics contain anyway.

An erasure is noted before it begins (`erasure_journal.py`), so that a crash leaves it to be finished at the next start.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from schemas.catalog import Catalog
from streams.identity.pseudonyms import is_pseudonym, pseudonym
from streams.identity.secret import deployment_secret
from streams.privacy.field_encryption import SubjectKeys


class Erasure(NamedTuple):
    """The erasure of a subject.

    Attributes:
        subject: A pseudonym or a name.
        keys: Names of the keys that it destroys.
    """

    subject: str
    keys: tuple[str, ...]


def subjects(keys: Path, catalog: Catalog, person: str) -> tuple[str, ...]:
    """Return the subjects of a person: the pseudonym in each domain that makes pseudonyms, and the name itself.

    Args:
        keys: `<data>/keys`.
        catalog: Its topics state which domains make pseudonyms.
        person: A name, or a pseudonym. A pseudonym is its own only subject.
    """
    if is_pseudonym(person):
        return (person,)
    secret = deployment_secret(keys)
    domains = [
        name for name, each in catalog.domains.items() if any(topic.pseudonym for topic in each.topics)
    ]
    return (*(pseudonym(secret, domain, person) for domain in domains), person)


def planned(keys: Path, catalog: Catalog, person: str) -> list[Erasure]:
    """Return what the erasure of a person will destroy, without destroying it.

    Args:
        keys: `<data>/keys`.
        catalog: Its topics state which domains make pseudonyms.
        person: A name, or a pseudonym.

    Returns:
        One erasure for each pseudonym. One for the name itself only if a key lies under it.
    """
    store = SubjectKeys(keys)
    found = [Erasure(subject, store.names(subject)) for subject in subjects(keys, catalog, person)]
    return [each for each in found if each.keys or is_pseudonym(each.subject)]


def erase(keys: Path, erased: Iterable[str]) -> int:
    """Destroy the keys of subjects durably. New personal values of them are refused from now on. Safe to repeat.

    Args:
        keys: `<data>/keys`.
        erased: The subjects.

    Returns:
        How many keys there were.
    """
    store = SubjectKeys(keys)
    return sum(len(store.forget(subject)) for subject in erased)
