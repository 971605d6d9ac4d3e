"""Every citation leads somewhere: pages and headings, sections of FORMAT.md, public documents (docs/README.md)."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests import citations
from tests.citations import Tree, slug

ROOT = Path(__file__).parents[1]
Checker = Callable[[Tree], list[str]]

CHECKERS: tuple[Checker, ...] = (
    citations.broken_links,
    citations.broken_mentions,
    citations.unresolved_sections,
    citations.unlisted_documents,
    citations.uncited_documents,
    citations.forbidden_names,
    citations.unreachable_pages,
    citations.missing_paths,
)

SOUND: Mapping[str, str] = {
    "docs/README.md": "# Docs\n\n[page](page.md#a-part) and [references](references.md), `streams/sample.py`\n",
    "docs/page.md": "# Page\n\n## A part\n\nRFC 6962 §2.1 and 49 CFR 563.5; [up](README.md)\n",
    "docs/references.md": (
        "| name | title | publisher |\n|---|---|---|\n| RFC 6962 | t | p |\n| 49 CFR 563 | t | p |\n"
    ),
    "ledger_sink/FORMAT.md": "# Formats\n\n## 1. Names\n\n### 1.1 Origins\n\nas §1 and §1.1 say\n",
    "streams/sample.py": '"""A sample (docs/page.md#a-part); FORMAT.md §1.1, §1; RFC\n6962 §2."""\n',
}
"""A small tree in which every citation resolves."""


def tree(**changes: str) -> Tree:
    """Make the sound tree with some texts replaced; `docs__page.md` stands for `docs/page.md`."""
    texts = {**SOUND, **{name.replace("__", "/"): text for name, text in changes.items()}}
    return Tree(frozenset(texts), texts)


@cache
def repository() -> Tree:
    """Read this repository once."""
    return Tree.of(ROOT)


@pytest.mark.parametrize("checker", CHECKERS, ids=lambda each: each.__name__)
def test_every_citation_in_the_repository_resolves(checker: Checker) -> None:
    """Each checker names nothing."""
    assert checker(repository()) == []


def test_the_repository_was_read() -> None:
    """Code, pages, settings and scripts are scanned, and what is cited is found."""
    texts = repository().texts
    for name in (
        "docs/README.md",
        "streams/identity/event_ids.py",
        "pyproject.toml",
        ".ci/run",
        "infra/compose.yaml",
    ):
        assert name in texts
    assert "how-to-cite" in repository().anchors("docs/README.md")
    assert {"RFC 6962", "C2SP tlog-tiles", "49 CFR 563"} <= repository().names


@pytest.mark.parametrize("checker", CHECKERS, ids=lambda each: each.__name__)
def test_a_sound_tree_has_no_problem(checker: Checker) -> None:
    """Each checker passes a tree in which everything resolves."""
    assert checker(tree()) == []


