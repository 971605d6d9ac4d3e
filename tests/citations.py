"""Citations in the repository's texts, and whether each one leads somewhere.

Three forms count (docs/README.md#how-to-cite): a path with an anchor, a numbered section of FORMAT.md, and the name of
a public document with its section. Each checker is a pure function of a `Tree` and returns one line per problem.
"""

import posixpath
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

FORMAT = "ledger_sink/FORMAT.md"
START = "docs/README.md"
REFERENCES = "docs/references.md"
OWN = frozenset({"tests/citations.py", "tests/test_citations.py"})
"""Files that hold patterns and made-up bad texts, and are not scanned."""

PUBLISHED = ("streams/domains/energy/scenarios/market_day.jsonl", "streams/domains/energy/market_day.py")
"""A scenario whose bytes make its event ids, so its first line stays as published, and what generates it."""

_NO_PROSE = (".svg", ".geojson", ".lock")
_FOREIGN = ("LICENSE", "NOTICE")
_FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.ASCII)
_SECTION = re.compile(r"§ ?(\d+(?:\.\d+)*)")
_NUMBERED = re.compile(r"(\d+(?:\.\d+)*)\.? ")
_LISTED = re.compile(r"§ ?\d+(?:\.\d+)*\s*(?:,|and|or|to)\s*$")
_PATH = re.compile(r"[\w.*-]+(?:/[\w.*-]+)+/?")
_PLACEHOLDER = re.compile(r"NAME|NNNN")
_TABLE_ROW = re.compile(r"^\| ([^|]+?) \| [^|]+ \| [^|]+ \|$", re.MULTILINE)

UNSHIPPED = re.compile(
    r"\b(?:CONTRACT|STANDARDS|ARCHITECTURE|HOUSE|CLICKHOUSE_DOOR)\b|\b(?:LEDGER|FAUST)(?: §|\.md\b)"
)
"""Names of documents that are not in the repository."""

PUBLIC = re.compile(
    r"\b(?:RFC\s\d+|ISO(?:/IEC)?\s\d+|IEC\s\d+|IEEE\s\d[\d.]*|EN\s\d{3,}|EIP-\d+|KIP-\d+|FIPS\s\d+|X\.\d{3}\b"
    r"|\d+\sCFR\s(?:[Pp]art\s)?\d+|UN\sR\d+|C2SP\s(?:signed|static|tlog)-[a-z-]+|NMEA\s\d{4}"
    r"|ITU-[RT]\s[A-Z]+\.\d+|EPA-\d+[0-9A-Z/-]+|IMO\sResolution\s[A-Z]\.\d+\(\d+\))"
)
"""Public documents whose names have a form of their own."""

REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("registry", "npmjs", "org"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
        ("registry-1", "docker", "io"),
        ("hub", "docker", "com"),
        ("ghcr", "io"),
        ("quay", "io"),
    )
)
"""Hosts of package registries; no file may name one (docs/packaging.md#pins)."""


def slug(heading: str) -> str:
    """Spell a heading's anchor as GitHub does."""
    plain = (
        _LINK.sub(lambda link: link.group(0)[1:].split("](")[0], heading).replace("`", "").replace("*", "")
    )
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def without_code(text: str) -> str:
    """Blank out code of a markdown text; every line stays where it is."""
    fenceless = _FENCE.sub(lambda block: "\n" * block.group(0).count("\n"), text)
    return _CODE.sub(lambda code: " " * len(code.group(0)), fenceless)


@dataclass(frozen=True)
class Tree:
    """The tracked files of a repository.

    Attributes:
        files: Every path, relative to the root.
        texts: What those with prose hold, by path.
    """

    files: frozenset[str]
    texts: Mapping[str, str]

    @classmethod
    def of(cls, root: Path) -> "Tree":
        """Read the files that git knows or would add."""
        command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        listed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout.decode()
        files = frozenset(name for name in listed.split("\0") if name and (root / name).is_file())
        texts = {}
        for name in sorted(files):
            if name.endswith(_NO_PROSE) or Path(name).name.startswith(_FOREIGN) or name in OWN:
                continue
            try:
                texts[name] = (root / name).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
        return cls(files, texts)

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that holds a file."""
        return frozenset(str(parent) for name in self.files for parent in Path(name).parents)

    @cached_property
    def top(self) -> frozenset[str]:
        """Folders at the root."""
        return frozenset(name for name in self.folders if "/" not in name and name != ".")

    @cached_property
    def names(self) -> frozenset[str]:
        """Public documents that docs/references.md lists."""
        return frozenset(_TABLE_ROW.findall(self.texts.get(REFERENCES, ""))) - {"name"}

    def exists(self, path: str) -> bool:
        """Tell whether a file, a folder, or a file that a pattern fits is there."""
        plain = path.rstrip("/")
        if "*" in plain:
            return any(fnmatch(name, plain) for name in self.files | self.folders)
        return plain in self.files or plain in self.folders

    def anchors(self, path: str) -> set[str]:
        """Return the anchors of a markdown file's headings."""
        found: set[str] = set()
        text = _FENCE.sub("", self.texts.get(path, ""))
        for heading in _HEADING.findall(text):
            name = slug(heading)
            repeats = sum(1 for each in found if re.fullmatch(rf"{re.escape(name)}(-\d+)?", each))
            found.add(f"{name}-{repeats}" if repeats and name in found else name)
        return found

    def markdown(self) -> Iterator[tuple[str, str]]:
        """Yield path and text of every markdown file."""
        return ((path, text) for path, text in self.texts.items() if path.endswith(".md"))


