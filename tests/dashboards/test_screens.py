"""The pictures in the README: one per board, small, and without anything from elsewhere."""

from __future__ import annotations

import re

import pytest

from dashboards.build import boards
from schemas.catalog import load_catalog
from tests.harness.city import REPOSITORY

FOLDER = REPOSITORY / "dashboards" / "screens"
NAMED = re.findall(
    r"!\[[^\]]+\]\(dashboards/screens/([^)]+)\)", (REPOSITORY / "README.md").read_text("utf-8")
)
MOST_BYTES = {".svg": 60_000, ".webp": 80_000}


def test_the_readme_shows_status_page_and_every_board() -> None:
    """No picture is missing, none lies about unused."""
    wanted = {"status.svg", "status-page.webp", *(f"{uid}.svg" for uid in boards(load_catalog()))}
    assert set(NAMED) == wanted == {path.name for path in FOLDER.iterdir()}


@pytest.mark.parametrize("name", NAMED)
def test_a_picture_is_small_and_complete_in_itself(name: str) -> None:
    """At most 60 kB a drawing, 80 kB the photograph of a page; a drawing asks for no font, script or image."""
    content = (FOLDER / name).read_bytes()
    assert len(content) <= MOST_BYTES[(FOLDER / name).suffix]
    if name.endswith(".svg"):
        text = content.decode()
        assert not re.search(r"<(script|image|use)|@import|@font-face|url\((?!#)|href=", text)
