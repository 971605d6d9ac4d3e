"""The words of names and prose: the field's own, as tests/words.toml lists them."""

from __future__ import annotations

import pytest

from tests.words import Use, Word, all_uses, allows, files_of, load, refused, uses

WORDS, ALLOWED = load()
SAMPLE = Word("door", "event producer", ("names", "prose"))


@pytest.fixture(scope="module")
def found() -> list[Use]:
    """Each use of a refused word in the five packages."""
    return all_uses(WORDS, files_of())


def test_no_refused_word_stands_in_the_five_packages(found: list[Use]) -> None:
    """Names, docstrings, comments and READMEs use the field's words."""
    assert not refused(found, ALLOWED), "\n".join(map(str, refused(found, ALLOWED)[:40]))


def test_every_exception_has_a_reason_and_is_needed(found: list[Use]) -> None:
    """An exception that allows nothing is deleted."""
    for each in ALLOWED:
        assert each.reason
        assert any(allows(each, use) for use in found), (
            f"{each.word} in {each.files}: nothing needs this exception"
        )


@pytest.mark.parametrize(
    "text",
    [
        "def open_door() -> None: ...",
        "class FrontDoor: ...",
        "door = 1",
        "self._door = 1",
        "def f(door: int) -> None: ...",
        "import x as door",
        '"""The only door into a topic."""',
        "x = 1  # a door",
        'x = 1\n"""Door of x."""',
    ],
)
def test_a_refused_word_is_found_wherever_it_stands(text: str) -> None:
    """Each place that names or explains something is read."""
    assert [use.word for use in uses("x.py", text, [SAMPLE])] == [SAMPLE]


@pytest.mark.parametrize("text", ["indoor = 1", "x = 'door'", '"""Outdoors."""', "doors = 1"])
def test_other_words_and_strings_are_free(text: str) -> None:
    """Persisted strings keep their words, and a word within another is another word."""
    assert not list(uses("x.py", text, [SAMPLE]))


def test_a_readme_and_a_file_name_are_read() -> None:
    """READMEs are prose, and a file's name is a name."""
    assert len(list(uses("infra/README.md", "The door.\n", [SAMPLE]))) == 1
    assert len(list(uses("infra/door.py", "", [SAMPLE]))) == 1