@pytest.mark.parametrize(
    ("checker", "path", "text", "problem"),
    [
        (
            citations.broken_links,
            "docs__more.md",
            "[a](gone.md)",
            "docs/more.md:1: docs/gone.md does not exist",
        ),
        (
            citations.broken_links,
            "docs__more.md",
            "\n\n[a](README.md#gone)",
            "docs/more.md:3: docs/README.md has no heading #gone",
        ),
        (
            citations.broken_links,
            "docs__more.md",
            "[a](#here)",
            "docs/more.md:1: docs/more.md has no heading #here",
        ),
        (
            citations.broken_links,
            "streams__README.md",
            "[a](../docs/page.md#part)",
            "streams/README.md:1: docs/page.md has no heading #part",
        ),
        (
            citations.broken_mentions,
            "streams__sample.py",
            "# see docs/gone.md",
            "streams/sample.py:1: docs/gone.md does not exist",
        ),
        (
            citations.broken_mentions,
            "streams__door.sql",
            "-- docs/page.md#b-part",
            "streams/door.sql:1: docs/page.md has no heading #b-part",
        ),
        (
            citations.broken_mentions,
            "docs__more.md",
            "`streams/README.md` says so",
            "docs/more.md:1: streams/README.md does not exist",
        ),
        (
            citations.unresolved_sections,
            "streams__sample.py",
            "# as §4 says",
            "streams/sample.py:1: §4 of what?",
        ),
        (
            citations.unresolved_sections,
            "streams__sample.py",
            "# RFC 9999 §4",
            "streams/sample.py:1: §4 of what?",
        ),
        (
            citations.unresolved_sections,
            "streams__sample.py",
            "# FORMAT.md §1.1, §7",
            "streams/sample.py:1: FORMAT.md has no §7",
        ),
        (
            citations.unresolved_sections,
            "ledger_sink__FORMAT.md",
            "## 1. Names\n### 1.1 Origins\n\nas §9 says\n",
            "ledger_sink/FORMAT.md:4: FORMAT.md has no §9",
        ),
        (
            citations.unlisted_documents,
            "streams__sample.py",
            "# RFC\t9999",
            "streams/sample.py:1: RFC 9999 is not in docs/references.md",
        ),
        (
            citations.unlisted_documents,
            "schemas__a.avsc",
            '{"doc": "ISO 6346, 49 CFR part 563"}',
            "schemas/a.avsc:1: ISO 6346 is not in docs/references.md",
        ),
        (
            citations.uncited_documents,
            "docs__references.md",
            "| RFC 6962 | t | p |\n| 49 CFR 563 | t | p |\n| RFC 1 | t | p |\n",
            "docs/references.md: nothing cites RFC 1",
        ),
        (
            citations.forbidden_names,
            "streams__sample.py",
            "# (CONTRACT §3)",
            "streams/sample.py:1: CONTRACT",
        ),
        (citations.forbidden_names, "docs__more.md", "\nas STANDARDS 3.2", "docs/more.md:2: STANDARDS"),
        (citations.forbidden_names, "a.toml", "# ARCHITECTURE D6", "a.toml:1: ARCHITECTURE"),
        (citations.forbidden_names, "a.toml", "# HOUSE 1", "a.toml:1: HOUSE"),
        (citations.forbidden_names, "a.sql", "-- LEDGER §2", "a.sql:1: LEDGER §"),
        (citations.forbidden_names, "a.sh", "# FAUST.md", "a.sh:1: FAUST.md"),
        (
            citations.forbidden_names,
            "a.toml",
            f"url = 'https://{citations.REGISTRIES[0]}/simple'",
            f"a.toml:1: {citations.REGISTRIES[0]}",
        ),
        (citations.unreachable_pages, "docs__island.md", "# Island\n[up](README.md)", "docs/island.md"),
        (
            citations.missing_paths,
            "docs__more.md",
            "\n`streams/gone.py`",
            "docs/more.md:2: streams/gone.py does not exist",
        ),
        (
            citations.missing_paths,
            "docs__more.md",
            "`docs/*/page.md`",
            "docs/more.md:1: docs/*/page.md does not exist",
        ),
    ],
)
def test_a_bad_citation_is_named_with_its_line(checker: Checker, path: str, text: str, problem: str) -> None:
    """Each checker fails on each kind of text that it is there for, and on nothing else in it."""
    assert checker(tree(**{path: text})) == [problem]


def test_code_in_markdown_holds_no_links() -> None:
    """What stands in a fence or in backticks is an example."""
    text = "# Page\n\n## A part\n\n```\n[a](gone.md)\n```\n`[b](gone.md)`\n"
    assert citations.broken_links(tree(**{"docs__page.md": text})) == []


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("A domain's folder", "a-domains-folder"),
        (
            "Anchors: `ledger_sink.anchor`, `ledger_sink.receipt`",
            "anchors-ledger_sinkanchor-ledger_sinkreceipt",
        ),
        ("Commands in [a link](x.md) and *more*", "commands-in-a-link-and-more"),
        ("1. Public formats spoken", "1-public-formats-spoken"),
        ("통합대기환경지수 und Größe", "통합대기환경지수-und-größe"),
    ],
)
def test_an_anchor_is_spelled_as_github_spells_it(heading: str, anchor: str) -> None:
    """Lower case, hyphens for spaces, no punctuation."""
    assert slug(heading) == anchor


def test_a_second_heading_of_a_name_has_a_number() -> None:
    """The first keeps the plain anchor."""
    assert tree(**{"docs__page.md": "# A\n## B\n## B\n## B\n"}).anchors("docs/page.md") == {
        "a",
        "b",
        "b-1",
        "b-2",
    }
