"""Follows the cumulative registers of a meter: the energy between two displays, and where there is none to tell. Pure.

A register counts one way. What it shows may still go back: a meter is exchanged, starts at 0, rolls over, or one value
was garbled. No reading says how many digits a register has, so a roll-over is never certain: it is a reset like the
others. Whatever a register shows is the base of what follows: one bad value costs the intervals before and behind it.

- `REGISTER_RESET:<field>`: it shows less than before.
- `REGISTER_JUMP:<field>`: the mean power would be above `PLAUSIBLE_W` and more than `LEAP` times the highest that this
  register had, and the interval before was not like it. Or the register is back where it stood before a reset.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.domains.energy.units import HOUR_US

RESET = "REGISTER_RESET"
JUMP = "REGISTER_JUMP"

PLAUSIBLE_W = 100_000
"""Mean power in W that any meter may have: more than the 69 kW of three phases of 100 A at 230 V."""

LEAP = 10
"""Ratio to a register's highest mean power beyond which a larger one is not believed the first time."""


@dataclass(frozen=True, slots=True)
class _Track:
    """What is known of one register.

    Attributes:
        shown: What it shows, in Wh.
        at: When it showed that, µs since 1970 UTC.
        highest: Highest mean power of its intervals, in W.
        leapt: Mean power of the interval before, if that was a jump, in W; 0: it was none.
        lost: What it showed before it was reset, in Wh; None: it was not, or has passed that.
        fresh: Whether the reset was the interval before.
        earlier: What it showed before that, in Wh; None: nothing, or more.
    """

    shown: int
    at: int
    highest: int = 0
    leapt: int = 0
    lost: int | None = None
    fresh: bool = False
    earlier: int | None = None

    def moved(self, now: int, at: int) -> tuple["_Track", int | None, str | None]:
        """Return the track after an interval, its energy in Wh, and what is wrong with it."""
        if now < self.shown:
            if self.earlier is not None and now >= self.earlier:  # the value in between was wrong
                return _Track(now, at, self.highest), None, RESET
            return _Track(now, at, self.highest, lost=self.shown, fresh=True), None, RESET
        energy = now - self.shown
        power = energy * HOUR_US // (at - self.at)
        passed = self.lost is not None and now >= self.lost
        if passed and (self.fresh or power > LEAP * self.highest):
            return _Track(now, at, self.highest), None, JUMP
        lost = None if passed else self.lost
        if power > max(PLAUSIBLE_W, LEAP * self.highest, LEAP * self.leapt):
            return _Track(now, at, self.highest, power, lost, earlier=self.shown), None, JUMP
        return _Track(now, at, max(self.highest, power), lost=lost, earlier=self.shown), energy, None


@dataclass(frozen=True, slots=True)
class Registers:
    """The cumulative registers of a meter, by field of its readings."""

    tracks: Mapping[str, _Track] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether any register is known."""
        return bool(self.tracks)

    def moved(
        self, shown: Mapping[str, int | None], at: int
    ) -> tuple["Registers", dict[str, int | None], tuple[str, ...]]:
        """Return the registers after an interval, the energy between both, and what is wrong with it.

        Args:
            shown: What each register shows at the interval's end, in Wh; None: not measured.
            at: The interval's end, later than those before, µs since 1970 UTC.

        Returns:
            The registers with the new base; energy in Wh, None where it is not known; flags with their field.
        """
        after, flags = dict(self.tracks), []
        energy: dict[str, int | None] = dict.fromkeys(shown)
        for name, now in shown.items():
            if now is None:
                continue
            before = self.tracks.get(name)
            if before is None:
                after[name] = _Track(now, at)
                continue
            after[name], energy[name], wrong = before.moved(now, at)
            if wrong:
                flags.append(f"{wrong}:{name}")
        return Registers(after), energy, tuple(flags)

    def to_value(self) -> dict[str, Any]:
        """Return the registers as a JSON value, which is persisted in the changelog."""
        return {
            name: [each.shown, each.at, each.highest, each.leapt, each.lost, each.fresh, each.earlier]
            for name, each in self.tracks.items()
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> "Registers":
        """Return the registers that `to_value` wrote."""
        return cls({name: _Track(*each) for name, each in value.items()})
