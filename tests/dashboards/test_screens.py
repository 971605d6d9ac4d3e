"""The pictures in README and tour: of boards and of the status, small, and without anything from elsewhere."""

from __future__ import annotations

import re

import pytest

from dashboards.build import boards
from schemas.catalog import load_catalog
from schemas.names import board_uid
from tests.harness.city import REPOSITORY

FOLDER = REPOSITORY / "dashboards" / "screens"
PAGES = "".join((REPOSITORY / page).read_text("utf-8") for page in ("README.md", "docs/tour.md"))
NAMED = sorted(set(re.findall(r"!\[[^\]]+\]\((?:\.\./)?dashboards/screens/([^)]+)\)", PAGES)))
MOST_BYTES = {".svg": 60_000, ".webp": 80_000}


def test_readme_and_tour_show_the_status_page_and_boards_that_exist() -> None:
    """No picture that they name is missing, none lies about unused, each is of the status or of a board."""
    status = {"status.svg", "status-page.webp"}
    general = {f"{board_uid(name)}.svg" for name in ("overview", "pipeline", "ledger")}
    assert set(NAMED) == {path.name for path in FOLDER.iterdir()}
    assert set(NAMED) >= status | general
    assert set(NAMED) - status <= {f"{uid}.svg" for uid in boards(load_catalog())}


@pytest.mark.parametrize("name", NAMED)
def test_a_picture_is_small_and_complete_in_itself(name: str) -> None:
    """At most 60 kB a drawing, 80 kB the photograph of a page; a drawing asks for no font, script or image."""
    content = (FOLDER / name).read_bytes()
    assert len(content) <= MOST_BYTES[(FOLDER / name).suffix]
    if name.endswith(".svg"):
        text = content.decode()
        assert not re.search(r"<(script|image|use)|@import|@font-face|url\((?!#)|href=", text)
