"""What stands behind `city schemas list|check|new`."""

from pathlib import Path

import pytest

from schemas import commands
from schemas.catalog import Catalog, load_catalog
from schemas.errors import CatalogError
from tests.schemas.toy import TOML, lay


def test_list_has_a_row_for_every_topic(catalog: Catalog) -> None:
    """By name, with what an operator asks first."""
    rows = commands.rows(catalog)
    assert [row.topic for row in rows] == sorted(catalog.topics)
    (row,) = (row for row in rows if row.topic == "air-quality.reading")
    assert (row.schema_ids, row.key, row.table, row.sealed) == (
        (100,),
        "station",
        "air_quality_reading",
        True,
    )


def test_list_names_personal_fields(tmp_path: Path) -> None:
    """Where personal values are can be seen at a glance."""
    rows = {row.topic: row for row in commands.rows(load_catalog(lay(tmp_path)))}
    assert rows["toy.sample"].personal == ("sex", "weight")


def test_check_of_the_packaged_catalogue_finds_nothing() -> None:
    """What is committed is right."""
    assert commands.check() == []


def test_check_returns_the_lines(tmp_path: Path) -> None:
    """Problems are returned, not raised."""
    (line,) = commands.check(lay(tmp_path, toml=TOML.replace('"device"', '"devise"')))
    assert line == "toy/sample.v1.avsc: key: there is no field devise"


@pytest.mark.parametrize("inside", ["", "schemas/domains"])
def test_new_domain_loads_at_once(tmp_path: Path, inside: str) -> None:
    """The files laid are a whole domain with ids nobody has, in the repository or in a folder of domains."""
    root = tmp_path / inside
    root.mkdir(parents=True, exist_ok=True)
    laid = commands.new("water_quality", tmp_path)
    assert {path for path in (root / "water_quality").rglob("*") if path.is_file()} == set(laid) != set()
    topic = load_catalog(root).topics["water-quality.reading"]
    assert topic.schema.id not in [schema.id for schema in load_catalog().schemas()]
    assert topic.schema.id % 100 == 0


@pytest.mark.parametrize("name", ["Water", "water-quality", "../water", ""])
def test_new_domain_needs_a_name(tmp_path: Path, name: str) -> None:
    """Another spelling is refused, and nothing is laid."""
    with pytest.raises(CatalogError, match="is no domain name"):
        commands.new(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_new_domain_never_overwrites(tmp_path: Path) -> None:
    """A domain that exists, here or in the package, is left alone."""
    commands.new("water_quality", tmp_path)
    for name in ("water_quality", "air_quality"):
        with pytest.raises(CatalogError, match="the domain exists already"):
            commands.new(name, tmp_path)
