"""Keyed state within a batch and after a restart, with the changelog in memory."""

from collections import defaultdict
from typing import Any

import pytest

from streams.produce.deliveries import DeliveryTracker
from streams.state.entries import Entry, Stored
from streams.state.store import KeyedState, PartitionStore, StateTransaction
from streams.testing import MemoryChangelog

ANNA, BERT = ("r@1", "anna", "device:1"), ("r@1", "bert", "device:1")


def restored(owner: str = "one", log: defaultdict[int, list[Stored]] | None = None) -> PartitionStore:
    """The state of a partition as this owner finds it."""
    state = PartitionStore(MemoryChangelog(owner, log), 0, 1)
    state.restore()
    return state


def given(draft: StateTransaction, subject: tuple[str, str, str], offset: int) -> KeyedState:
    """What a rule is given for a record that was not folded."""
    state = draft.state(subject, offset)
    assert state is not None
    return state


def put(draft: StateTransaction, subject: tuple[str, str, str], offset: int, value: Any) -> None:
    """Do what a rule does that ends well."""
    state = given(draft, subject, offset)
    state.put(value)
    state.keep(offset)


def test_a_rule_gets_a_fresh_copy_each_time() -> None:
    """Neither what it was given nor what it gave changes what is remembered, but by `put`."""
    draft = restored().begin()
    mine = {"hours": [1]}
    put(draft, ANNA, 0, mine)
    mine["hours"].append(2)
    state = given(draft, ANNA, 1)
    state.get()["hours"].append(3)
    assert state.get() == {"hours": [1]}


def test_a_rule_that_ends_badly_leaves_no_trace() -> None:
    """What it put is seen by itself alone: not by the next record, not by the changelog."""
    draft = restored().begin()
    put(draft, ANNA, 0, 1)
    failing = given(draft, ANNA, 1)
    failing.put(2)
    assert failing.get() == 2
    assert given(draft, ANNA, 1).get() == 1
    assert draft.entry(ANNA) == Entry(0, b"1")


def test_what_is_no_json_fails_where_it_is_put() -> None:
    """So it is a dead letter of that record, not of the batch."""
    draft = restored().begin()
    with pytest.raises(TypeError):
        given(draft, ANNA, 0).put({1, 2})
    assert draft.changes == {}


def test_a_record_that_was_folded_is_given_no_state() -> None:
    """Not in the same batch, not in a later one, not after a restart; other subjects are not concerned."""
    state = restored()
    draft = state.begin()
    put(draft, ANNA, 7, "x")
    assert draft.state(ANNA, 7) is None
    state.write(draft, None, deliveries=DeliveryTracker())
    state.apply(draft, None)
    assert state.begin().state(ANNA, 7) is None
    assert given(state.begin(), BERT, 3).get() is None
    assert given(state.begin(), ANNA, 8).get() == "x"


def test_a_draft_that_is_not_applied_changes_nothing() -> None:
    """A batch whose delivery fails comes again on what was there before."""
    state = restored()
    put(state.begin(), ANNA, 0, "lost")
    assert state.entries() == {}
    assert given(state.begin(), ANNA, 0).get() is None


def test_what_several_owners_left_is_replaced_as_a_whole() -> None:
    """The newest counts, wherever it stands; with the next change all others' entries go, and one's own stays."""
    log: defaultdict[int, list[Stored]] = defaultdict(list)
    log[0] = [
        Stored(ANNA, "two", Entry(5, b"5")),
        Stored(ANNA, "one", Entry(3, b"3")),
        Stored(ANNA, "three", Entry(4, b"4")),
        Stored(BERT, "two", Entry(9, b"9")),
        Stored(BERT, "two", None),
    ]
    state = restored("one", log)
    assert state.entries() == {ANNA: (5, b"5")}
    draft = state.begin()
    put(draft, ANNA, 6, 6)
    state.write(draft, None, DeliveryTracker())
    written = [(owner, entry) for _, owner, entry in log[0][5:]]
    assert written == [("one", (6, b"6")), ("two", None), ("three", None)]
    again = restored("four", log)
    assert again.entries() == {ANNA: (6, b"6")}
