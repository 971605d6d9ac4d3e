"""What a domain's `agents.py` is written in: `batched`, `Record`, `State`, `Output`.

    @batched("air-quality.reading", rule="air-quality-index@1", outputs=("air-quality.index",))
    def index(record: Record, state: State) -> Iterator[Output]:
        previous = state.get()                       # what was put last for this subject, or None
        state.put({"hours": [...]})                  # any JSON value
        yield Output("air-quality.index", {"station": record.key, ...})

A rule sees one record at a time, in the order of its key, and says what follows from it. Everything else is
done around it: decoding, ids and salts of outputs, delivery, dead letters, state, commits. A rule must be a
pure function of the record and the state: no clock, no randomness, no network. Whatever it raises makes a
dead letter of that record, and neither its outputs nor its `put` happen.

A rule that needs personal values says `decrypts=True`; it alone is given the keys, as `record.decrypted()`. What it
puts it keeps encrypted as it came, and whom it cannot open any more was forgotten.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

from streams.errors import DeclarationError
from streams.identity.event_ids import Input, Rule, kind_of, stream_of
from streams.privacy.field_encryption import Decryptor

__all__ = ["Handler", "Input", "Output", "Record", "Rule", "State", "batched"]


class Record:
    """One decoded record of a topic.

    Attributes:
        topic: Its topic.
        partition: Its partition.
        offset: Its offset.
        key: The subject's key.
        event: Envelope and fields as plain values: ids are text, times are microseconds since 1970, enums are
            text.
    """

    __slots__ = ("_decryptor", "event", "key", "offset", "partition", "topic")

    def __init__(
        self,
        topic: str,
        partition: int,
        offset: int,
        key: str,
        event: Mapping[str, Any],
        decryptor: Decryptor | None = None,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.key = key
        self.event = event
        self._decryptor = decryptor

    def __repr__(self) -> str:
        return f"Record({self.topic}/{self.partition}@{self.offset}, key={self.key!r})"

    @property
    def event_id(self) -> str:
        """Id of the event."""
        return str(self.event["event_id"])

    @property
    def salt(self) -> bytes:
        """Salt of the event."""
        return bytes(self.event["salt"])

    @property
    def source(self) -> str:
        """Source of the event."""
        return str(self.event["source"])

    @property
    def occurred_us(self) -> int:
        """When it happened, microseconds since 1970."""
        return int(self.event["occurred_at"])

    @property
    def stream(self) -> str:
        """The source up to `#`: each recording is its own stream of its subjects."""
        return stream_of(self.source)

    @property
    def decryptor(self) -> Decryptor:
        """What opens personal values; only a rule declared with `decrypts=True` is given it."""
        if self._decryptor is None:
            raise DeclarationError("this rule did not declare that it opens personal values")
        return self._decryptor

    def decrypted(self) -> dict[str, Any] | None:
        """Return the event with its personal fields in clear; None if the person was forgotten."""
        return self.decryptor.event(self.key, self.event)

    def input(self) -> Input:
        """Return this event as an input of a derived one."""
        return Input(self.event_id, self.salt)


class Output(NamedTuple):
    """An event that a rule derives.

    Attributes:
        topic: One of the rule's declared output topics.
        event: Its own fields; the envelope is added.
        key: Subject key; None: the value of the topic's key field.
        occurred_us: When it happened, microseconds since 1970; None: as its record.
        inputs: Events it is made from, in a fixed order; None: its record alone. A rule whose outputs must
            not depend on which record triggered them (a window that closes) names them here.
    """

    topic: str
    event: Mapping[str, Any]
    key: str | None = None
    occurred_us: int | None = None
    inputs: Sequence[Input] | None = None


class State(Protocol):
    """What a rule (in one version) remembers of one subject: (key, stream) of the record at hand."""

    def get(self) -> Any:
        """Return a fresh copy of what was put last, or None."""

    def put(self, value: Any) -> None:
        """Remember a JSON value, or a dataclass field by field; takes effect only if the rule ends without raising."""

    def clear(self) -> None:
        """Forget the subject: at its closing event."""


StatelessRule = Callable[[Record], Iterable[Output]]
StatefulRule = Callable[[Record, State], Iterable[Output]]
AnyRule = TypeVar("AnyRule", bound=Callable[..., Iterable[Output]])


@dataclass(frozen=True)
class Handler:
    """A rule with what it reads and writes."""

    topic: str
    rule: Rule
    outputs: tuple[str, ...]
    call: Callable[..., Iterable[Output]]
    stateful: bool
    cross_source: bool = False
    decrypts: bool = False

    def stream(self, source: str) -> str:
        """Return the stream whose state a record of a source belongs to."""
        return kind_of(source) if self.cross_source else stream_of(source)


def batched(
    topic: str, *, rule: str, outputs: Sequence[str], cross_source: bool = False, decrypts: bool = False
) -> Callable[[AnyRule], AnyRule]:
    """Declare a rule over the records of a topic; the function stays as it is, for direct tests.

    Args:
        topic: Topic of the catalogue that it reads.
        rule: `name@version`; raise the version whenever outputs or state change.
        outputs: Topics of the catalogue that it may write; others are refused.
        cross_source: For a rule that folds a group whose members lie in several recordings or devices: state is kept by key
            and kind of source (recordings, scenarios, the city itself) and not for each source apart. Members may
            then come in any order, so what such a rule derives must not depend on it: it names `inputs`, and sets
            `source` and `recorded_at` in its outputs' fields to those of a fixed one of them.
        decrypts: Whether it needs personal values in clear.

    Raises:
        DeclarationError: The rule has no version, or the function takes neither (record) nor (record, state).
    """
    parsed = Rule.parse(rule)

    def declare(function: AnyRule) -> AnyRule:
        count = len(inspect.signature(function).parameters)
        if count not in (1, 2):
            raise DeclarationError(f"{rule}: expected (record) or (record, state), got {count} parameters")
        handler = Handler(topic, parsed, tuple(outputs), function, count == 2, cross_source, decrypts)
        function.__handlers__ = (*getattr(function, "__handlers__", ()), handler)  # type: ignore[attr-defined]
        return function

    return declare


def handlers_of(module: object) -> list[Handler]:
    """Return what a module declares, in the order of its source."""
    return [handler for each in vars(module).values() for handler in getattr(each, "__handlers__", ())]
