"""Records that are accepted together: judged by the reader and by what comes later, before the first goes in."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.readers import together
from streams.readers.formats import Accepted, EventDraft, Item, Refused, Skipped
from streams.readers.together import all_or_none

RULE = "together@1"
LATER = "later@1"

kinds = st.lists(st.sampled_from(["good", "good", "good", "refused", "refused later", "skipped"]), max_size=8)


def message(of: list[str]) -> list[Item]:
    """Make the items of a message."""
    found: list[Item] = []
    record = 0
    for at, kind in enumerate(of):
        span = ((at, at + 1),)
        if kind == "skipped":
            found.append(Skipped(at + 1, "blank", span))
            continue
        record += 1
        if kind == "refused":
            found.append(Refused(record, at + 1, b"x", "bad", "own@1", span))
        else:
            drafts = (EventDraft("t", 0, {"later": kind == "refused later"}),)
            found.append(Accepted(record, at + 1, b"x", drafts, span))
    return found


def later(item: Accepted) -> Refused | None:
    """Refuse the records that say so."""
    if not item.drafts[0].fields["later"]:
        return None
    return Refused(item.record, item.line, b"", "too large", LATER, item.spans)


@pytest.mark.parametrize("short", [0, 2, 500])
@given(kinds)
def test_all_records_are_accepted_or_none(short: int, of: list[str]) -> None:
    """Each keeps its number, line, bytes, and place; the invalid ones keep their own rules."""
    source = message(of)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together, "SHORT", short)
        found = list(all_or_none(lambda: iter(source), RULE, later))
    bad = {"refused", "refused later"} & set(of)
    assert [each.spans for each in found] == [each.spans for each in source]
    if not bad:
        assert found == source
        return
    rules = {"good": RULE, "refused": "own@1", "refused later": LATER}
    assert [each.rule for each in found if isinstance(each, Refused)] == [rules[k] for k in of if k in rules]
    assert not any(isinstance(each, Accepted) for each in found)
    first = next(each for each in found if isinstance(each, Refused) and each.rule != RULE)
    reasons = {each.reason for each in found if isinstance(each, Refused) and each.rule == RULE}
    assert reasons <= {f"the message is refused as a whole: its record {first.record} breaks {first.rule}"}


def test_nothing_is_yielded_before_the_whole_message_was_judged() -> None:
    """And a long message is not kept meanwhile."""
    read: list[int] = []

    def items() -> Iterator[Item]:
        for each in message(["good"] * 2_000):
            read.append(len(read))
            yield each

    found = all_or_none(items, RULE, later)
    next(found)
    assert 2_000 < len(read) <= 2_001
    assert sum(1 for _ in found) == 1_999
