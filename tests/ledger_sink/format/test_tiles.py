"""tlog-tiles: paths, bundles, appending in any portions, reading with care."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_sink.format.checkpoint import Checkpoint, parse_checkpoint
from ledger_sink.format.errors import TileError
from ledger_sink.format.merkle import leaf_hashes, root, verify_consistency
from ledger_sink.format.tiles import (
    ENTRIES,
    TILE_WIDTH,
    TileBuilder,
    bundles_of,
    consistency_proof,
    encode_entries,
    entries_path,
    inclusion_proof,
    parse_entries,
    parse_tile_path,
    position_path,
    read_root,
    tile_path,
    tiles_of,
)

TESSERA = Path(__file__).parents[2] / "vectors" / "tlog_tiles_tessera"
HASHES = leaf_hashes(b"%d" % i for i in range(70_000))


def test_paths_are_those_of_the_spec() -> None:
    """Groups of three digits, all but the last with an x; widths of partial tiles behind .p."""
    assert tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert tile_path(3, 0, 1) == "tile/3/000.p/1"
    assert entries_path(1000, 255) == "tile/entries/x001/000.p/255"


@given(st.integers(-1, 63), st.integers(0, 2**63 - 1), st.integers(1, 256))
def test_a_path_reads_back_as_its_place(level: int, index: int, width: int) -> None:
    """Every place has one path, and the path gives the place back."""
    assert parse_tile_path(position_path((level, index, width))) == (level, index, width)


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0", "tile/0/0000", "tile/0/x000/067", "tile/00/067", "tile/64/000", "tile/0/000.p/0",
        "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/x001/x234", "tile/entries/000/",
        "tile/0/000\n", "/tile/0/000", "tile/-1/000", "tile/0/٠٠٠", "tile/0/x999/x999/x999/x999/x999/x999/999",
    ],
)  # fmt: skip
def test_other_spellings_of_a_path_are_refused(path: str) -> None:
    """A path with another spelling, level or width is no tile's."""
    with pytest.raises(TileError):
        parse_tile_path(path)


def test_places_that_no_path_can_say_are_refused() -> None:
    """Levels past 63, negative indexes and widths outside 1 to 256 have no path."""
    for level, index, width in ((64, 0, 1), (-2, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)):
        with pytest.raises(TileError):
            tile_path(level, index, width)


def test_tiles_of_70_000_are_those_of_the_spec() -> None:
    """273 full and one of 112 on level 0; one full and one of 17 on level 1; one of width 1 on level 2."""
    places = list(tiles_of(70_000))
    assert sum(level == 0 and width == TILE_WIDTH for level, _, width in places) == 273
    assert [place for place in places if place[2] < TILE_WIDTH] == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert [place for place in places if place[0] == 1] == [(1, 0, 256), (1, 1, 17)]


def test_tiles_of_256_are_a_full_one_and_one_above() -> None:
    """A full level-0 tile and a level-1 tile of width 1; no empty tile; nothing for an empty tree."""
    assert list(tiles_of(256)) == [(0, 0, 256), (1, 0, 1)]
    assert list(bundles_of(257)) == [(ENTRIES, 0, 256), (ENTRIES, 1, 1)]
    assert list(tiles_of(0)) == []


@settings(max_examples=30)
@given(st.lists(st.integers(0, 3000), max_size=8))
def test_portions_do_not_matter(portions: list[int]) -> None:
    """However leaves are portioned, tiles, partial tiles and roots are the same."""
    once, often = TileBuilder(), TileBuilder()
    total = sum(portions)
    whole = once.append(HASHES[:total])
    parts = []
    for portion in portions:
        parts += often.append(HASHES[often.size : often.size + portion])
    assert sorted(parts, key=lambda t: (t.level, t.index)) == sorted(whole, key=lambda t: (t.level, t.index))
    assert often.partials() == once.partials()
    assert often.root() == root(HASHES[:total])
    written = {(t.level, t.index, t.width) for t in whole + once.partials()}
    assert written == set(tiles_of(total))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 65_535, 65_536, 65_537, 70_000])
