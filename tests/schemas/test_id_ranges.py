"""`ids.toml`: whose a schema id is, so that two new domains never share one unseen."""

import subprocess
from pathlib import Path

import pytest

from schemas.catalog import DOMAINS, Catalog, load_catalog
from schemas.errors import CatalogError
from schemas.id_ranges import FILE, SIZE, read_ranges
from tests.schemas.toy import TOML, lay


def problems(root: Path, ids: str | None = None, toml: str = TOML) -> tuple[str, ...]:
    """Load a root with the toy domain and an ids.toml of this text; tell what is wrong with it."""
    lay(root, toml=toml)
    if ids is not None:
        (root / FILE).write_text(ids, encoding="utf-8")
    try:
        load_catalog(root)
    except CatalogError as error:
        return error.problems
    return ()


def test_every_packaged_domain_has_a_hundred_of_its_own(catalog: Catalog) -> None:
    """And the next one to be reserved is nobody's."""
    ranges = read_ranges([DOMAINS])
    assert ranges.problems == []
    assert set(ranges.first) >= set(catalog.domains)
    assert len(set(ranges.first.values())) == len(ranges.first)
    free = range(ranges.next_free(), ranges.next_free() + SIZE)
    assert not [schema.id for schema in catalog.schemas() if schema.id in free]


@pytest.mark.parametrize(
    ("ids", "toml", "line"),
    [
        ("toy = 9900\n", TOML, None),
        (None, TOML, None),
        ("", TOML, "toy/domain.toml: ids.toml reserves no schema ids; append toy = "),
        (
            "toy = 9800\n",
            TOML,
            "topics.sample: schema id 9900 is outside of 9800 to 9899, reserved in ids.toml",
        ),
        (None, TOML.replace("9900", "150"), "schema id 150 is reserved for air_quality in ids.toml"),
        (
            "toy = 9900\nother = 9900\n",
            TOML,
            "ids.toml: other: 9900 is reserved for toy; take 10000, here and in",
        ),
        ("toy = 500\n", TOML, "ids.toml: toy: 500 is reserved for cargo; take"),
        ("toy = 9901\n", TOML, "ids.toml: toy: expected the first id of a hundred, got 9901"),
        ("toy = true\n", TOML, "ids.toml: toy: expected the first id of a hundred, got True"),
        ("toy = 9900\ntoy = 10000\n", TOML, "ids.toml: cannot be read: "),
    ],
)
def test_an_id_outside_of_its_domains_hundred_is_refused(
    tmp_path: Path, ids: str | None, toml: str, line: str | None
) -> None:
    """One line names the file, the id and whose it is; a folder of domains without ids.toml reserves nothing."""
    found = problems(tmp_path, ids, toml)
    assert bool(found) == (line is not None)
    assert line is None or any(line in each for each in found), found


def test_two_branches_that_reserve_the_next_hundred_do_not_merge(tmp_path: Path) -> None:
    """Both append the last line of ids.toml, which git shows as a conflict instead of taking both."""

    def git(*words: str) -> int:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        return subprocess.run(
            ["git", *who, *words], cwd=tmp_path, capture_output=True, timeout=30, check=False
        ).returncode

    file = tmp_path / FILE
    text = (DOMAINS / FILE).read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    assert [git("init", "-q", "-b", "one"), git("add", "."), git("commit", "-qm", "a")] == [0, 0, 0]
    assert git("branch", "two") == 0
    for branch in ("one", "two"):
        assert git("checkout", "-q", branch) == 0
        file.write_text(f"{text}{branch} = {read_ranges([DOMAINS]).next_free()}\n", encoding="utf-8")
        assert git("commit", "-qam", branch) == 0
    assert git("merge", "one") == 1
    assert "<<<<<<<" in file.read_text(encoding="utf-8")
