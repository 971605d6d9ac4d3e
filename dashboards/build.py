"""Builds all boards of the catalogue as Grafana's JSON. The domains' boards are found by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import ledger, overview, pipeline
from dashboards.domains import modules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schemas.catalog import Catalog

GENERAL = (overview, pipeline, ledger)


def boards(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """Return every board's JSON by uid: the general boards, then one per domain that has a module.

    Args:
        catalog: Topics and schemas. Domains outside it get no board.
    """
    of_domains = [module for name, module in modules().items() if name in catalog.domains]
    made = (json.loads(JSONEncoder().encode(each.board(catalog))) for each in (*GENERAL, *of_domains))
    return {board["uid"]: board for board in made}


def targets(board: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each query of a board with its panel's title.

    Args:
        board: A board as Grafana's JSON.
    """
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target


def write(catalog: Catalog, folder: Path) -> list[Path]:
    """Write one JSON file per board and return the paths.

    Args:
        catalog: Topics and schemas.
        folder: Folder of the files. It is created if needed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for uid, board in boards(catalog).items():
        path = folder / f"{uid}.json"
        path.write_text(
            json.dumps(board, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        paths.append(path)
    return paths
