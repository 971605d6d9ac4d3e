"""The temperature that gases in µg/m³ refer to: by reading, by network and date; the Beijing recordings show it."""

import csv
import gzip
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from streams.domains.air_quality.recordings import BEIJING_PRSA
from streams.domains.air_quality.reference import by_network, reference_temperature
from streams.domains.air_quality.rules import assess
from streams.domains.air_quality.units import MICRO, in_ppm, to_micro
from streams.readers.formats import Accepted
from streams.replay.recordings import bundled
from streams.zones import micros


def at(text: str, zone: str = "UTC") -> int:
    """Return the instant of a local time."""
    return micros(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


@pytest.mark.parametrize(
    ("zone", "city", "local", "expected"),
    [
        ("Asia/Shanghai", "Beijing", "2013-03-01T00:00", 0.0),
        ("Asia/Shanghai", "Beijing", "2018-08-31T23:59:59.999999", 0.0),
        ("Asia/Shanghai", "Beijing", "2018-09-01T00:00", 25.0),
        ("Asia/Shanghai", "Shanghai", "2018-08-31T23:00", 0.0),
        ("Asia/Urumqi", "Ürümqi", "2018-08-31T21:59", 0.0),  # 23:59 in Beijing
        ("Asia/Urumqi", "Ürümqi", "2018-08-31T22:00", 25.0),
        ("Asia/Chongqing", "Chongqing", "2015-01-01T00:00", 0.0),
        ("Asia/Hong_Kong", "Hong Kong", "2015-01-01T00:00", 25.0),
        ("Asia/Seoul", "Seoul", "2015-01-01T00:00", 25.0),
        ("America/New_York", "New York", "2015-01-01T00:00", 25.0),
        ("Europe/Berlin", "Berlin", "2015-01-01T00:00", 20.0),
        ("Europe/London", "London", "2024-01-01T00:00", 20.0),
        ("Europe/Kyiv", "Kyiv", "2024-01-01T00:00", 25.0),
        ("Asia/Nowhere", "Nowhere", "2015-01-01T00:00", 25.0),
    ],
)
def test_the_reference_follows_from_network_and_date(
    zone: str, city: str, local: str, expected: float
) -> None:
    """China before and after the amendment of GB 3095-2012, directive 2008/50/EC, and the rest."""
    assert by_network(zone, city, at(local, "UTC" if zone == "Asia/Nowhere" else zone)) == expected


OLD_NAMES = (
    # name of the tz database's file «backward» or «etcetera», and the zone that it stood for
    ("GB", "Europe/London"),
    ("GB-Eire", "Europe/London"),
    ("Eire", "Europe/Dublin"),
    ("Europe/Belfast", "Europe/London"),
    ("Poland", "Europe/Warsaw"),
    ("Portugal", "Europe/Lisbon"),
    ("WET", "Europe/Lisbon"),
    ("CET", "Europe/Brussels"),
    ("MET", "Europe/Brussels"),
    ("EET", "Europe/Athens"),
    ("Iceland", "Atlantic/Reykjavik"),
    ("Europe/Nicosia", "Asia/Nicosia"),
    ("Europe/Kiev", "Europe/Kyiv"),
    ("Turkey", "Europe/Istanbul"),
    ("PRC", "Asia/Shanghai"),
    ("Asia/Chungking", "Asia/Shanghai"),
    ("Asia/Harbin", "Asia/Shanghai"),
    ("Asia/Kashgar", "Asia/Urumqi"),
    ("Hongkong", "Asia/Hong_Kong"),
    ("ROC", "Asia/Taipei"),
    ("ROK", "Asia/Seoul"),
    ("US/Eastern", "America/New_York"),
    ("Asia/Calcutta", "Asia/Kolkata"),
)


@pytest.mark.parametrize(("old", "zone"), OLD_NAMES)
def test_an_old_name_of_a_zone_has_its_reference(old: str, zone: str) -> None:
    """A reading may name its zone in any way that the tz database knows."""
    for local in ("2015-01-01T00:00", "2024-01-01T00:00"):
        assert by_network(old, None, at(local)) == by_network(zone, None, at(local))
    assert by_network("GB", None, at("2024-01-01T00:00")) == 20.0
    assert by_network("PRC", None, at("2015-01-01T00:00")) == 0.0


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        # the outermost regions and Åland, where the Union's law holds (TFEU, articles 349 and 355)
        ("Indian/Reunion", 20.0),
        ("Indian/Mayotte", 20.0),
        ("America/Guadeloupe", 20.0),
        ("America/Martinique", 20.0),
        ("America/Cayenne", 20.0),
        ("America/Marigot", 20.0),
        ("Atlantic/Azores", 20.0),
        ("Atlantic/Madeira", 20.0),
        ("Atlantic/Canary", 20.0),
        ("Africa/Ceuta", 20.0),
        ("Europe/Mariehamn", 20.0),
        ("Europe/Busingen", 20.0),
        ("Europe/Gibraltar", 20.0),
        # overseas countries and territories, where it does not
        ("Pacific/Noumea", 25.0),
        ("Pacific/Tahiti", 25.0),
        ("America/Miquelon", 25.0),
        ("America/St_Barthelemy", 25.0),
        ("America/Aruba", 25.0),
        ("America/Curacao", 25.0),
        ("America/Nuuk", 25.0),
        ("Atlantic/Faroe", 25.0),
        # a clock of Africa or of the Gulf does not make a place European, nor the other way round
        ("Africa/Abidjan", 25.0),
        ("Asia/Dubai", 25.0),
        ("Atlantic/Reykjavik", 20.0),
        ("Europe/Oslo", 20.0),
        ("Etc/GMT-1", 25.0),
    ],
)
def test_the_directive_holds_where_the_unions_law_does(zone: str, expected: float) -> None:
    """Zones of overseas places, also where the tz database links them to another country's clock."""
    assert by_network(zone, None, at("2024-01-01T00:00")) == expected


