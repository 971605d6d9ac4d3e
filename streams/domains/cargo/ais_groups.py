"""Sentences of an AIS log → the groups that are one message each. Pure; bounded memory.

Sentences belong together by talker, type, number of sentences, sequential message id and channel, and by the group and
source of their tag blocks where these are given. Other groups may come in between.

- With a group id they may come in any order: it alone says what belongs together, within 2,000 sentences of the log
  and 10 seconds.
- Without one, nearness decides: 100 sentences of the log, or 2 seconds where times are given. A sentence joins the
  group that has all sentences before it. So a message that lost its first sentence does not take that of the next one.
  What is left over when a group's time is up is joined in another order, if it is complete and all that there is.
- Sequential message ids have one digit, so two messages may use one at a time. If a sentence fits several open groups
  of different messages, and no time singles one out, all of them are refused: to join them would be a guess.

Two receivers that heard the same message make two groups, as they make two records of a message of one sentence.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_OPEN = 2_000
"""Sentences of the log after which an incomplete group with a time or a group id is refused. It bounds the memory."""

MAX_OPEN_UNTAGGED = 100
"""Sentences of the log after which one without is refused."""

MAX_RIVAL = 50
"""Sentences of the log after which a message that uses the id of an open group replaces it, and is no rival."""

MAX_SPREAD_US, MAX_SPREAD_UNTAGGED_US = 10_000_000, 2_000_000
"""Longest time between the sentences of one group, with and without a group id."""


class Sentence(NamedTuple):
    """One AIS sentence of the log.

    Attributes:
        line: Its line, from 1.
        position: How many sentences of any kind the log has up to it.
        span: Its bytes in the log, with what stands before and behind it.
        data: These bytes without the line end.
        text: The sentence from `!` to its checksum.
        total: Sentences of its group.
        number: Its number in the group, from 1.
        channel: AIS channel, or empty.
        key: What the sentences of a group share: talker, type, total, sequential message id, channel, group id of the
            tag block (empty if there is none).
        group: Group id of its tag block, or None.
        source: Receiving station, or None.
        line_us: Time on its line, µs since 1970 UTC, or None.
        flags: What is doubtful about its time and tag blocks.
    """

    line: int
    position: int
    span: tuple[int, int]
    data: bytes
    text: bytes
    total: int
    number: int
    channel: str
    key: tuple[bytes, ...]
    group: bytes | None = None
    source: bytes | None = None
    line_us: int | None = None
    flags: tuple[str, ...] = ()


class Refusal(NamedTuple):
    """Sentences that make no message.

    Attributes:
        sentences: In file order.
        reason: Why, in one line.
    """

    sentences: tuple[Sentence, ...]
    reason: str


@dataclass(slots=True, eq=False)
class _Group:
    """An incomplete group.

    Attributes:
        parts: Its sentences by number.
        last: Position of the newest.
        source: Their receiving station, or None.
        line_us: The first time among them, or None.
        is_closed: True once it is complete or refused.
    """

    parts: dict[int, Sentence]
    last: int
    source: bytes | None
    line_us: int | None
    is_closed: bool = False

    @property
    def first(self) -> Sentence:
        """Its first sentence in the log."""
        return next(iter(self.parts.values()))

    @property
    def content(self) -> frozenset[bytes]:
        """Its sentences, without what stands around them."""
        return frozenset(each.text for each in self.parts.values())

    @property
    def deadline(self) -> int:
        """The last position that may complete it."""
        is_untagged = self.first.group is None and self.line_us is None
        return self.last + (MAX_OPEN_UNTAGGED if is_untagged else MAX_OPEN)

    def fits(self, sentence: Sentence) -> bool:
        """Return whether a sentence may belong to the group, and comes in its turn if there is no group id."""
        if sentence.group is None:
            in_turn = set(self.parts) == set(range(1, sentence.number))
        else:
            in_turn = sentence.number not in self.parts
        return in_turn and sentence.position <= self.deadline and self._agrees(sentence)

    def _agrees(self, sentence: Sentence) -> bool:
        """Return whether a sentence has the group's source and time."""
        spread_us = MAX_SPREAD_UNTAGGED_US if sentence.group is None else MAX_SPREAD_US
        return (self.source is None or sentence.source is None or self.source == sentence.source) and (
            self.line_us is None
            or sentence.line_us is None
            or abs(self.line_us - sentence.line_us) <= spread_us
        )

    def complements(self, other: "_Group") -> bool:
        """Return whether two groups may be parts of one message."""
        return (
            not self.parts.keys() & other.parts.keys()
            and abs(self.last - other.last) <= MAX_OPEN_UNTAGGED
            and all(self._agrees(each) for each in other.parts.values())
        )

    def add(self, sentence: Sentence) -> None:
        self.parts[sentence.number] = sentence
        self.last = sentence.position
        self.source = sentence.source if self.source is None else self.source
        self.line_us = sentence.line_us if self.line_us is None else self.line_us


