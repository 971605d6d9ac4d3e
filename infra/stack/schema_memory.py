"""What a data directory remembers of the schemas that it was used with: a fingerprint for each schema id.

A schema that is edited under an id that records carry makes all of them undecodable. So the fingerprints are kept
before anything starts, and a start with another schema under a known id is refused. A fingerprint is the SHA-256 of the
part that reading values needs: documentation may be edited.
"""

from __future__ import annotations

import json
import os
from hashlib import sha256
from typing import TYPE_CHECKING

from infra.errors import DataDirectoryError, SchemaChangedError
from ledger_sink.regular_file import read_regular
from schemas.envelope import parsing_form
from streams.durable_files import private_folder, sync_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from schemas.catalog import Catalog

NAME = "fingerprints.json"
FORMER = ("run", "schemas.json")
"""Where earlier versions kept it, below the data directory: a backup leaves that folder out."""


def memory_path(data: Path) -> Path:
    """Return the file of a data directory that has the fingerprints; a backup holds it."""
    return data / "schemas" / NAME


def check_schemas(data: Path, catalog: Catalog) -> None:
    """Refuse a schema that changed under an id of this data directory; remember the others, durably.

    Args:
        data: The data directory.
        catalog: The catalogue, with the domains that the operator added.

    Raises:
        SchemaChangedError: A schema is another one than its id had here.
        DataDirectoryError: The memory is damaged.
    """
    path = memory_path(data)
    former = data.joinpath(*FORMER)
    kept = path.exists()
    known = _read(path if kept else former)
    now = {str(schema.id): schema for topic in catalog.topics.values() for schema in topic.schemas}
    prints = {number: sha256(parsing_form(each.text).encode()).hexdigest() for number, each in now.items()}
    changed = [number for number, text in prints.items() if known.get(number, text) != text]
    if changed:
        named = ", ".join(
            f"{now[n].subject} version {now[n].version} (id {n})" for n in sorted(changed, key=int)
        )
        raise SchemaChangedError(
            f"schema {named} is not the one that {data} was used with: its records could not be decoded; restore it "
            "and add the change as a new version beside it (CONTRIBUTING.md)"
        )
    if not kept or not prints.items() <= known.items():
        _write(path, {**known, **prints})
    former.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(read_regular(path))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DataDirectoryError(
            f"{path}: damaged ({error}); restore it, or remove it if no schema was edited"
        ) from error
    if not isinstance(found, dict):
        raise DataDirectoryError(f"{path}: damaged; restore it, or remove it if no schema was edited")
    return found


def _write(path: Path, prints: Mapping[str, str]) -> None:
    """Replace the memory as a whole: a crash leaves the former one or the new one."""
    temporary = private_folder(path.parent) / f".{path.name}"
    with temporary.open("w") as file:
        json.dump(prints, file, indent=0, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