def test_a_reading_without_a_zone_goes_by_its_city() -> None:
    """Readings of the first version of the schema have no zone."""
    assert by_network(None, "Beijing", at("2015-01-01T00:00")) == 0.0
    assert by_network(None, "Busan", at("2015-01-01T00:00")) == 25.0


def test_the_reading_has_the_last_word_and_shifted_times_do_not_count() -> None:
    """A stated temperature is used if it can be one; the date of a replay is that of the recording."""
    reading: dict[str, Any] = {
        "city": "Beijing",
        "zone": "Asia/Shanghai",
        "occurred_at": at("2026-11-20T00:00"),
    }
    assert reference_temperature(reading) == 25.0
    assert reference_temperature({**reading, "recorded_at": at("2013-03-01T00:00")}) == 0.0
    assert reference_temperature({**reading, "gas_temperature": 20.0}) == 20.0
    for nonsense in (273.15, float("nan"), float("inf")):
        assert reference_temperature({**reading, "gas_temperature": nonsense}) == 25.0


LATTICE = {"o3": ("O3", "0.2142"), "no2": ("NO2", "0.2053"), "so2": ("SO2", "0.2856")}
"""0.1 ppb of each gas in µg/m³ at 0 °C, M / 22.4, as the recordings of Beijing have it."""


def cells(column: str) -> Iterator[str]:
    """Yield the values of a column that have decimals, of all bundled recordings of Beijing."""
    for path in bundled("air_quality"):
        if path.name.startswith("PRSA"):
            with gzip.open(path, "rt", encoding="utf-8") as stream:
                for row in csv.DictReader(stream):
                    if row[column] != "NA" and "." in row[column] and not row[column].endswith(".0"):
                        yield row[column]


@pytest.mark.parametrize("gas", LATTICE)
def test_beijing_values_are_tenths_of_a_ppb_at_0_degrees(gas: str) -> None:
    """Every value of the lattice becomes the tenth of a ppb that was measured; at 25 °C it is 9 % more."""
    column, step = LATTICE[gas]
    steps = [(value, Fraction(value) / Fraction(step)) for value in cells(column)]
    on_lattice = [(value, round(ratio)) for value, ratio in steps if ratio.denominator == 1]
    assert len(on_lattice) > 0.9 * len(steps) > 50
    for value, tenths in on_lattice:
        micro = (to_micro(float(value)), MICRO)
        cold, warm = (Fraction(*in_ppm(gas, micro, "UG_M3", degrees)) * 10_000 for degrees in (0, 25))
        assert round(cold) == tenths
        assert float(warm / cold) == pytest.approx(298.15 / 273.15, rel=1e-4)


HOURLY_ROWS = {
    # scale and gas: g/mol, parts of a ppm to which it is cut, ends of the bands in those parts and in the index
    ("us", "no2"): ("46.006", 1000, (0, 53, 100, 360, 649, 1249, 2049), (0, 50, 100, 150, 200, 300, 500)),
    ("us", "so2"): ("64.066", 1000, (0, 35, 75, 185, 304), (0, 50, 100, 150, 200)),
    ("kr", "no2"): ("46.006", 1000, (0, 30, 60, 200, 2000), (0, 50, 100, 250, 500)),
    ("kr", "so2"): ("64.066", 1000, (0, 20, 50, 150, 1000), (0, 50, 100, 250, 500)),
    ("kr", "o3"): ("47.998", 1000, (0, 30, 90, 150, 600), (0, 50, 100, 250, 500)),
    ("kr", "co"): ("28.010", 100, (0, 200, 900, 1500, 5000), (0, 50, 100, 250, 500)),
}
"""Rows of both tables that an hour's value enters, spelled a second time."""


def recomputed(
    micrograms: float, molar_mass: str, parts: int, ends: tuple[int, ...], indices: tuple[int, ...]
) -> int:
    """Return a sub-index by the formula, in fractions: 22.414 l for a mole at 0 °C."""
    ppm = Fraction(str(micrograms)) * Fraction("22.414") / Fraction(molar_mass) / 1000
    step = int(ppm * parts)
    band = next(number for number, end in enumerate(ends[1:]) if step <= end)
    low, index_low = (0, 0) if band == 0 else (ends[band] + 1, indices[band] + 1)
    line = Fraction(indices[band + 1] - index_low, ends[band + 1] - low) * (step - low) + index_low
    return int(line + Fraction(1, 2))


def test_beijing_hours_are_those_of_an_independent_recomputation() -> None:
    """Every hour of a bundled station, every row of the tables that an hour enters."""
    path = next(path for path in bundled("air_quality") if "Huairou" in path.name)
    state, compared = None, 0
    with gzip.open(path) as stream:
        for item in islice(BEIJING_PRSA.read(stream), 1, 1501):  # type: ignore[arg-type]
            assert isinstance(item, Accepted)
            reading = dict(item.drafts[0].fields)
            state, assessment = assess(state, {**reading, "occurred_at": item.drafts[0].occurred_at})
            assert assessment is not None
            for (scale, gas), row in HOURLY_ROWS.items():
                if reading[gas] is not None:
                    parts = assessment.us.parts if scale == "us" else assessment.kr.parts
                    assert parts[gas] == recomputed(reading[gas], *row), (scale, gas, reading)
                    compared += 1
    assert compared > 5000