def _at(path: str, text: str, place: int) -> str:
    return f"{path}:{text.count(chr(10), 0, place) + 1}"


def _target_problem(tree: Tree, path: str, anchor: str) -> str | None:
    """Return what is wrong with a path and its anchor."""
    if not tree.exists(path):
        return f"{path} does not exist"
    if anchor and anchor not in tree.anchors(path):
        return f"{path} has no heading #{anchor}"
    return None


def _links(path: str, text: str) -> Iterator[tuple[int, str, str]]:
    """Yield place, path from the root and anchor of every link to a file."""
    for link in _LINK.finditer(without_code(text)):
        target, _, anchor = link.group(1).partition("#")
        if _SCHEME.match(link.group(1)):
            continue
        inside = posixpath.normpath(posixpath.join(posixpath.dirname(path), target)) if target else path
        yield link.start(), inside, anchor


def broken_links(tree: Tree) -> list[str]:
    """Name the markdown links that lead to no file or no heading."""
    return [
        f"{_at(path, text, place)}: {problem}"
        for path, text in tree.markdown()
        for place, target, anchor in _links(path, text)
        if (problem := _target_problem(tree, target, anchor))
    ]


def broken_mentions(tree: Tree) -> list[str]:
    """Name the paths of markdown files in any text, with or without anchor, that lead nowhere."""
    roots = "|".join(sorted(map(re.escape, tree.top)))
    mention = re.compile(rf"(?<![\w/.\-])((?:{roots})/[\w./-]*?\.md)\b(?:#([\w-]+))?")
    problems = []
    for path, text in tree.texts.items():
        scanned = _LINK.sub(lambda link: " " * len(link.group(0)), text) if path.endswith(".md") else text
        for found in mention.finditer(scanned):
            problem = _target_problem(tree, found.group(1), found.group(2) or "")
            if problem:
                problems.append(f"{_at(path, text, found.start())}: {problem}")
    return problems


def unresolved_sections(tree: Tree) -> list[str]:
    """Name each section sign that follows neither a public document nor FORMAT.md, or a section that is not there."""
    headings = _HEADING.findall(_FENCE.sub("", tree.texts.get(FORMAT, "")))
    numbered = {match.group(1) for match in map(_NUMBERED.match, headings) if match}
    documents = "|".join(r"\s".join(map(re.escape, name.split())) for name in sorted(tree.names)) or "(?!)"
    public = re.compile(rf"(?:{documents})\s*$")
    problems = []
    for path, text in tree.texts.items():
        of_format = False
        for section in _SECTION.finditer(text):
            before = text[max(0, section.start() - 80) : section.start()]
            if not _LISTED.search(before):
                of_format = before.rstrip().endswith("FORMAT.md") or path == FORMAT
                if public.search(before):
                    of_format = False
                elif not of_format:
                    problems.append(f"{_at(path, text, section.start())}: {section.group(0)} of what?")
            if of_format and section.group(1) not in numbered:
                problems.append(f"{_at(path, text, section.start())}: FORMAT.md has no {section.group(0)}")
    return problems


def unlisted_documents(tree: Tree) -> list[str]:
    """Name each public document that a text cites and docs/references.md does not list."""
    problems = []
    for path, text in tree.texts.items():
        if path == REFERENCES:  # a title there may name another document
            continue
        for found in PUBLIC.finditer(text):
            name = re.sub(r" [Pp]art ", " ", " ".join(found.group(0).split()))
            if name not in tree.names:
                problems.append(f"{_at(path, text, found.start())}: {name} is not in {REFERENCES}")
    return problems


def uncited_documents(tree: Tree) -> list[str]:
    """Name each document that docs/references.md lists and no other text cites."""
    texts = [" ".join(text.split()) for path, text in tree.texts.items() if path != REFERENCES]
    return [
        f"{REFERENCES}: nothing cites {name}"
        for name in sorted(tree.names)
        if not any(name in text for text in texts)
    ]


def forbidden_names(tree: Tree) -> list[str]:
    """Name each citation of a document that is not in the repository, and each host of a package registry."""
    hosts = re.compile(rf"\b(?:{'|'.join(map(re.escape, REGISTRIES))})\b")
    return [
        f"{_at(path, text, found.start())}: {found.group(0)}"
        for path, text in tree.texts.items()
        for pattern in (UNSHIPPED, hosts)
        for found in pattern.finditer(text)
        if path not in PUBLISHED
    ]


def unreachable_pages(tree: Tree) -> list[str]:
    """Name the pages of docs/ to which no path of links leads from docs/README.md."""
    seen, waiting = {START}, [START]
    while waiting:
        path = waiting.pop()
        for _, target, _ in _links(path, tree.texts.get(path, "")):
            if target in tree.texts and target not in seen:
                seen.add(target)
                waiting.append(target)
    return sorted(path for path, _ in tree.markdown() if path.startswith("docs/") and path not in seen)


def missing_paths(tree: Tree) -> list[str]:
    """Name the paths in backticks in markdown that begin at the root and do not exist."""
    problems = []
    for path, text in tree.markdown():
        prose = _FENCE.sub(lambda block: "\n" * block.group(0).count("\n"), text)
        for code in _CODE.finditer(prose):
            quoted = code.group(0)[1:-1]
            if not _PATH.fullmatch(quoted) or _PLACEHOLDER.search(quoted):
                continue
            if quoted.split("/")[0] in tree.top and not tree.exists(quoted):
                problems.append(f"{_at(path, prose, code.start())}: {quoted} does not exist")
    return problems
