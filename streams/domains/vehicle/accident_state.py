"""What is remembered of a vehicle between two signals while accidents are looked for, as it is persisted.

The rule's state in the changelog is `AccidentState` as JSON: field by field, in the order of the classes here. So
fields are neither renamed nor moved; tests/streams/domains/vehicle/test_accident_state.py holds the bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.domains.vehicle import crash
from streams.domains.vehicle.crash import Slice

SliceRow = tuple[int, int, float, float]
"""A `Slice` without names: an array in JSON."""

SpeedRow = tuple[int, float]
"""Time in µs since 1970 and speed in km/h: an array in JSON."""


@dataclass(frozen=True)
class Context:
    """What an accident tells of the moment before it.

    Attributes:
        speed: Last speed, km/h.
        level: Last level of automation.
        place: Last latitude and longitude in degrees, or two None.
    """

    speed: float | None = None
    level: Any = None
    place: tuple[float | None, float | None] = (None, None)

    def after(self, signal: Mapping[str, Any]) -> "Context":
        """Return the context once a signal's own values count."""
        speed, level = signal.get("speed"), signal.get("adas_active_autonomy_level")
        latitude = signal.get("current_location_latitude")
        longitude = signal.get("current_location_longitude")
        if speed is None and level is None and (latitude is None or longitude is None):
            return self
        return Context(
            self.speed if speed is None else speed,
            self.level if level is None else level,
            self.place if latitude is None or longitude is None else (latitude, longitude),
        )


@dataclass
class Crash:
    """An event in the sense of 49 CFR 563.5 that goes on; it becomes an accident if a trigger fires.

    Attributes:
        zero_us: Time zero.
        first: Event id and salt of the signal in which it was noticed.
        context: The moment before it.
        x: Longitudinal change of velocity since time zero, km/h.
        y: Lateral change.
        sideways: Whether a lateral acceleration was measured.
        max: Largest resultant so far.
        max_us: When it was reached, from time zero.
        max_x: Longitudinal part of it.
        max_y: Lateral part of it.
        end_us: When the change of velocity fell below the wake threshold; None while it is above.
        trigger: What fired; None until then.
        signal: Event id and salt of the signal that fired.
        restraint: Whether an air bag deployed in it.
    """

    zero_us: int
    first: list[str]
    context: Context
    x: float = 0.0
    y: float = 0.0
    sideways: bool = False
    max: float = 0.0
    max_us: int = 0
    max_x: float = 0.0
    max_y: float = 0.0
    end_us: int | None = None
    trigger: str | None = None
    signal: list[str] | None = None
    restraint: bool = False

    @property
    def complete_us(self) -> int:
        """When its delta-V is complete: 300 ms from time zero, or 30 ms behind its end."""
        longest = self.zero_us + crash.LONGEST_US
        return longest if self.end_us is None else min(longest, self.end_us + crash.AFTER_END_US)

    def add(self, at_us: int, change: tuple[float, float], *, sideways: bool) -> None:
        """Add a change of velocity (km/h) that was complete at `at_us`; behind 300 ms it does not count."""
        if at_us - self.zero_us > crash.LONGEST_US:
            return
        self.x, self.y = self.x + change[0], self.y + change[1]
        self.sideways = self.sideways or sideways
        size = crash.resultant(self.x, self.y)
        if size > self.max:
            self.max, self.max_us = size, at_us - self.zero_us
            self.max_x, self.max_y = self.x, self.y

    def fire(self, trigger: str, signal: list[str]) -> None:
        """Let a trigger fire; only the first one counts."""
        if self.trigger is None:
            self.trigger, self.signal = trigger, signal


@dataclass(frozen=True)
class Suspicion:
    """A standstill that may become an accident.

    Attributes:
        at: When it began, µs since 1970.
        drop: Speed that was lost, km/h.
        input: Event id and salt of its signal.
        context: The moment before it.
    """

    at: int
    drop: float
    input: list[str]
    context: Context


@dataclass
class AccidentState:
    """What is remembered of one vehicle.

    Attributes:
        last_a: Time of the newest acceleration; None if none can be joined to the next.
        slices: Changes of velocity of the last 150 ms.
        event: The event that goes on.
        until_end: Whether the event was told and its acceleration goes on.
        deployed: Whether the air bag has deployed.
        speeds: Speeds of the last 150 ms, and the newest before.
        suspicion: A standstill that may become an accident.
        fired_us: Time of the last accident.
        count: How many accidents there were.
        context: The moment before the next signal.
        frontier: Time of the newest signal.
    """

    last_a: int | None = None
    slices: list[SliceRow] = field(default_factory=list)
    event: Crash | None = None
    until_end: bool = False
    deployed: bool = False
    speeds: list[SpeedRow] = field(default_factory=list)
    suspicion: Suspicion | None = None
    fired_us: int | None = None
    count: int = 0
    context: Context = field(default_factory=Context)
    frontier: int = 0

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "AccidentState":
        """Return a state that was stored as JSON, and shares nothing with it that changes."""
        state = cls(**stored)
        state.context = Context(**stored["context"])
        for name, kind in (("event", Crash), ("suspicion", Suspicion)):
            inner = stored[name]
            if inner is not None:
                setattr(state, name, kind(**{**inner, "context": Context(**inner["context"])}))
        return state

    def joined(self, change: Slice) -> list[Slice]:
        """Add the newest change of velocity and return all of the last 150 ms."""
        rows = [*self.slices, (change.begin_us, change.end_us, change.x, change.y)]
        self.slices = [each for each in rows if each[0] >= change.end_us - crash.TRIGGER_WINDOW_US]
        return [Slice(*each) for each in self.slices]

    def end_acceleration(self) -> None:
        """Forget the accelerations: the next one cannot be joined to them."""
        self.last_a, self.slices, self.until_end = None, [], False

    def end_recording(self) -> None:
        """Forget what only goes on within a recording."""
        self.end_acceleration()
        self.speeds, self.suspicion, self.deployed = [], None, False

    def take_event(self) -> Crash | None:
        """End the event that goes on and return it."""
        event, self.event = self.event, None
        return event

    def take_suspicion(self) -> Suspicion | None:
        """End the suspicion and return it."""
        suspicion, self.suspicion = self.suspicion, None
        return suspicion

    def count_accident(self, at_us: int) -> int:
        """Note an accident that occurred at a moment; return its number."""
        self.count, self.fired_us, self.suspicion = self.count + 1, at_us, None
        return self.count
