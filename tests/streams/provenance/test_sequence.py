"""The fold over a subject's events: holes, late arrivals, repeats, replays."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.provenance.sequence import REMEMBERED, Numbered, SequenceGap, Step, step

KEY = "did:key:z6Mk1"


def numbered(
    number: int | None, name: str | None = None, value: bytes = b"v", key: str | None = KEY
) -> Numbered:
    """Make an event; its id follows from its number unless a name is given."""
    return Numbered(name or f"event-{number}", value, number, key)


def run(*events: Numbered) -> list[Step]:
    """Fold events in order, the memory through JSON each time."""
    memory: dict[str, Any] | None = None
    found = []
    for event in events:
        found.append(step(memory, event))
        memory = json.loads(json.dumps(found[-1].history))
    return found


def test_numbers_in_order_say_nothing() -> None:
    """From 1 on, one after the other: no hole, no refusal."""
    assert all(each.refusal is None and each.gaps == () for each in run(*map(numbered, range(1, 100))))


def test_numbers_that_were_passed_over_are_reported() -> None:
    """A jump names first and last; so does a beginning above 1."""
    first, jump, after = run(numbered(3), numbered(7), numbered(8))
    assert first.gaps == (SequenceGap(1, 2, False),)
    assert jump.gaps == (SequenceGap(4, 6, False),)
    assert after.gaps == ()


def test_what_comes_late_is_taken_and_reported() -> None:
    """From the middle, the edges; then the hole is filled, and its numbers are used."""
    steps = run(numbered(1), numbered(6), numbered(3), numbered(2), numbered(5), numbered(4))
    assert [each.gaps for each in steps[2:]] == [(SequenceGap(n, n, True),) for n in (3, 2, 5, 4)]
    assert all(each.refusal is None for each in steps)
    assert "came before" in str(step(steps[-1].history, numbered(3, "another")).refusal)


def test_a_repeat_is_taken_and_changes_nothing() -> None:
    """The same event under the same number and signer: Kafka's own repeat."""
    steps = run(numbered(1), numbered(2), numbered(1), numbered(2))
    assert [each.refusal for each in steps] == [None] * 4
    assert json.dumps(steps[3].history) == json.dumps(steps[1].history)


def test_another_form_of_a_known_event_is_refused() -> None:
    """Another value, number, or signer, or none at all."""
    for other in (
        numbered(1, value=b"w"),
        numbered(2, "event-1"),
        numbered(1, key="did:key:z6Mk2"),
        numbered(1, key=None),
        numbered(None, "event-1"),
    ):
        assert "came before with another" in str(run(numbered(1), other)[1].refusal)


def test_another_event_under_a_used_number_is_refused() -> None:
    """And leaves no trace in what is remembered."""
    steps = run(numbered(1), numbered(2), numbered(2, "another"), numbered(3))
    assert [each.refusal is None for each in steps] == [True, True, False, True]
    assert steps[3].gaps == ()


def test_each_key_of_a_source_counts_by_itself() -> None:
    """A new key begins at 1 again; the old one goes on where it was."""
    steps = run(numbered(1, "a"), numbered(2, "b"), numbered(1, "c", key="did:key:z6Mk2"), numbered(3, "d"))
    assert all(each.refusal is None and each.gaps == () for each in steps)


def test_what_is_remembered_is_bounded() -> None:
    """Events, holes and keys have their most; a number beyond is refused, for nothing shows that it is a repeat."""
    steps = run(*(numbered(2 * n) for n in range(1, 300)))
    memory = steps[-1].history
    assert len(memory["seen"]) == REMEMBERED
    assert len(json.dumps(memory)) < 6_000
    assert step(memory, numbered(598)).refusal is None
    assert step(memory, numbered(597)).gaps == (SequenceGap(597, 597, True),)
    assert "too long ago to tell" in str(step(memory, numbered(2)).refusal)
    many = run(*(numbered(1, f"e{n}", key=f"did:key:{n}") for n in range(50)))
    assert len(many[-1].history["counts"]) == 8


def test_events_without_numbers_are_only_told_apart() -> None:
    """No holes; another form of a known event is refused all the same."""
    steps = run(numbered(None, "a"), numbered(None, "b"), numbered(None, "a"), numbered(None, "a", b"w"))
    assert [each.refusal is None for each in steps] == [True, True, True, False]
    assert not any(each.gaps for each in steps)


@given(st.permutations(range(1, 25)))
def test_in_the_end_only_what_never_came_is_missing(order: list[int]) -> None:
    """Whatever the order, the reports add up: nothing is missing once all have come."""
    missing: set[int] = set()
    for each in run(*map(numbered, order)):
        assert each.refusal is None
        for hole in each.gaps:
            numbers = set(range(hole.first, hole.last + 1))
            assert numbers <= missing if hole.arrived else not numbers & missing
            missing = missing - numbers if hole.arrived else missing | numbers
    assert missing == set()


@given(st.lists(st.integers(1, 30), max_size=60))
def test_no_number_is_ever_taken_for_two_events(numbers: list[int]) -> None:
    """Of events under the same number the first is taken and no other."""
    events = [numbered(number, f"e{at}") for at, number in enumerate(numbers)]
    taken = [event.sequence for event, each in zip(events, run(*events), strict=True) if each.refusal is None]
    assert sorted(taken, key=int) == sorted(set(numbers))  # type: ignore[arg-type]
