"""Reserves schema ids for each domain: `domains/ids.toml`, one hundred a domain.

Every record contains an id, and an id is never used again. So two domains must not take the same ids. Each choice of a
hundred is a line at the end of the file: two branches that both append one get a merge conflict.
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
"""Number of ids of a domain."""


@dataclass(frozen=True)
class IdRanges:
    """Ranges that the `ids.toml` of all roots reserve.

    Attributes:
        first: First id of each domain's hundred, by the domain's name.
        roots: Folders of domain folders that have an `ids.toml`; it must list each of their domains.
        problems: One line for each problem of the files.
    """

    first: dict[str, int] = field(default_factory=dict)
    roots: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def owner(self, schema_id: int) -> str | None:
        """Return the domain that reserved an id; None if no domain did."""
        return next((name for name, first in self.first.items() if first == _hundred(schema_id)), None)

    def next_free(self) -> int:
        """Return the first id of the hundred after the last reserved one."""
        return max(self.first.values(), default=0) + SIZE


def read_ranges(roots: Sequence[Path]) -> IdRanges:
    """Read the `ids.toml` of each root that has one.

    Args:
        roots: Folders of domain folders.

    Returns:
        The reserved ranges. Invalid lines are left out and listed in `problems`.
    """
    found = IdRanges()
    for root in roots:
        if (root / FILE).exists():
            found.roots.append(root)
            _add(found, root / FILE)
    return found


def _add(found: IdRanges, path: Path) -> None:
    """Add the ranges of one file."""
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
    """Yield a line for each use of an id that is not reserved for the domain.

    Args:
        domains: The assembled domains, by name.
        ranges: The reserved ranges.
        roots: Parent folder of each domain's folder, by the domain's name.
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
    """Return the first id of an id's hundred."""
    return schema_id // SIZE * SIZE