def test_a_builder_goes_on_from_stored_tiles(size: int) -> None:
    """A builder loaded from tiles has the root, and goes on like one that never stopped."""
    builder = TileBuilder()
    tiles = {(t.level, t.index): t.data for t in builder.append(HASHES[:size]) + builder.partials()}
    loaded = TileBuilder.load(size, lambda level, index, _width: tiles[level, index])
    assert loaded.root() == builder.root() == read_root(size, lambda level, index, _w: tiles[level, index])
    more = HASHES[: min(300, 70_000 - size)]
    assert loaded.append(more) == builder.append(more)
    assert loaded.root() == builder.root()


def test_a_full_tile_stands_in_for_a_partial_one() -> None:
    """Old proofs can be made after partial tiles are gone."""
    builder = TileBuilder()
    tiles = {(t.level, t.index): t.data for t in builder.append(HASHES[:600]) + builder.partials()}
    proof = inclusion_proof(260, 300, lambda level, index, _width: tiles[level, index])
    assert len(proof) == 7
    assert read_root(300, lambda level, index, _width: tiles[level, index]) == root(HASHES[:300])


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(32 * 9), bytes(32 * 10 + 1), bytes(8192 + 32)])
def test_a_tile_of_another_width_is_refused(data: bytes) -> None:
    """A tile that is too short, ragged or longer than 256 hashes is refused by its path."""
    with pytest.raises(TileError, match=r"tile/0/000\.p/10"):
        inclusion_proof(3, 10, lambda _level, _index, _width: data)


def test_an_edge_of_another_size_is_refused() -> None:
    """A builder is not started from partial tiles that do not fit the size."""
    for size, edge in ((1, []), (0, [bytes(32)]), (256, [b"", b""]), (2, [bytes(32)]), (-1, []), (2**63, [])):
        with pytest.raises(TileError):
            TileBuilder(size, edge)


def test_proofs_outside_the_tree_are_refused() -> None:
    """No proof is made for an index past the size or a shrinking log."""
    with pytest.raises(TileError):
        inclusion_proof(5, 5, lambda *_: b"")
    with pytest.raises(TileError):
        consistency_proof(6, 5, lambda *_: b"")


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_entry_bundles_read_back(entries: list[bytes]) -> None:
    """A bundle gives its entries back, empty ones too."""
    assert parse_entries(encode_entries(entries), len(entries)) == entries


def test_cut_or_long_bundles_are_refused() -> None:
    """A bundle that is cut anywhere, has a byte more, or 257 entries is refused."""
    bundle = encode_entries([b"one", b"", b"three"])
    for end in range(1, len(bundle)):
        if end not in (5, 7):
            with pytest.raises(TileError):
                parse_entries(bundle[:end])
    for bad, width in ((bundle, 2), (bundle, 4), (bundle + b"\x00", 3), (bytes(2 * 257), None)):
        with pytest.raises(TileError):
            parse_entries(bad, width)
    with pytest.raises(TileError, match="at most 65535"):
        encode_entries([bytes(65_536)])


@pytest.mark.parametrize("width", range(1, 16))
def test_tessera_bundles_hash_to_tessera_tiles(width: int) -> None:
    """Another implementation's entries and tiles are read, and ours are the same bytes."""
    bundle = (TESSERA / entries_path(0, width)).read_bytes()
    entries = parse_entries(bundle, width)
    builder = TileBuilder()
    builder.append(leaf_hashes(entries))
    assert builder.partials()[0].data == (TESSERA / tile_path(0, 0, width)).read_bytes()
    assert encode_entries(entries) == bundle


@pytest.mark.parametrize("old", range(16))
def test_tesseras_log_only_grew(old: int) -> None:
    """Each of its checkpoints is the root of its tiles, and consistent with every later one by our proofs."""

    def head(size: int) -> Checkpoint:
        return parse_checkpoint((TESSERA / f"checkpoint.{size}").read_bytes())[0]

    def read(level: int, index: int, width: int) -> bytes:
        return (TESSERA / tile_path(level, index, width)).read_bytes()

    assert read_root(old, read) == head(old).root
    for new in range(old, 16):
        verify_consistency(old, head(old).root, new, head(new).root, consistency_proof(old, new, read))