@dataclass
class Assembly:
    """The incomplete groups of a log.

    Attributes:
        open: By key, in the order of their first sentences.
    """

    open: dict[tuple[bytes, ...], list[_Group]] = field(default_factory=dict)
    _deadlines: list[tuple[int, int, _Group]] = field(default_factory=list)

    def add(self, sentence: Sentence) -> Iterator[tuple[Sentence, ...] | Refusal]:
        """Add a sentence of a group of several.

        Yields:
            The sentences of a message by number, if it is complete; and what is refused.
        """
        groups = self.open.setdefault(sentence.key, [])
        fitting = [each for each in groups if each.fits(sentence)]
        chosen = _choose(fitting, sentence)
        if chosen is not None:
            chosen.add(sentence)
            if len(chosen.parts) == sentence.total:
                self._remove(chosen)
                yield tuple(each for _, each in sorted(chosen.parts.items()))
        elif fitting:
            for each in fitting:
                self._remove(each)
                yield _refusal(each.parts.values(), "another message uses its sequential id at the same time")
            yield _refusal([sentence], "it fits several incomplete messages")
        else:
            yield from self._replaced(groups, sentence)
            chosen = _Group({sentence.number: sentence}, sentence.position, sentence.source, sentence.line_us)
            self.open.setdefault(sentence.key, groups).append(chosen)
            heapq.heappush(self._deadlines, (chosen.deadline, sentence.position, chosen))

    def is_due(self, position: int) -> bool:
        """Return whether `expired` may yield something."""
        return bool(self._deadlines) and self._deadlines[0][0] < position

    def expired(self, position: int) -> Iterator[tuple[Sentence, ...] | Refusal]:
        """Remove the groups that no sentence from a position on can complete.

        Yields:
            Messages that two or more of them make together, and what is refused.
        """
        while self.is_due(position):
            _, opened, group = heapq.heappop(self._deadlines)
            if group.is_closed:
                continue
            if group.deadline < position:
                yield from self._close(group)
            else:
                heapq.heappush(self._deadlines, (group.deadline, opened, group))

    def rest(self) -> Iterator[tuple[Sentence, ...] | Refusal]:
        """Remove all groups, at the end of the log; yield as `expired` does."""
        for group in sorted((each for _, _, each in self._deadlines), key=lambda each: each.first.position):
            if not group.is_closed:
                yield from self._close(group)
        self._deadlines.clear()

    def _remove(self, group: _Group) -> None:
        group.is_closed = True
        groups = self.open[group.first.key]
        groups.remove(group)
        if not groups:
            del self.open[group.first.key]

    def _close(self, group: _Group) -> Iterator[tuple[Sentence, ...] | Refusal]:
        others = [
            each for each in self.open[group.first.key] if each is not group and each.complements(group)
        ]
        numbers = [number for each in (group, *others) for number in each.parts]
        self._remove(group)
        if sorted(numbers) != list(range(1, group.first.total + 1)):
            yield _incomplete(group)
            return
        for each in others:
            self._remove(each)
            group.parts |= each.parts
        yield tuple(part for _, part in sorted(group.parts.items()))

    def _replaced(self, groups: list[_Group], sentence: Sentence) -> Iterator[Refusal]:
        """Remove and yield the older groups whose place a sentence of the same number takes."""
        for each in [*groups]:
            if sentence.number not in each.parts:
                continue
            if each.source == sentence.source and sentence.position - each.last > MAX_RIVAL:
                self._remove(each)
                yield _incomplete(each)


def _choose(fitting: list[_Group], sentence: Sentence) -> _Group | None:
    if len(fitting) > 1:
        same_time = [each for each in fitting if each.line_us == sentence.line_us is not None]
        fitting = same_time if len(same_time) == 1 else fitting
    if len({each.content for each in fitting}) == 1:
        return fitting[0]
    return None


def _incomplete(group: _Group) -> Refusal:
    numbers = ", ".join(str(each) for each in group.parts)
    return _refusal(group.parts.values(), f"expected sentences 1 to {group.first.total}, got {numbers}")


def _refusal(sentences: Iterable[Sentence], reason: str) -> Refusal:
    return Refusal(tuple(sorted(sentences, key=lambda each: each.span)), reason)
