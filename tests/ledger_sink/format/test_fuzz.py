"""Whatever bytes arrive, each parser keeps its promise (`parsers.py`): whole, flipped, cut, longer, and kept finds.

Short and the same each time; the long, coverage-guided runs are `tests/ledger_sink/fuzz.py`, told in FUZZED.md.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledger_sink import fuzz
from tests.ledger_sink.format.parsers import PARSERS, hold

KEPT = fuzz.kept()


@pytest.mark.parametrize("name", PARSERS)
def test_each_sample_is_read(name: str) -> None:
    """The sample that is damaged below is itself accepted, and spelled as it came."""
    assert hold(name, PARSERS[name].sample)


@pytest.mark.parametrize("name", PARSERS)
def test_every_cut_gives_a_value_or_a_format_error(name: str) -> None:
    """Truncation at every byte, and one byte more behind."""
    sample = PARSERS[name].sample
    for end in range(len(sample)):
        hold(name, sample[:end])
    for more in (b"\x00", b"\n", b"x", b"\xff", sample):
        hold(name, sample + more)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60, derandomize=True)
@given(data=st.data())
def test_damaged_samples_give_a_value_or_a_format_error(name: str, data: st.DataObject) -> None:
    """Bytes changed, removed, inserted and doubled anywhere in a good sample."""
    damaged = bytearray(PARSERS[name].sample)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(damaged)))
        end = data.draw(st.integers(start, min(len(damaged), start + 8)))
        damaged[start:end] = data.draw(st.binary(max_size=8))
    hold(name, bytes(damaged))


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=25, derandomize=True)
@given(
    noise=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace"))
)
def test_noise_gives_a_value_or_a_format_error(name: str, noise: bytes) -> None:
    """Any bytes, and any text."""
    hold(name, noise)


@pytest.mark.parametrize("name", sorted(KEPT))
def test_what_long_runs_found_is_held_to_the_promise(name: str) -> None:
    """The smallest inputs that together cover a parser, kept from the runs of FUZZED.md."""
    assert KEPT[name]
    for data in KEPT[name]:
        hold(name, data)
