"""A schema that was edited under an id in use is refused at the start; documentation and new versions are not."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from infra.errors import DataDirectoryError, SchemaChangedError
from infra.recovery.backup import back_up
from infra.recovery.restore import restore
from infra.settings import Settings
from infra.stack.schema_memory import FORMER, check_schemas, memory_path
from schemas.catalog import load_catalog

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.catalog import Catalog

TOPIC = "air-quality.reading"


def edited(old: str, new: str) -> Catalog:
    """The catalogue with an edit in the latest schema of a topic."""
    catalog = load_catalog()
    topic = catalog.topics[TOPIC]
    assert old in topic.schema.text
    schema = replace(topic.schema, text=topic.schema.text.replace(old, new))
    changed = replace(topic, schemas=(*topic.schemas[:-1], schema))
    return cast("Catalog", SimpleNamespace(topics={**catalog.topics, TOPIC: changed}))


def test_an_edit_under_a_used_id_is_refused_and_named(tmp_path: Path) -> None:
    """Until it is restored; nothing of the memory changes."""
    check_schemas(tmp_path, load_catalog())
    kept = memory_path(tmp_path).read_bytes()
    with pytest.raises(SchemaChangedError, match=r"air-quality\.reading.*\(id \d+\).*new version") as found:
        check_schemas(tmp_path, edited('"name":"station"', '"name":"place"'))
    assert (found.value.exit_code, "\n" in str(found.value)) == (2, False)
    assert memory_path(tmp_path).read_bytes() == kept
    check_schemas(tmp_path, load_catalog())


def test_a_new_directory_takes_any_schema(tmp_path: Path) -> None:
    """The memory is the data directory's own."""
    check_schemas(tmp_path, edited('"name":"station"', '"name":"place"'))


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_memory_is_one_line(tmp_path: Path, text: str) -> None:
    """It is not taken for an empty one."""
    memory_path(tmp_path).parent.mkdir()
    memory_path(tmp_path).write_text(text)
    with pytest.raises(DataDirectoryError, match="damaged"):
        check_schemas(tmp_path, load_catalog())


def test_a_memory_of_an_earlier_version_is_moved(tmp_path: Path) -> None:
    """It refuses an edit from its former place; then it lies where a backup finds it, and is read there only."""
    check_schemas(tmp_path, load_catalog())
    former = tmp_path.joinpath(*FORMER)
    former.parent.mkdir()
    kept = memory_path(tmp_path).read_bytes()
    memory_path(tmp_path).rename(former)
    with pytest.raises(SchemaChangedError):
        check_schemas(tmp_path, edited('"name":"station"', '"name":"place"'))
    assert former.read_bytes() == kept
    check_schemas(tmp_path, load_catalog())
    assert (memory_path(tmp_path).read_bytes(), former.exists()) == (kept, False)


def test_a_backup_holds_the_memory(tmp_path: Path) -> None:
    """A restored city still refuses the edit."""
    data = tmp_path / "data"
    (data / "kafka" / "log").mkdir(parents=True)
    check_schemas(data, load_catalog())
    back_up(Settings(data=data), tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "again")
    with pytest.raises(SchemaChangedError):
        check_schemas(tmp_path / "again", edited('"name":"station"', '"name":"place"'))
