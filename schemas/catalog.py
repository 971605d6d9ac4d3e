"""Loads the catalogue: reads `domains/<domain>/` folders into `Domain`, `Topic` and `Schema`.

A loaded catalogue keeps every rule of `toml_rules`, `schema_rules` and `id_ranges`. Otherwise `CatalogError` has one
line for each violation, with the file. So no other module checks the catalogue again.
"""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from schemas.assemble import assemble
from schemas.errors import CatalogError
from schemas.examples import clear_tree, from_plain
from schemas.folder import Folder, read_folder
from schemas.id_ranges import id_problems, read_ranges
from schemas.model import Catalog, Domain, Kind, Schema, Sensitivity, Topic
from schemas.schema_rules import catalog_problems, domain_problems
from schemas.toml_rules import duplicates, folder_problems

__all__ = ["DOMAINS", "Catalog", "Domain", "Kind", "Schema", "Sensitivity", "Topic", "load_catalog"]

DOMAINS = Path(__file__).parent / "domains"
ENVELOPE = Path(__file__).parent / "envelope.v1.avsc"


def load_catalog(*extra_roots: Path) -> Catalog:
    """Return the catalogue of the packaged domains and of those below further roots.

    Args:
        extra_roots: Folders that hold domain folders, as `schemas/domains` does.

    Returns:
        The catalogue; the same object for the same roots, read once per process.

    Raises:
        CatalogError: A file violates a rule; the message has one line for each problem.
    """
    return _load((DOMAINS, *(root.resolve() for root in extra_roots)))


@lru_cache(maxsize=64)
def _load(roots: tuple[Path, ...]) -> Catalog:
    """Read all folders, check each alone, then check the domains together."""
    envelope = json.loads(ENVELOPE.read_text(encoding="utf-8"))
    paths = sorted(path.parent for root in roots for path in root.glob("*/domain.toml"))
    folders = [read_folder(path) for path in paths]
    ranges = read_ranges(roots)
    problems = [*ranges.problems, *(each for folder in folders for each in folder_problems(folder))]
    problems.extend(duplicates([(each.name, str(each.path)) for each in folders], "domain"))
    _stop_at(problems)
    domains = assemble(folders, envelope)
    for folder in folders:
        problems.extend(domain_problems(domains[folder.name], folder))
    problems.extend(catalog_problems(domains))
    problems.extend(id_problems(domains, ranges, {folder.name: folder.path.parent for folder in folders}))
    _stop_at(problems)
    return Catalog(MappingProxyType(domains), MappingProxyType(_examples(domains, folders)))


def _stop_at(problems: list[str]) -> None:
    """Raise CatalogError if there are problems; the next steps rely on their absence."""
    if problems:
        raise CatalogError(tuple(problems))


def _examples(
    domains: Mapping[str, Domain], folders: Iterable[Folder]
) -> dict[int, Mapping[str, dict[str, Any]]]:
    """Return the example events of every schema, by schema id and file name."""
    found: dict[int, Mapping[str, dict[str, Any]]] = {}
    for folder in folders:
        for topic in domains[folder.name].topics:
            for schema in topic.schemas:
                listed = folder.examples.get((topic.event, schema.version), [])
                if listed:
                    tree = clear_tree(schema)
                    found[schema.id] = MappingProxyType(
                        {p.name: from_plain(tree, plain) for p, plain in listed}
                    )
    return found
