"""The rule of all readers: each byte of a source belongs to exactly one item. Seeds, damage, and the check.

`seeds()` has small sources of every format: beginnings of the packaged recordings and scenarios, the files and
folders in `seeds/` beside this module, and those in `tests/streams/domains/<domain>/seeds/`.
"""

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from streams.readers.formats import Accepted, Format, Item, Refused, Skipped
from streams.readers.source import HEAD_BYTES, open_source
from streams.replay.recordings import bundled, bundled_scenarios, find, formats

SEED_FOLDERS = (
    Path(__file__).parent / "seeds",
    *sorted((Path(__file__).parents[1] / "domains").glob("*/seeds")),
)
SEED_BYTES = 6_000
"""Bytes of a packaged recording that are a seed. A document is used whole if it is at most ten times as long."""


@dataclass(frozen=True)
class Seed:
    """A source that is damaged.

    Attributes:
        form: Its format.
        path: Where it comes from; some formats read the name.
        files: Its bytes; for a recording of several files, those of each by its name.
    """

    form: Format
    path: Path
    files: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"{self.form.name}: {self.path.name}"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(repr(self))


@cache
def seeds() -> tuple[Seed, ...]:
    """Return the seeds of all formats."""
    paths = [
        *bundled(),
        *bundled_scenarios(),
        *(path for folder in SEED_FOLDERS for path in sorted(folder.iterdir())),
    ]
    found = [each for each in find(paths) if each.format is not None and each.part_of is None]
    return tuple(_seed(each.path, each.format) for each in found if each.format)


def _seed(path: Path, form: Format) -> Seed:
    form = formats()[form.name]  # before `resolve`
    if form.members is not None:
        return Seed(
            form, path, {name: _beginning(file, whole=True) for name, file in form.members(path).items()}
        )
    return Seed(form, path, {"": _beginning(path, whole=False)})


def _beginning(path: Path, *, whole: bool) -> bytes:
    with open_source(path) as stream:
        data = stream.read()
    if whole or (len(data) <= SEED_BYTES * 10 and data.lstrip(b"\xef\xbb\xbf \r\n")[:1] in b"<{["):
        return data
    return data[: data.rfind(b"\n", 0, SEED_BYTES) + 1] or data[:SEED_BYTES]


def accounted(seed: Seed, files: Mapping[str, bytes]) -> list[Item]:
    """Read a source and check that every byte of it belongs to exactly one item.

    Args:
        seed: The seed that it was made from.
        files: Its bytes, maybe damaged.

    Returns:
        Its items.

    Raises:
        AssertionError: A byte belongs to no item or to several, or the items are not numbered.
    """
    form, stream = seed.form, io.BytesIO(files.get("", b""))
    if form.members is not None:
        with zipfile.ZipFile(stream, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        stream.seek(0)
    elif form.resolve is not None:
        try:
            form = form.resolve(files[""][:HEAD_BYTES])
        except ValueError:
            return []
    size = sum(map(len, files.values()))
    items = list(form.items(stream, seed.path))
    at = 0
    for begin, end in sorted(span for item in items for span in item.spans):
        assert begin == at, (
            f"{form.name}: bytes {min(at, begin)} to {max(at, begin)} belong to no item, or to two"
        )
        assert end >= begin
        at = end
    assert at == size, f"{form.name}: bytes {at} to {size} belong to no item"
    numbers = [item.record for item in items if isinstance(item, Accepted | Refused)]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert all(item.reason for item in items if isinstance(item, Refused | Skipped))
    return items


def formats_without_seed() -> set[str]:
    """Return the formats that no seed has."""
    return set(formats()) - {each.form.name for each in seeds()}


_PIECES = (
    b"\xef\xbb\xbf", b"\xff\xfe", b"\r", b"\n", b"\r\n", b"\n\r", b"\0", b'"', b"'", b",", b";", b"\t", b" ", b"\\",
    b"{", b"}", b"[", b"]", b"<", b">", b"<!--", b"]]>", b"&", b"#", b"!", b"$", b"*", b"NaN", b"-Infinity", b"1e400",
    b"\x80", b"\xed\xa0\x80", "측".encode("cp949"), "é".encode("latin-1"), b"\\ud800", b"-1", b"9999-12-31",
)  # fmt: skip


@st.composite
def damage(draw: st.DrawFn, data: bytes, others: tuple[bytes, ...]) -> bytes:
    """Damage a source one to three times.

    Args:
        draw: Hypothesis'.
        data: The source.
        others: Other sources, to be joined with it.
    """
    for _ in range(draw(st.integers(min_value=1, max_value=3))):
        data = draw(_once(data, others))
    return data


@st.composite
def _once(draw: st.DrawFn, data: bytes, others: tuple[bytes, ...]) -> bytes:
    place = st.integers(min_value=0, max_value=len(data))
    a, b, c = sorted((draw(place), draw(place), draw(place)))
    kind = draw(st.sampled_from(_KINDS))
    if kind == "cut":
        return data[a:b]
    if kind == "swap":
        return data[:a] + data[b:c] + data[a:b] + data[c:]
    if kind == "insert":
        return data[:a] + draw(st.sampled_from(_PIECES)) + data[a:]
    if kind == "glue":
        return data[:b] + draw(st.sampled_from(others)) + data[b:]
    if kind == "lines":
        found = data.splitlines(keepends=True)
        return b"".join(draw(st.permutations(found[:12]))) + b"".join(found[12:])
    return _REWRITE[kind](data, a, b)


_ENDS = (b"\r", b"\r\n", b"\n\r", b"\n\n", b"")
_ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "cp949", "latin-1", "utf-8-sig")
_NINES = bytes.maketrans(b"0123456789", b"9876543210")
_REWRITE: Mapping[str, Callable[[bytes, int, int], bytes]] = {
    "drop": lambda data, a, b: data[:a] + data[b:],
    "double": lambda data, a, b: data[:b] + data[a:b] + data[b:],
    "ends": lambda data, a, _: data.replace(b"\r\n", b"\n").replace(b"\n", _ENDS[a % len(_ENDS)]),
    "encoding": lambda data, a, _: data.decode("utf-8", "replace").encode(_ENCODINGS[a % 6], "replace"),
    "quotes": lambda data, a, _: data.replace(b'"', b"") if a % 2 else data.replace(b",", b'","'),
    "year": lambda data, *_: data.replace(b"20", b"99"),
    "digits": lambda data, a, b: data[:a] + data[a:b].translate(_NINES) + data[b:],
    "huge": lambda data, a, _: data[:a] + b"x" * (1_200_000 if a % 8 == 0 else 70_000) + data[a:],
}
_KINDS = ("cut", "swap", "insert", "glue", "lines", *_REWRITE)


def below_header(items: Iterable[Item]) -> list[Item]:
    """Return the items of a table without its header."""
    return [item for item in items if not (isinstance(item, Skipped) and item.reason == "header")]
