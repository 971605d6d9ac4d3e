"""What stands behind `city schemas list|check`."""

from pathlib import Path

from schemas import catalog_commands as commands
from schemas.catalog import Catalog, load_catalog
from tests.schemas.toy import TOML, lay


def test_list_has_a_row_for_every_topic(catalog: Catalog) -> None:
    """By name, with what an operator asks first."""
    rows = commands.rows(catalog)
    assert [row.topic for row in rows] == sorted(catalog.topics)
    (row,) = (row for row in rows if row.topic == "air-quality.reading")
    assert (row.schema_ids, row.key, row.table, row.sealed) == (
        (100, 103),
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
