"""The vocabulary of a domain's `agents.py`: `batched`, `Record`, `State`, `Output`.

    @batched("air-quality.reading", rule="air-quality-index@2", outputs=("air-quality.index",))
    def index(record: Record, state: State) -> Iterator[Output]:
        previous = state.get()                       # the value put last for this subject, or None
        state.put({"hours": [...]})                  # any JSON value
        yield Output("air-quality.index", {"station": record.key, ...})

A rule gets one record at a time, in the order of its key, and yields the outputs that follow from it. The worker does
the rest: decoding, ids and salts of outputs, delivery, dead letters, state, commits. A rule must be a pure function of
the record and the state: no clock, no randomness, no network. If it raises, the record becomes a dead letter, and
neither its outputs nor its `put` take effect.

A rule that needs personal values declares `decrypts=True`. It alone gets the keys, through `record.decrypted()`. Its
state must hold personal values as ciphertext only. A value that it cannot decrypt belongs to an erased person.
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
    """A decoded record of a topic.

    Attributes:
        topic: Its topic.
        partition: Its partition.
        offset: Its offset.
        key: Its key as text.
        event: Envelope and fields as plain values: ids and enums are text, times are microseconds since 1970.
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
        """Id of the event as text."""
        return str(self.event["event_id"])

    @property
    def salt(self) -> bytes:
        """Salt of the event, 16 bytes."""
        return bytes(self.event["salt"])

    @property
    def source(self) -> str:
        """Source of the event."""
        return str(self.event["source"])

    @property
    def occurred_us(self) -> int:
        """Time of the event, microseconds since 1970."""
        return int(self.event["occurred_at"])

    @property
    def stream(self) -> str:
        """The source up to `#`: each recording is its own stream of its subjects."""
        return stream_of(self.source)

    @property
    def decryptor(self) -> Decryptor:
        """The decryptor of personal values, for a rule that is declared with `decrypts=True`.

        Raises:
            DeclarationError: The rule did not declare it.
        """
        if self._decryptor is None:
            raise DeclarationError("this rule did not declare that it decrypts personal values")
        return self._decryptor

    def decrypted(self) -> dict[str, Any] | None:
        """Return the event with its personal fields in clear, or None if the person was erased.

        Raises:
            DeclarationError: The rule did not declare `decrypts=True`.
        """
        return self.decryptor.event(self.key, self.event)

    def input(self) -> Input:
        """Return this event as an input of a derived one."""
        return Input(self.event_id, self.salt)


class Output(NamedTuple):
    """An event that a rule derives.

    Attributes:
        topic: One of the rule's declared output topics.
        event: Its own fields. The worker adds the envelope.
        key: Key of the record; None: the value of the topic's key field.
        occurred_us: Time of the event, microseconds since 1970; None: that of its record.
        inputs: Events it is derived from, in a fixed order; None: its record alone. A rule whose outputs must not
            depend on the record that triggered them (a window that closes) names them here.
    """

    topic: str
    event: Mapping[str, Any]
    key: str | None = None
    occurred_us: int | None = None
    inputs: Sequence[Input] | None = None


class State(Protocol):
    """The state of one version of a rule for one subject: key and stream of the record."""

    def get(self) -> Any:
        """Return a fresh copy of the value that was put last, or None."""

    def put(self, value: Any) -> None:
        """Store a JSON value, or a dataclass field by field. It takes effect only if the rule does not raise."""

    def clear(self) -> None:
        """Clear the state, at the closing event of the subject."""


StatelessRule = Callable[[Record], Iterable[Output]]
StatefulRule = Callable[[Record, State], Iterable[Output]]
AnyRule = TypeVar("AnyRule", bound=Callable[..., Iterable[Output]])


@dataclass(frozen=True)
class Handler:
    """A declared rule.

    Attributes:
        topic: Topic that it reads.
        rule: Name and version.
        outputs: Topics that it may write.
        call: The function, which takes (record) or (record, state).
        stateful: Whether it takes a state.
        cross_source: Whether its state spans all sources of one kind.
        decrypts: Whether it needs personal values in clear.
    """

    topic: str
    rule: Rule
    outputs: tuple[str, ...]
    call: Callable[..., Iterable[Output]]
    stateful: bool
    cross_source: bool = False
    decrypts: bool = False

    def stream(self, source: str) -> str:
        """Return the stream of a source: the source up to `#`, or its kind for a cross-source rule."""
        return kind_of(source) if self.cross_source else stream_of(source)


def batched(
    topic: str, *, rule: str, outputs: Sequence[str], cross_source: bool = False, decrypts: bool = False
) -> Callable[[AnyRule], AnyRule]:
    """Declare a function as a rule over the records of a topic. The function itself is unchanged.

    Args:
        topic: Topic that it reads.
        rule: `name@version`. Raise the version whenever outputs or state change.
        outputs: Topics that it may write; others are refused.
        cross_source: Whether state is kept by key and kind of source (recordings, scenarios, the city itself), not for
            each source. It is for a rule that folds a group whose members lie in several recordings or devices.
            Members may come in any order, so the outputs must not depend on it: the rule names `inputs`, and sets
            `source` and `recorded_at` of its outputs to those of a fixed input.
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
    """Return the rules that a module declares, in the order of its source."""
    return [handler for each in vars(module).values() for handler in getattr(each, "__handlers__", ())]
