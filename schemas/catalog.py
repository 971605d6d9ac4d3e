"""The catalogue: `domains/<domain>/` folders read into `Domain`, `Topic` and `Schema`.

It promises that whatever it returns is whole: every rule of `_domain_problems` and `_catalog_problems` holds, or
`CatalogError` lists every broken one, a line each, with the file. It leaves to `compatibility` whether version n+1 may
follow n, and to `tables` what ClickHouse makes of a schema; both are asked here, so that a catalogue that loads can be
encoded, tabled and evolved.
"""

import json
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from schemas.assemble import assemble
from schemas.errors import CatalogError
from schemas.folder import read_folder
from schemas.model import Catalog, Domain, Kind, Schema, Sensitivity, Topic

__all__ = ["DOMAINS", "Catalog", "Domain", "Kind", "Schema", "Sensitivity", "Topic", "load_catalog"]

DOMAINS = Path(__file__).parent / "domains"
ENVELOPE = Path(__file__).parent / "envelope.v1.avsc"


def load_catalog(*extra_roots: Path) -> Catalog:
    """Read the packaged domains, and those of further folders beside them.

    Args:
        extra_roots: Folders that hold domain folders, as `schemas/domains` does.

    Returns:
        The catalogue; the same object for the same roots, read once per process.

    Raises:
        CatalogError: With every problem found in any file, one line each.
    """
    return _load((DOMAINS, *(root.resolve() for root in extra_roots)))


@lru_cache(maxsize=64)
def _load(roots: tuple[Path, ...]) -> Catalog:
    """Read all folders, then judge them together."""
    envelope = json.loads(ENVELOPE.read_text(encoding="utf-8"))
    paths = sorted(path.parent for root in roots for path in root.glob("*/domain.toml"))
    folders = [read_folder(path) for path in paths]
    problems = tuple(problem for folder in folders for problem in folder.problems)
    if problems:
        raise CatalogError(problems)
    return Catalog(MappingProxyType(assemble(folders, envelope)))
