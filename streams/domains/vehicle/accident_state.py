"""Persisted state of the accident rule: one `AccidentState` per vehicle and source.

The changelog holds it as JSON, field by field, in the order of the classes here. So fields are neither renamed nor
moved without a new version of the rule; tests/streams/domains/vehicle/test_accident_state.py fixes the bytes.
`acceleration`, `speed` and `accidents` decide what happens to it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from streams.domains.vehicle import crash
from streams.domains.vehicle.crash import VelocityChange, Window
from streams.domains.vehicle.order import Stretch, stretch_of

VelocityChangeRow = tuple[int, int, float, float]
"""A `VelocityChange` as JSON array: begin and end in µs since 1970 UTC, longitudinal and lateral km/h."""

SpeedRow = tuple[int, float]
"""Time in µs since 1970 UTC and speed in km/h, as JSON array."""

DELTA_V, RESTRAINT, COARSE_STEP = "DELTA_V_150_MS", "RESTRAINT", "SPEED_STEP_COARSE"
STOPPED_KMH = 0.1
"""Speed up to which nothing is left to lose."""

NEXT_SPEED_US = 1_500_000
"""How long a coarse step to standstill waits for the next speed: one per second, and half as much."""

MOST_AT_ONCE = 32
"""Signals of one vehicle and one time that are kept apart."""

Signal = Mapping[str, Any]
"""Fields of `vehicle.signal`, `occurred_at` in µs since 1970 UTC."""


def input_of(signal: Signal) -> list[str]:
    """Return a signal's event id and salt (hex)."""
    return [signal["event_id"], signal["salt"].hex()]


