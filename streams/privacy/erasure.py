"""A person is forgotten: under which names their keys lie, and their erasure. Nothing is told here, only done.

A person is given by the name under which the sources know them, or by a pseudonym. Under a name, the keys of their
pseudonyms in every domain that makes any are erased, and those that lie under the name itself; under a pseudonym,
its own. What is returned names pseudonyms only: it goes into `platform.erasure`, for ever. Where personal values are
keyed by the name itself (a domain without pseudonyms), its erasure tells the name that the topics bear anyway.
"""

from pathlib import Path
from typing import NamedTuple

from schemas.catalog import Catalog
from streams.identity.pseudonyms import is_pseudonym, pseudonym
from streams.identity.secret import deployment_secret
from streams.privacy.field_encryption import SubjectKeys


class Erasure(NamedTuple):
    """A subject whose key is erased, and the names of the keys that were destroyed now."""

    subject: str
    keys: tuple[str, ...]


def subjects(keys: Path, catalog: Catalog, person: str) -> tuple[str, ...]:
    """Name the subjects that a person is: themselves, and their pseudonym in each domain that makes any."""
    if is_pseudonym(person):
        return (person,)
    secret = deployment_secret(keys)
    domains = [
        name for name, each in catalog.domains.items() if any(topic.pseudonym for topic in each.topics)
    ]
    return (*(pseudonym(secret, domain, person) for domain in domains), person)


def forget(keys: Path, catalog: Catalog, person: str) -> list[Erasure]:
    """Erase a person's keys, durably; what is written about them from now on is refused.

    Args:
        keys: `<data>/keys`.
        catalog: Tells which domains make pseudonyms.
        person: A name, or a pseudonym.

    Returns:
        One erasure for each pseudonym, and one for the name itself only if a key lay under it.
    """
    store = SubjectKeys(keys)
    done = [Erasure(subject, store.forget(subject)) for subject in subjects(keys, catalog, person)]
    return [each for each in done if each.keys or is_pseudonym(each.subject)]
