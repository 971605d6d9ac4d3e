"""Fields are named by COVESA VSS: a path below Vehicle., in snake case."""

import re

from schemas.catalog import load_catalog

PATH = re.compile(r"^VSS Vehicle\.([A-Za-z0-9.]+?)(?:[,;]|\.$|\.? )")


def snake(path: str) -> str:
    """Write a VSS path as a field's name."""
    parts = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", part).lower() for part in path.split(".")]
    return "_".join(parts)


def test_a_field_that_cites_a_vss_path_has_its_name() -> None:
    """Mechanically, so that neither side needs a table."""
    schema = load_catalog().topics["vehicle.signal"].schema
    cited = {}
    for field in schema.record["fields"]:
        found = PATH.match(field["doc"])
        if found:
            cited[field["name"]] = snake(found[1])
    assert len(cited) == 20
    assert {name: name for name in cited} == cited
