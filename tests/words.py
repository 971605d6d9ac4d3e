"""Finds words that the house does not use, in names, docstrings, comments and READMEs.

`uv run python -m tests.words [FOLDER…]` prints each one with file, line and what to write instead.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "streams", "ledger_sink", "dashboards", "infra")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True)
class Word:
    """A word that is not used, and what to write instead."""

    word: str
    say: str
    places: tuple[str, ...]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The word by itself, in prose of any case."""
        return re.compile(rf"(?<![\w-]){re.escape(self.word)}(?![\w-])", re.IGNORECASE)


@dataclass(frozen=True)
class Allowed:
    """A word that some files may use, and why."""

    word: str
    files: str
    reason: str


@dataclass(frozen=True)
class Use:
    """One use of a refused word."""

    word: Word
    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.word.word!r} in {self.text!r}: say {self.word.say}"


def load(path: Path = ROOT / "tests" / "words.toml") -> tuple[list[Word], list[Allowed]]:
    """Read the table of words and its exceptions."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    words = [Word(row["word"], row["say"], tuple(row["in"])) for row in table["word"]]
    allowed = [Allowed(row["word"], row["files"], row["reason"]) for row in table.get("exception", [])]
    return words, allowed


def uses(file: str, text: str, words: Sequence[Word]) -> Iterator[Use]:
    """Yield each use of a refused word in a file, whatever the exceptions say."""
    python = file.endswith(".py")
    named = [word for word in words if "names" in word.places]
    written = [word for word in words if "prose" in word.places]
    names = list(_names(text)) if python else []
    stem = Path(file).stem
    for line, name in [(1, stem), *names]:
        parts = _parts(name)
        for word in named:
            if f"_{word.word}_" in parts:
                yield Use(word, file, line, name)
    for line, prose in _prose(text) if python else enumerate(text.splitlines(), 1):
        for word in written:
            if word.pattern.search(prose):
                yield Use(word, file, line, prose.strip()[:100])


def allows(each: Allowed, use: Use) -> bool:
    """Tell whether an exception allows a use."""
    return each.word == use.word.word and fnmatch(use.file, each.files)


def all_uses(words: Sequence[Word], files: Sequence[Path]) -> list[Use]:
    """Return each use of a refused word, whatever the exceptions say."""
    return [
        use
        for path in files
        for use in uses(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"), words)
    ]


def refused(found: Sequence[Use], allowed: Sequence[Allowed]) -> list[Use]:
    """Return the uses that no exception allows."""
    return [use for use in found if not any(allows(each, use) for each in allowed)]


def files_of(folders: Sequence[str] = PACKAGES) -> list[Path]:
    """Return the Python files and READMEs below folders."""
    every = (path for folder in folders for path in sorted((ROOT / folder).rglob("*")))
    return [path for path in every if path.suffix == ".py" or path.name == "README.md"]


def _parts(name: str) -> str:
    """Return an identifier's parts in lower case, each between underscores: `FrontDoor` is `_front_door_`."""
    return f"_{'_'.join(_PARTS.findall(name)).lower()}_"


def _names(text: str) -> Iterator[tuple[int, str]]:
    """Yield what a module names: classes, functions, arguments, variables, attributes, keywords."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield node.lineno, node.asname


def _prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of docstrings (of assignments too) and comments."""
    for node in ast.walk(ast.parse(text)):
        value = node.value if isinstance(node, ast.Expr) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            for number, line in enumerate(value.value.splitlines()):
                yield value.lineno + number, line
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def main() -> None:
    """Print what is refused below the given folders (none: the five packages)."""
    words, allowed = load()
    found = refused(all_uses(words, files_of(sys.argv[1:] or PACKAGES)), allowed)
    for use in found:
        print(use)
    print(f"{len(found)} refused")


if __name__ == "__main__":
    main()
