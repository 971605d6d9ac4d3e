"""Reads one domain's folder: `domain.toml`, `*.avsc`, `examples/*.json`.

No content of a file raises an error: an unreadable file becomes a problem line with its name. `toml_rules` and
`schema_rules` check the content.
"""

import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SCHEMA_FILE = re.compile(r"(?P<event>[a-z][a-z0-9-]*)\.v(?P<version>[1-9][0-9]*)\.avsc")
_EXAMPLE_FILE = re.compile(r"(?P<event>[a-z][a-z0-9-]*)\.v(?P<version>[1-9][0-9]*)\.[a-z0-9-]+\.json")


@dataclass(frozen=True)
class Folder:
    """Files of one domain's folder.

    Attributes:
        path: The folder; its name is the domain's.
        toml: Content of domain.toml.
        records: Avro schemas as written, by event and version.
        examples: Example events as written in JSON, by event and version, each with its file.
        problems: One line for each file that cannot be read.
    """

    path: Path
    toml: dict[str, Any] = field(default_factory=dict)
    records: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    examples: dict[tuple[str, int], list[tuple[Path, Any]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The domain's name in Python's spelling."""
        return self.path.name

    def where(self, file: Path | str = "domain.toml") -> str:
        """Return a file's name for problem lines: `air_quality/domain.toml`."""
        base = self.path / file if isinstance(file, str) else file
        return base.relative_to(self.path.parent).as_posix()


def read_folder(path: Path) -> Folder:
    """Read all files of a domain's folder."""
    found = Folder(path)
    toml = _read(found, path / "domain.toml")
    if isinstance(toml, dict):
        found.toml.update(toml)
    for file in sorted(path.glob("*.avsc")):
        _read_schema(found, file)
    for file in sorted(path.glob("examples/*")):
        _read_example(found, file)
    return found


def _read(found: Folder, file: Path) -> Any:
    """Parse one TOML or JSON file; add a problem if it cannot be parsed."""
    try:
        text = file.read_text(encoding="utf-8")
        return tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:  # both parsers' errors are ValueErrors
        found.problems.append(f"{found.where(file)}: cannot be read: {error}")
        return None


def _read_schema(found: Folder, file: Path) -> None:
    """Add one Avro file."""
    match = _SCHEMA_FILE.fullmatch(file.name)
    if match is None:
        found.problems.append(f"{found.where(file)}: a schema's file is named <event>.v<version>.avsc")
        return
    record = _read(found, file)
    if _is_record(record):
        found.records[match["event"], int(match["version"])] = record
    elif record is not None:
        found.problems.append(f"{found.where(file)}: expected a record with a list of fields")


def _is_record(found: Any) -> bool:
    """Return whether a file's content has the form of a record; `schema_rules` checks the rest."""
    if (
        not isinstance(found, dict)
        or found.get("type") != "record"
        or not isinstance(found.get("fields"), list)
    ):
        return False
    return all(isinstance(each, dict) and "name" in each and "type" in each for each in found["fields"])


def _read_example(found: Folder, file: Path) -> None:
    """Add one example file."""
    match = _EXAMPLE_FILE.fullmatch(file.name)
    if match is None:
        found.problems.append(
            f"{found.where(file)}: an example's file is named <event>.v<version>.<case>.json"
        )
        return
    example = _read(found, file)
    if example is not None:
        found.examples.setdefault((match["event"], int(match["version"])), []).append((file, example))
