"""docs/walk.md names the file and function of each step of an event's walk: all of them exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STEP = re.compile(r"^\| (?P<what>[^|]+) \| `(?P<file>[^`]+)` \| `(?P<function>[^`]+)` \|$", re.MULTILINE)
STEPS = STEP.findall((ROOT / "docs" / "walk.md").read_text(encoding="utf-8"))
PARTS = ("replay", "produce", "worker", "domains", "clickhouse_sink", "sealing", "city_log", "prove")


def defines(source: str, function: str) -> bool:
    """Tell whether a module defines a function, or a class a method, by its qualified name."""
    nodes: list[ast.stmt] = ast.parse(source).body
    *classes, name = function.split(".")
    for each in classes:
        found = [node for node in nodes if isinstance(node, ast.ClassDef) and node.name == each]
        nodes = found[0].body if found else []
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name for node in nodes
    )


@pytest.mark.parametrize(("what", "file", "function"), STEPS)
def test_each_step_names_a_function_that_exists(what: str, file: str, function: str) -> None:
    """A function that was renamed or moved makes its step fail."""
    assert defines((ROOT / file).read_text(encoding="utf-8"), function), f"{what}: {file} has no {function}"


def test_every_row_of_the_page_is_a_step() -> None:
    """No row of a table is left out, and the walk passes through each part of both paths."""
    page = (ROOT / "docs" / "walk.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| step ")]
    assert len(STEPS) == len(rows) > 0
    walked = {part for _, file, _ in STEPS for part in file.split("/")}
    assert set(PARTS) <= walked


@pytest.mark.parametrize(
    ("function", "there"),
    [("f", True), ("A.g", True), ("g", False), ("A.f", False), ("B.g", False), ("A", False)],
)
def test_a_function_is_found_by_its_qualified_name(function: str, there: bool) -> None:
    """A method is no function of the module, and a class is no function."""
    assert defines("def f(): ...\n\nclass A:\n    def g(self): ...\n", function) is there
