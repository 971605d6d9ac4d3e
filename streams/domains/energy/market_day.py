"""Generates `scenarios/market_day.jsonl`: six invented homes that trade for a day.

    python -m streams.domains.energy.market_day > streams/domains/energy/scenarios/market_day.jsonl

Four homes have a roof. The sixth has a meter with cumulative registers; its first reading, an hour before the day, only
gives their initial values. At each hour from 10 to 15 the homes bid and ask for the next but one. The book of the
delivery at 12:00 is the example of docs/fields/energy.md#uniform-price-auction: bids (won:kWh) 190:3, 175:4, 160:5,
130:4, asks 125:4, 140:4, 165:5, 180:3; 8 kWh clear at exactly 160 won. Six further orders each violate a rule of the
market.
"""

import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from streams.domains.energy.agents import ORDER, READING
from streams.domains.energy.communities import MARKET_DAY

SEED = 20260504
MIDNIGHT = datetime(2026, 5, 4, tzinfo=timezone(timedelta(hours=9), "KST"))
HOURS = 24
NOON = 12
TRADED = range(11, 17)
"""Hours of delivery."""

LOAD_WH = (310, 280, 260, 250, 260, 330, 620, 810, 640, 480, 450, 470)
LOAD_WH_AFTER_NOON = (560, 520, 480, 500, 610, 850, 1240, 1420, 1310, 1060, 720, 430)
"""A home's energy in Wh by hour of the day, before `SIZE_PERCENT` and noise."""

SIZE_PERCENT = (100, 80, 135, 160, 60, 120)
"""Consumption of each home, relative to `LOAD_WH`."""

SUN_PERCENT = (0,) * 6 + (12, 35, 57, 75, 89, 97, 99, 97, 89, 75, 57, 35, 12) + (0,) * 5
"""Share of full sun by hour of the day."""

ROOF_WH = (3000, 5000, 6500, 0, 0, 4000)
"""Energy of each home's roof in an hour of full sun."""

EXAMPLE = (
    ("BID", 190, 3),
    ("BID", 175, 4),
    ("BID", 160, 5),
    ("BID", 130, 4),
    ("ASK", 125, 4),
    ("ASK", 140, 4),
    ("ASK", 165, 5),
    ("ASK", 180, 3),
)
"""Side, won per kWh, kWh (docs/fields/energy.md#uniform-price-auction)."""

FACTS = (
    "STANDARDS 3.2: uniform-price double auction, worked example; price bounds p_f <= p <= p_r with 120 and 200 won",
    "STANDARDS 3.1: ESPI flow directions, cumulative registers",
)
"""Facts as the published scenario spells them (docs/fields/energy.md): other bytes would change every event id."""

Line = tuple[datetime, str, dict[str, Any]]


class Noise:
    """Pseudorandom numbers that are the same on every machine (a linear congruential generator).

    Args:
        seed: First state of the generator.
    """

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, bound: int) -> int:
        """Return the next number from 0 to bound - 1."""
        self._state = (self._state * 1_103_515_245 + 12_345) % 2**31
        return (self._state >> 8) % bound


def readings() -> Iterator[Line]:
    """Yield every meter's readings, ordered by time."""
    noise = Noise(SEED)
    imported, exported, generated = 1_840_200, 99_100, 400_300
    last = len(MARKET_DAY.members) - 1
    registers = {"import_wh": imported, "export_wh": exported, "generation_wh": generated}
    yield MIDNIGHT - timedelta(hours=1), READING, _reading(last, registers, "CUMULATIVE")
    for hour in range(HOURS):
        at = MIDNIGHT + timedelta(hours=hour)
        closes = hour == HOURS - 1
        for home, size in enumerate(SIZE_PERCENT):
            load = (LOAD_WH + LOAD_WH_AFTER_NOON)[hour] * size // 100 + noise.below(90)
            roof = ROOF_WH[home] * SUN_PERCENT[hour] * (88 + noise.below(12)) // 10_000
            if home != last:
                energy = {"consumption_wh": load, "generation_wh": roof}
                yield at, READING, _reading(home, energy, "DELTA", closes=closes)
                continue
            imported += max(load - roof, 0)
            exported += max(roof - load, 0)
            generated += roof
            registers = {"import_wh": imported, "export_wh": exported, "generation_wh": generated}
            yield at, READING, _reading(home, registers, "CUMULATIVE", closes=closes)


def orders() -> Iterator[Line]:
    """Yield the orders: the worked example at noon, variations at other hours, and orders that violate a rule."""
    noise = Noise(SEED + 1)
    for hour in TRADED:
        for number, (side, price, kwh) in enumerate(EXAMPLE):
            placed_at = MIDNIGHT + timedelta(hours=hour - 2, minutes=5 * number)
            change = 0 if hour == NOON else noise.below(11) - 5
            quantity = kwh * 1000 if hour == NOON else kwh * 1000 - 100 * noise.below(9)
            home = (3, 4, 5, 0)[number] if side == "BID" else (0, 1, 2, 5)[number - 4]
            yield placed_at, ORDER, _order(f"{hour}-{number + 1}", home, side, price + change, quantity, hour)
    at = MIDNIGHT + timedelta(hours=NOON - 1, minutes=10)
    yield at, ORDER, _order("12-high", 3, "BID", 210, 1000, NOON)
    yield at, ORDER, _order("12-low", 1, "ASK", 110, 1000, NOON)
    yield at, ORDER, _order("12-nothing", 4, "BID", 150, 0, NOON)
    yield at, ORDER, _order("12-1", 3, "BID", 195, 3000, NOON)
    stranger = {**_order("12-stranger", 0, "ASK", 150, 1000, NOON), "meter": "elsewhere-1"}
    yield at, ORDER, stranger
    yield MIDNIGHT + timedelta(hours=NOON), ORDER, _order("12-late", 5, "ASK", 150, 1000, NOON)


def lines() -> Iterator[str]:
    """Yield the scenario's lines: its header, then readings and orders by time."""
    yield _json(
        {
            "scenario": 1,
            "title": "A market day: six homes, their meters and their orders",
            "domain": "energy",
            "seed": SEED,
            "facts": list(FACTS),
            "begins_at": MIDNIGHT.isoformat(),
        }
    )
    for at, topic, fields in sorted([*readings(), *orders()], key=lambda line: line[0]):
        yield _json({"topic": topic, "occurred_at": at.isoformat(), "fields": fields})


def _reading(home: int, energy: dict[str, int], accumulation: str, *, closes: bool = False) -> dict[str, Any]:
    fixed = {"community": MARKET_DAY.name, "duration": "PT1H", "quality": "VALID"}
    return {
        "meter": MARKET_DAY.members[home],
        **fixed,
        "accumulation": accumulation,
        **energy,
        **({"closes": True} if closes else {}),
    }


def _order(ref: str, home: int, side: str, price: int, quantity_wh: int, hour: int) -> dict[str, Any]:
    return {
        "market": MARKET_DAY.name,
        "order_ref": ref,
        "meter": MARKET_DAY.members[home],
        "side": side,
        "price": f"{price}.000",
        "currency": "KRW",
        "quantity_wh": quantity_wh,
        "delivery_at": (MIDNIGHT + timedelta(hours=hour)).isoformat(),
        "duration": "PT1H",
    }


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    for text in lines():
        sys.stdout.write(f"{text}\n")
