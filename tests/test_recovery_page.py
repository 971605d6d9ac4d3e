"""The operator's page for damage lists every damage that is tested, and every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.harness.damages import DAMAGES

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "recovery.md").read_text()


def test_the_table_lists_the_damages_with_code_and_line() -> None:
    """Row by row: name, exit code, and the words that an operator sees."""
    rows = {
        name: (int(code), line)
        for name, code, line in re.findall(r"^\| `([a-z-]+)` \| (\d) \| (.*?) \|", PAGE, re.MULTILINE)
    }
    assert rows.keys() == {each.name for each in DAMAGES}
    for each in DAMAGES:
        code, line = rows[each.name]
        assert code == each.code, each.name
        assert each.line in line, each.name


def test_every_test_that_the_page_names_is_there() -> None:
    """A file or folder of the repository."""
    named = re.findall(r"`(tests/[^`]+)`", PAGE)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
