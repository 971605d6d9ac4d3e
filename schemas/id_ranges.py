"""Schema ids reserved for each domain: `domains/ids.toml`, one hundred a domain.

An id is written into every record and is never used again, so two domains must not take the same one unseen. The file
makes the choice of a hundred a line that two branches cannot both append without a merge conflict.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from schemas.model import Domain
from schemas.names import DEAD_LETTER
from schemas.toml_rules import SHARED

FILE = "ids.toml"
SIZE = 100
"""Ids that a domain has."""


@dataclass(frozen=True)
class IdRanges:
    """What the `ids.toml` of all roots reserve.

    Attributes:
        first: First id of each domain's hundred, by the domain's name.
        roots: Folders of domain folders that have such a file: each of their domains has to stand in it.
        problems: What is wrong with the files, one line each.
    """

    first: dict[str, int] = field(default_factory=dict)
    roots: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def owner(self, schema_id: int) -> str | None:
        """Return the domain whose hundred an id is of; None where nobody reserved it."""
        return next((name for name, first in self.first.items() if first == _hundred(schema_id)), None)

    def next_free(self) -> int:
        """Return the first id of the hundred behind all that are reserved."""
        return max(self.first.values(), default=0) + SIZE


def read_ranges(roots: Sequence[Path]) -> IdRanges:
    """Read the `ids.toml` of each root that has one.

    Args:
        roots: Folders of domain folders.

    Returns:
        What is reserved; lines that cannot be right are left out and stand in `problems`.
    """
    found = IdRanges()
    for root in roots:
        if (root / FILE).exists():
            found.roots.append(root)
            _add(found, root / FILE)
    return found


def _add(found: IdRanges, path: Path) -> None:
    """Add what one file reserves."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        found.problems.append(f"{FILE}: cannot be read: {error}")
        return
    for name, first in entries.items():
        if type(first) is not int or first < 0 or first % SIZE:
            found.problems.append(f"{FILE}: {name}: expected the first id of a hundred, got {first!r}")
        elif (owner := found.owner(first)) is not None:
            found.problems.append(
                f"{FILE}: {name}: {first} is reserved for {owner}; take {found.next_free()}, "
                f"here and in {name}/domain.toml"
            )
        else:
            found.first[name] = first


def id_problems(domains: Mapping[str, Domain], ranges: IdRanges, roots: Mapping[str, Path]) -> Iterator[str]:
    """Say which domains use ids that are not theirs.

    Args:
        domains: The finished domains, by name.
        ranges: What is reserved.
        roots: The folder that each domain's folder lies in, by the domain's name.
    """
    for domain in domains.values():
        first = ranges.first.get(domain.name)
        where = f"{domain.name}/domain.toml"
        if first is None and roots[domain.name] in ranges.roots:
            yield f"{where}: {FILE} reserves no schema ids; append {domain.name} = {ranges.next_free()}"
            continue
        for topic in domain.topics:
            if topic.kind == DEAD_LETTER and domain.name != SHARED:
                continue
            for schema in topic.schemas:
                owner = ranges.owner(schema.id)
                if owner not in (None, domain.name):
                    yield f"{where}: topics.{topic.event}: schema id {schema.id} is reserved for {owner} in {FILE}"
                elif first is not None and owner is None:
                    yield (
                        f"{where}: topics.{topic.event}: schema id {schema.id} is outside of "
                        f"{first} to {first + SIZE - 1}, reserved in {FILE}"
                    )


def _hundred(schema_id: int) -> int:
    """Return the first id of the hundred that an id is of."""
    return schema_id // SIZE * SIZE
