"""No byte of a source is unaccounted for: the property over every reader and every kind of damage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.readers.formats import Accepted
from tests.properties import fewer
from tests.streams.readers.accounting import Seed, accounted, damage, formats_without_seed, seeds


def test_every_format_has_a_seed() -> None:
    """A new format adds one to `seeds/`, or it is not covered."""
    assert not formats_without_seed()


@pytest.mark.parametrize("seed", seeds(), ids=repr)
def test_a_whole_source_is_accounted_for(seed: Seed) -> None:
    """And something of it is accepted."""
    assert any(isinstance(item, Accepted) for item in accounted(seed, seed.files))


@pytest.mark.parametrize("seed", seeds(), ids=repr)
@fewer(2)
@given(data=st.data())
def test_a_damaged_source_is_accounted_for(seed: Seed, data: st.DataObject) -> None:
    """Cut, joined, doubled, reordered, in another encoding, with a huge part: accepted, refused or skipped."""
    others = tuple(each.files[""] for each in seeds() if "" in each.files)
    name = data.draw(st.sampled_from(sorted(seed.files)))
    accounted(seed, {**seed.files, name: data.draw(damage(seed.files[name], others))})


@given(st.binary(max_size=300))
def test_formats_are_asked_of_any_bytes(head: bytes) -> None:
    """No format raises when it is asked."""
    for seed in seeds():
        seed.form.matches(head)
        if seed.form.matches_name is not None:
            seed.form.matches_name(head, "x.csv")