def value_of(signal: Signal, field_name: str, largest: float) -> float | None:
    """Return a field's value; None if it is missing, no number, or larger than what can be."""
    value = signal.get(field_name)
    return value if value is not None and math.isfinite(value) and abs(value) <= largest else None


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

    def after(self, signal: Signal, speed: float | None) -> "Context":
        """Return the context with the values of one more signal; those it lacks stay.

        Args:
            signal: The signal.
            speed: Its speed, km/h, if it has one that can be.
        """
        level = signal.get("adas_active_autonomy_level")
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
        x: Longitudinal change of velocity since time zero by the accelerations, km/h.
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
        longest_us: Longest time that one of its accelerations stands for, µs; 0 without any.
        felt: Whether accelerations exceeded the wake threshold in it.
        measured: Whether accelerations fired it.
        across: Whether the lateral one alone did.
        window: The 150 ms that fired it: begin and end in µs since 1970 UTC, longitudinal and lateral change, km/h.
        from_speed: Speed at time zero, km/h; None while it is unknown.
        speed_x: Largest change of the speeds since time zero, km/h; None without two speeds at most 150 ms apart.
        speed_us: When it was reached, µs from time zero.
        by_speed: Whether speeds fired it, or would have.
        drop: Loss of speed of a coarse step, km/h.
        quiet: Whether the accelerations were fine, and showed no crash, when the speeds fired it.
        reached_us: When the speeds' change was reached, µs since 1970 UTC.
        within: Largest mean of the accelerations within that change, m/s².
        top: Their largest value within it if it stood still, m/s², without sign; else 0.
        behind_x: Longitudinal change of velocity by the accelerations behind it, km/h.
        behind_us: How much time that holds, µs.
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
    longest_us: int = 0
    felt: bool = False
    measured: bool = False
    across: bool = False
    window: VelocityChangeRow | None = None
    from_speed: float | None = None
    speed_x: float | None = None
    speed_us: int = 0
    by_speed: bool = False
    drop: float | None = None
    quiet: bool = False
    reached_us: int | None = None
    within: float = 0.0
    top: float = 0.0
    behind_x: float = 0.0
    behind_us: int = 0

    @property
    def limit_us(self) -> int:
        """Until when its delta-V is looked at, µs since 1970 UTC: 300 ms from time zero."""
        return self.zero_us + crash.LONGEST_US

    @property
    def complete_us(self) -> int:
        """When delta-V is complete, µs since 1970 UTC: 300 ms from time zero, or 30 ms after the end if earlier.

        A coarse step to standstill waits for the next speed: a standstill that is none, since the speed is there again.
        """
        if (
            self.is_by_speeds
            and self.drop is not None
            and (self.context.speed or 0.0) - self.drop <= STOPPED_KMH
        ):
            return self.zero_us + NEXT_SPEED_US
        return self.limit_us if self.end_us is None else min(self.limit_us, self.end_us + crash.AFTER_END_US)

    @property
    def is_by_speeds(self) -> bool:
        """Whether nothing but speeds fired it."""
        return not self.measured and not self.restraint

    def add(self, change: VelocityChange) -> None:
        """Add the part of a change of velocity that lies within 300 ms from time zero."""
        part = crash.total([change], self.zero_us, self.limit_us)
        self.x, self.y = self.x + part.x, self.y + part.y
        size = crash.resultant(self.x, self.y)
        if size > self.max:
            self.max, self.max_us = size, min(change.end_us, self.limit_us) - self.zero_us
            self.max_x, self.max_y = self.x, self.y

    def keep_window(self, begin_us: int, end_us: int, window: Window) -> None:
        """Keep the window that fired if it is the largest."""
        if self.window is None or window.size > max(abs(self.window[2]), abs(self.window[3])):
            self.window = (begin_us, end_us, window.x, window.y)

    def complete(self) -> None:
        """Let delta-V be that of the window which fired, if the event began late.

        That is so for two pulses that only together reach 8 km/h, and for samples too slow for the 20 ms in which the
        beginning is looked for.
        """
        resolved = self.longest_us <= crash.WAKE_WINDOW_US and crash.triggers(self.max_x, self.max_y)
        if self.window is None or resolved:
            return
        if max(abs(self.window[2]), abs(self.window[3])) <= max(abs(self.max_x), abs(self.max_y)):
            return
        begin_us, end_us, self.max_x, self.max_y = self.window
        self.zero_us, self.max_us = begin_us, end_us - begin_us
        self.max = crash.resultant(self.max_x, self.max_y)

    def reach_speed(self, change: float, at_us: int) -> bool:
        """Keep a change of speed since time zero (km/h) if it is the largest; return whether it is."""
        is_largest = self.speed_x is None or abs(change) > abs(self.speed_x)
        if is_largest:
            self.speed_x, self.speed_us = change, at_us - self.zero_us
        return is_largest

    def fire(self, trigger: str, signal: list[str]) -> None:
        """Record a trigger and its signal (event id, salt in hex); the first one counts, a coarse one gives way."""
        if self.trigger in (None, COARSE_STEP) and trigger != self.trigger:
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
        last_a: Time of the newest acceleration.
        gap_us: Time between the two newest accelerations.
        live: Whether the next acceleration can be joined to the newest one.
        fine_us: Since when accelerations come often enough to decide alone.
        value: Newest acceleration, longitudinal and lateral, m/s².
        since_us: Since when it has had that value.
        begun_us: Time of the first acceleration behind the last gap.
        felt_us: When they last exceeded the wake threshold.
        own_x: Longitudinal change of velocity by them since the newest speed, km/h.
        slices: Changes of velocity of the last 150 ms before the newest one, and that one.
        event: The open event.
        until_end: Whether an event was closed while its acceleration continues; no new one begins until it ends.
        deployed: Whether the air bag has deployed in this recording.
        speeds: Speeds of the last 150 ms before the newest but one, and the one before them.
        slip: Beginning (µs since 1970 UTC) of the newest lock of the wheels, and the speed before it, km/h.
        suspicion: The open suspicion.
        fired_us: Time of the last accident.
        count: Number of accidents.
        context: Values before the next signal.
        frontier: Time of the newest signal.
        seen: Event ids of the signals of that time.
        stretch: What a closing signal closes (`order.Stretch`).
    """

    last_a: int | None = None
    gap_us: int | None = None
    live: bool = False
    fine_us: int = 0
    value: tuple[float | None, float | None] = (None, None)
    since_us: int = 0
    begun_us: int = 0
    felt_us: int = 0
    own_x: float = 0.0
    slices: list[VelocityChangeRow] = field(default_factory=list)
    event: Crash | None = None
    until_end: bool = False
    deployed: bool = False
    speeds: list[SpeedRow] = field(default_factory=list)
    slip: SpeedRow | None = None
    suspicion: Suspicion | None = None
    fired_us: int | None = None
    count: int = 0
    context: Context = field(default_factory=Context)
    frontier: int = 0
    seen: list[str] = field(default_factory=list)
    stretch: Stretch | None = None

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

    def is_new(self, at_us: int, event_id: str) -> bool:
        """Return whether a signal is newer than all others, or one more of the newest time."""
        same = at_us == self.frontier and event_id not in self.seen and len(self.seen) < MOST_AT_ONCE
        return at_us > self.frontier or same

    def see(self, at_us: int, event_id: str) -> None:
        """Note a signal that is new."""
        self.stretch = stretch_of(self.stretch, self.frontier if self.seen else None, at_us)
        self.seen = [*self.seen, event_id] if at_us == self.frontier else [event_id]
        self.frontier = at_us

    def join(self, change: VelocityChange) -> None:
        """Add the newest change of velocity; keep those that any 150 ms that end in it can hold."""
        from_us = change.begin_us - crash.TRIGGER_WINDOW_US
        kept = [each for each in self.slices if each[1] > from_us]
        self.slices = [*kept, (change.begin_us, change.end_us, change.x, change.y)]

    def can_trigger(self) -> bool:
        """Return whether the accelerations could reach 8 km/h if all of them went one way and within 150 ms."""
        x, y = sum(abs(each[2]) for each in self.slices), sum(abs(each[3]) for each in self.slices)
        return crash.triggers(x, y)

    def changes(self, from_us: int = 0) -> list[VelocityChange]:
        """Return the changes of velocity that the accelerations showed last, or those that end behind a time."""
        first = len(self.slices)
        while first and self.slices[first - 1][1] > from_us:
            first -= 1
        return [VelocityChange(*each) for each in self.slices[first:]]

    def is_fine(self, from_us: int, to_us: int, longest_us: int) -> bool:
        """Return whether accelerations are fine over some time, and show no crash.

        They come often enough throughout, are not always the same, and never exceed the wake threshold, which tyres do
        not reach either.

        Args:
            from_us: Its beginning, µs since 1970 UTC.
            to_us: Its end.
            longest_us: Longest time between two of them.
        """
        if self.last_a is None or to_us - self.last_a > longest_us:
            return False
        return self.fine_us <= from_us < self.since_us and self.felt_us <= from_us

    def context_at(self, at_us: int) -> Context:
        """Return the values before a time: the speed is the last one known then, not the last one of all."""
        known = [speed for time, speed in self.speeds if time <= at_us]
        return replace(self.context, speed=known[-1]) if known else self.context

    def end_acceleration(self) -> None:
        """Drop the accelerations: the next one cannot be joined to them."""
        self.live, self.slices, self.until_end = False, [], False

    def end_recording(self) -> None:
        """Drop what belongs to one recording: accelerations, speeds, suspicion and air bag."""
        self.end_acceleration()
        self.last_a, self.gap_us, self.value = None, None, (None, None)
        self.speeds, self.slip, self.suspicion = [], None, None
        self.deployed, self.stretch = False, None

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
