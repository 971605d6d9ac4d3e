"""Subscribers: topics follow from the roles that may read them; a wrong file says what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schemas.errors import CatalogError
from schemas.subscriber_grants import SUBSCRIBERS, load_subscribers

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.catalog import Catalog

GOOD = 'title = "C"\npurpose = "to see"\nroles = ["insurer"]\n'


def test_every_file_is_a_subscriber_who_reads_what_its_roles_may(catalog: Catalog) -> None:
    """No list: the files are found, and each topic granted names one of the roles among its readers."""
    found = load_subscribers(catalog)
    assert sorted(found) == sorted(path.stem for path in SUBSCRIBERS.glob("*.toml"))
    for each in found.values():
        assert each.topics
        assert all(set(catalog.topics[name].readers) & set(each.roles) for name in each.topics)


def test_the_accident_reaches_insurer_and_repair_shop_and_health_neither(catalog: Catalog) -> None:
    """The two demo subscribers share the accident; the insurer sees more of the vehicle, neither a person's health."""
    found = load_subscribers(catalog)
    assert found["repair-shop-b"].topics == ("vehicle.accident",)
    assert set(found["insurer-a"].topics) > {"vehicle.accident", "vehicle.dssad-event"}
    assert all(catalog.topics[t].domain == "vehicle" for t in found["insurer-a"].topics)


def test_without_domains_a_role_reads_in_every_domain(tmp_path: Path, catalog: Catalog) -> None:
    """`domains` only narrows; a further folder brings further subscribers."""
    (tmp_path / "insurer-c.toml").write_text(GOOD)
    every = load_subscribers(catalog, tmp_path)["insurer-c"].topics
    assert every == tuple(sorted(n for n, t in catalog.topics.items() if "insurer" in t.readers))
    (tmp_path / "insurer-c.toml").write_text(GOOD + 'domains = ["cargo"]\n')
    narrow = load_subscribers(catalog, tmp_path)["insurer-c"].topics
    assert narrow == tuple(name for name in every if catalog.topics[name].domain == "cargo")


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("c", "title = ", "cannot be read"),
        ("c", GOOD.replace('"C"', '" "'), "title: expected text"),
        ("c", GOOD.replace("purpose", "why"), "why: is no entry of a subscriber"),
        ("c", GOOD.replace("insurer", "insurrer"), "roles: insurrer is not in the catalogue; known are"),
        ("c", GOOD.replace('["insurer"]', "[]"), "roles: expected a list of texts"),
        ("c", GOOD + 'domains = ["water"]\n', "domains: water is not in the catalogue"),
        ("c", GOOD + 'domains = ["health"]\n', "no topic of its domains names one of them"),
        ("C c", GOOD, "is no subscriber's name"),
        ("insurer-a", GOOD, "there is another subscriber insurer-a"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(
    tmp_path: Path, catalog: Catalog, name: str, text: str, problem: str
) -> None:
    """One line each, with the file; nobody is shared with by mistake."""
    (tmp_path / f"{name}.toml").write_text(text)
    with pytest.raises(CatalogError, match=f"{name}.toml: .*{problem}"):
        load_subscribers(catalog, tmp_path)
