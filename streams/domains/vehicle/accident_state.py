"""Persisted state of the accident rule: one `AccidentState` per vehicle and source.

The changelog holds it as JSON, field by field, in the order of the classes here. So fields are neither renamed nor
moved; tests/streams/domains/vehicle/test_accident_state.py fixes the bytes. `accidents` decides what happens to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.domains.vehicle import crash
from streams.domains.vehicle.crash import VelocityChange

VelocityChangeRow = tuple[int, int, float, float]
"""A `VelocityChange` as JSON array: begin and end in µs since 1970 UTC, longitudinal and lateral km/h."""

SpeedRow = tuple[int, float]
"""Time in µs since 1970 UTC and speed in km/h, as JSON array."""


@dataclass(frozen=True)
class Context:
    """Last values of a vehicle before an accident.

    Attributes:
        speed: Last speed, km/h.
        level: Last level of automation, a symbol of `adas_active_autonomy_level`.
        place: Last latitude and longitude in degrees, or two None.
    """

    speed: float | None = None
    level: Any = None
    place: tuple[float | None, float | None] = (None, None)

    def after(self, signal: Mapping[str, Any]) -> "Context":
        """Return the context with the values of one more signal; those it lacks stay."""
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
    """An open event in the sense of 49 CFR 563.5; it becomes an accident if a trigger fires.

    Attributes:
        zero_us: Time zero, µs since 1970 UTC.
        first: Event id and salt (hex) of the signal that began it.
        context: Values before it.
        x: Longitudinal change of velocity since time zero, km/h.
        y: Lateral change, km/h.
        sideways: Whether a lateral acceleration was measured.
        max: Largest resultant so far, km/h.
        max_us: When it was reached, µs from time zero.
        max_x: Its longitudinal part, km/h.
        max_y: Its lateral part, km/h.
        end_us: When the change of velocity within 20 ms fell to the wake threshold, µs since 1970 UTC; None while it is
            above.
        trigger: Trigger that fired; None until one does.
        signal: Event id and salt (hex) of the signal that fired it.
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
        """When delta-V is complete, µs since 1970 UTC: 300 ms from time zero, or 30 ms after the end if earlier."""
        longest = self.zero_us + crash.LONGEST_US
        return longest if self.end_us is None else min(longest, self.end_us + crash.AFTER_END_US)

    def add(self, at_us: int, change: tuple[float, float], *, sideways: bool) -> None:
        """Add a change of velocity; one that ends more than 300 ms after time zero is ignored.

        Args:
            at_us: When it ended, µs since 1970 UTC.
            change: Longitudinal and lateral change, km/h.
            sideways: Whether a lateral acceleration was measured.
        """
        if at_us - self.zero_us > crash.LONGEST_US:
            return
        self.x, self.y = self.x + change[0], self.y + change[1]
        self.sideways = self.sideways or sideways
        size = crash.resultant(self.x, self.y)
        if size > self.max:
            self.max, self.max_us = size, at_us - self.zero_us
            self.max_x, self.max_y = self.x, self.y

    def fire(self, trigger: str, signal: list[str]) -> None:
        """Record a trigger and its signal (event id, salt in hex); only the first one counts."""
        if self.trigger is None:
            self.trigger, self.signal = trigger, signal


@dataclass(frozen=True)
class Suspicion:
    """A sudden stop that becomes a coarse accident if the vehicle stays at standstill.

    Attributes:
        at: When the standstill began, µs since 1970 UTC.
        drop: Loss of speed, km/h.
        input: Event id and salt (hex) of its signal.
        context: Values before it.
    """

    at: int
    drop: float
    input: list[str]
    context: Context


@dataclass
class AccidentState:
    """State of one vehicle. Times are µs since 1970 UTC.

    Attributes:
        last_a: Time of the newest acceleration; None if the next one cannot be joined to it.
        slices: Changes of velocity of the last 150 ms.
        event: The open event.
        until_end: Whether an event was closed while its acceleration continues; no new one begins until it ends.
        deployed: Whether the air bag has deployed in this recording.
        speeds: Speeds of the last 150 ms, and the newest before them.
        suspicion: The open suspicion.
        fired_us: Time of the last accident.
        count: Number of accidents.
        context: Values before the next signal.
        frontier: Time of the newest signal.
    """

    last_a: int | None = None
    slices: list[VelocityChangeRow] = field(default_factory=list)
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
        """Return the state that a JSON value holds; nothing that changes is shared with it."""
        state = cls(**stored)
        state.context = Context(**stored["context"])
        for name, kind in (("event", Crash), ("suspicion", Suspicion)):
            inner = stored[name]
            if inner is not None:
                setattr(state, name, kind(**{**inner, "context": Context(**inner["context"])}))
        return state

    def joined(self, change: VelocityChange) -> list[VelocityChange]:
        """Add the newest change of velocity; return the changes that begin within 150 ms of its end."""
        rows = [*self.slices, (change.begin_us, change.end_us, change.x, change.y)]
        self.slices = [each for each in rows if each[0] >= change.end_us - crash.TRIGGER_WINDOW_US]
        return [VelocityChange(*each) for each in self.slices]

    def end_acceleration(self) -> None:
        """Drop the accelerations: the next one cannot be joined to them."""
        self.last_a, self.slices, self.until_end = None, [], False

    def end_recording(self) -> None:
        """Drop what belongs to one recording: accelerations, speeds, suspicion and air bag."""
        self.end_acceleration()
        self.speeds, self.suspicion, self.deployed = [], None, False

    def take_event(self) -> Crash | None:
        """Remove the open event and return it."""
        event, self.event = self.event, None
        return event

    def take_suspicion(self) -> Suspicion | None:
        """Remove the open suspicion and return it."""
        suspicion, self.suspicion = self.suspicion, None
        return suspicion

    def count_accident(self, at_us: int) -> int:
        """Count an accident at a time (µs since 1970 UTC), drop the suspicion, and return the accident's number."""
        self.count, self.fired_us, self.suspicion = self.count + 1, at_us, None
        return self.count
