"""The readers of the public energy files: what is accepted, what is refused and why, and that nothing is lost."""

import csv
import gzip
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.energy.recordings import FORMATS, TABLES
from streams.readers.formats import Accepted, Item, Refused, Skipped
from streams.readers.source import open_source
from streams.replay.recordings import bundled, find
from streams.testing import MemoryProducer
from tests.recordings import whole
from tests.streams.domains.energy.facts import CATALOG
from tests.streams.readers.accounting import below_header

TABLE = {table.name: table for table in TABLES}
HEADS = {
    "ausgrid-half-hourly": ",GC,GG",
    "citylearn-building": "Month,Hour,Day Type,Daylight Savings Status,Indoor Temperature [C],"
    "Average Unmet Cooling Setpoint Difference [C],Indoor Relative Humidity [%],Equipment Electric Power [kWh],"
    "DHW Heating [kWh],Cooling Load [kWh],Heating Load [kWh],Solar Generation [W/kW]",
    "citylearn-pricing": "Electricity Pricing [$],6h Prediction Electricity Pricing [$],"
    "12h Prediction Electricity Pricing [$],24h Prediction Electricity Pricing [$]",
    "citylearn-carbon-intensity": "kg_CO2/kWh",
    "nrel-pv-minutes": "measured_on,ac_power__752",
    "nrel-pv-quarter-hours": ",ac_power_kw_1137,inv2_ac_power_w__1047",
    "openintro-solar-daily": "rownames,location,date,kwh",
}
HOME_FIRST = "7.0,24.0,7.0,0,,,,2.2758,0,0,0,0.0"
HOME_SECOND = "8.0,1.0,1.0,0,,,,0.5,0,0,0,250.0"
ONE = Path("Building_1.csv")
TWELVE = Path("customer12.csv")
ROOF = Path(__file__).parent / "excerpts" / "made_daily_roof.csv"
FILES = [*bundled("energy"), ROOF]


def read(name: str, *rows: str, path: Path | None = None, head: str = "") -> list[Item]:
    """Read a file made of rows."""
    data = "\n".join([head or HEADS[name], *rows, ""]).encode()
    return below_header(TABLE[name].read(io.BytesIO(data), path))


def accepted(item: Item) -> dict[str, Any]:
    """Tell the fields of an accepted record's one event, with its time."""
    assert isinstance(item, Accepted)
    (draft,) = item.drafts
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=draft.occurred_at)
    return {**draft.fields, "at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}


def refusal(item: Item) -> str:
    """Tell why an item was refused."""
    assert isinstance(item, Refused)
    return item.reason


def some(item: Item, *names: str) -> tuple[Any, ...]:
    """Tell a few fields of an accepted record."""
    found = accepted(item)
    return tuple(found[name] for name in names)


def test_a_half_hour_of_mean_power_becomes_energy() -> None:
    """0.578 kW over half an hour are 289 Wh; the stamp is Sydney's."""
    (item,) = read("ausgrid-half-hourly", "2011-07-01 00:30:00,0.578,0.2", path=TWELVE)
    wanted = ("meter", "at", "duration", "consumption_wh", "generation_wh", "quality", "flags", "community")
    assert some(item, *wanted) == ("ausgrid-12", "2011-06-30T14:30:00Z", "PT30M", 289, 100, "RAW", [], None)


def test_half_hours_that_never_were_are_stamped_with_the_jump_and_flagged() -> None:
    """Sydney, 2011-10-02: 01:30 and 03:00 follow each other; 02:00 and 02:30 lie between them without length."""
    stamps = ("01:30", "02:00", "02:30", "03:00")
    items = read("ausgrid-half-hourly", *(f"2011-10-02 {each}:00,0.1,0.0" for each in stamps), path=TWELVE)
    found = [some(item, "at", "duration", "quality", "flags") for item in items]
    never = ("2011-10-01T16:00:00Z", "PT0S", "QUESTIONABLE", ["NONEXISTENT_LOCAL_TIME"])
    assert found == [
        ("2011-10-01T15:30:00Z", "PT30M", "RAW", []),
        never,
        never,
        ("2011-10-01T16:00:00Z", "PT30M", "RAW", []),
    ]


def test_half_hours_that_came_twice_are_flagged() -> None:
    """Sydney, 2012-04-01: 48 rows for 25 hours; 02:00 is the first of the two, behind 02:30 an hour is missing."""
    stamps = ("01:30", "02:00", "02:30", "03:00")
    items = read("ausgrid-half-hourly", *(f"2012-04-01 {each}:00,0.1,0.0" for each in stamps), path=TWELVE)
    assert [some(item, "at", "flags") for item in items] == [
        ("2012-03-31T14:30:00Z", []),
        ("2012-03-31T15:00:00Z", ["AMBIGUOUS_LOCAL_TIME"]),
        ("2012-03-31T15:30:00Z", ["AMBIGUOUS_LOCAL_TIME"]),
        ("2012-03-31T17:00:00Z", []),
    ]


@pytest.mark.parametrize(
    "path",
    ["ausgrid_customer12_rows.csv", "a/Customer 012.csv.gz", "customer/12/data_2011-2012.csv", "customer-12"],
)
def test_a_customers_number_is_learned_from_the_path(path: str) -> None:
    """It stands nowhere in the file."""
    (item,) = read("ausgrid-half-hourly", "2011-07-01 00:30:00,0.5,0", path=Path(path))
    assert accepted(item)["meter"] == "ausgrid-12"


def test_a_home_is_dated_by_counting() -> None:
    """Row 1 is the last hour of Sunday 2016-07-31 at UTC-8; the sun is told per kW of building 4's 5 kW."""
    first, second = read("citylearn-building", HOME_FIRST, HOME_SECOND, path=Path("x/Building_4.csv.gz"))
    wanted = ("meter", "community", "at", "consumption_wh", "generation_wh")
    assert some(first, *wanted) == ("citylearn-building-4", "citylearn-2022", "2016-08-01T07:00:00Z", 2276, 0)
    assert some(second, *wanted)[2:] == ("2016-08-01T08:00:00Z", 500, 1250)
    assert some(second, "quality", "flags", "duration") == ("DERIVED", ["ASSUMED_DATE"], "PT1H")


def test_a_row_that_is_not_the_next_hour_is_refused() -> None:
    """Nothing else could place it; rows behind it keep their place in the count."""
    first, wrong, third = read("citylearn-building", HOME_FIRST, HOME_FIRST, "8,2,1,0,,,,1,0,0,0,0", path=ONE)
    assert accepted(first)["at"] == "2016-08-01T07:00:00Z"
    assert "expected month, hour, weekday 8 1 1, got 7 24 7" in refusal(wrong)
    assert accepted(third)["at"] == "2016-08-01T09:00:00Z"


def test_a_building_whose_roof_is_not_known_has_no_generation() -> None:
    """W/kW without the nominal power is no energy."""
    (item,) = read("citylearn-building", HOME_FIRST, path=Path("Building_18.csv"))
    assert some(item, "generation_wh", "flags") == (None, ["ASSUMED_DATE", "UNKNOWN_NOMINAL_POWER"])


@pytest.mark.parametrize(
    ("name", "row", "path", "expected"),
    [
        ("citylearn-building", HOME_FIRST, Path("home.csv"), "expected Building_<number>, got 'home.csv'"),
        ("citylearn-building", HOME_FIRST, None, "expected Building_<number>, got no name"),
        (
            "ausgrid-half-hourly",
            "2011-07-01 00:30:00,0.5,0",
            Path("x.csv"),
            "expected customer<number>, got 'x.csv'",
        ),
    ],
)
def test_a_meter_that_is_told_nowhere_is_not_guessed(
    name: str, row: str, path: Path | None, expected: str
) -> None:
    """Every row of such a file is refused, and says what the name should be."""
    items = read(name, row, row, path=path)
    assert [expected in refusal(item) for item in items] == [True, True]


def test_tariff_and_carbon_are_dated_as_the_homes_are() -> None:
    """By counting; prices are exact decimals, the looking-ahead columns come along."""
    (price,) = read("citylearn-pricing", "0.54,0.22,,0.2200005")
    wanted = ("tariff", "at", "currency", "price", "price_in_6h", "price_in_12h", "price_in_24h")
    told = (
        "citylearn-2022",
        "2016-08-01T07:00:00Z",
        "USD",
        Decimal("0.54"),
        Decimal("0.22"),
        None,
        Decimal("0.22"),
    )
    assert some(price, *wanted) == told
    _, carbon = read("citylearn-carbon-intensity", "0.1", "0.17072441264038085")
    assert some(carbon, "grid", "at", "intensity") == (
        "citylearn-2022",
        "2016-08-01T08:00:00Z",
        0.17072441264038085,
    )


SNAKE = (
    "month,hour,day_type,daylight_savings_status,indoor_dry_bulb_temperature,average_unmet_cooling_setpoint_difference,"
    "indoor_relative_humidity,non_shiftable_load,dhw_demand,cooling_demand,heating_demand,solar_generation"
)
SNAKE_MORE = ",occupant_count,indoor_dry_bulb_temperature_cooling_set_point,hvac_mode"
PRICES = ",".join(["electricity_pricing", *(f"electricity_pricing_predicted_{place}" for place in (1, 2, 3))])


@pytest.mark.parametrize(
    ("path", "first", "meter", "at", "sun"),
    [
        (
            "citylearn_challenge_2023_phase_1/Building_2.csv",
            "6,1,5",
            "citylearn-2023-june-building-2",
            "2018-06-01T00",
            300,
        ),
        (
            "citylearn_challenge_2023_phase_3_1/Building_4.csv",
            "6,1,2",
            "citylearn-2023-summer-building-4",
            "2021-06-01T00",
            700,
        ),
        (
            "citylearn_challenge_2022_phase_all/Building_9.csv",
            "7,24,7",
            "citylearn-building-9",
            "2016-08-01T07",
            1000,
        ),
        (
            "citylearn_challenge_2022_phase_all_plus_evs/Building_1.csv",
            "8,0,1",
            "citylearn-2022-evs-building-1",
            "2016-08-01T07",
            3000,
        ),
        (
            "citylearn_challenge_2020_climate_zone_3/Building_5.csv",
            "1,1,8",
            "citylearn-2020-zone-3-building-5",
            "2018-01-01T00",
            6250,
        ),
        (
            "citylearn_challenge_2021/Building_4.csv",
            "1,1,4",
            "citylearn-2021-building-4",
            "2015-01-01T00",
            10000,
        ),
        (
            "vt_chittenden_county_neighborhood/resstock-amy2018-2021-release-1-112208.csv",
            "1,1,1",
            "citylearn-chittenden-resstock-amy2018-2021-release-1-112208",
            "2018-01-01T05",
            None,
        ),
        ("somewhere/Building_7.csv", "6,1,5", "citylearn-other-building-7", "2018-06-01T00", None),
    ],
)
@pytest.mark.parametrize("head", [SNAKE, SNAKE + SNAKE_MORE, HEADS["citylearn-building"]])
def test_citylearns_datasets_of_every_year_are_read(
    path: str, first: str, meter: str, at: str, sun: int | None, head: str
) -> None:
    """Old and new headers; dataset, nominal power and first hour as CityLearn's repository has them."""
    more = head.count(",") - SNAKE.count(",")
    row = f"{first},0,23.7,0.0,42.8,1.5,0.0,0.0,0.0,250.0" + ",1" * more
    (item,) = read("citylearn-building", row, path=Path(path), head=head)
    assert some(item, "meter", "consumption_wh", "generation_wh") == (meter, 1500, sun)
    assert accepted(item)["at"].startswith(at)
    assert (accepted(item)["community"] is None) == ("2022_phase_all/" not in path or "_9" in path)
    data = f"{head}\n{row}\n".encode()
    assert [form.name for form in FORMATS if form.matches(data)] == ["citylearn-building"]


def test_a_file_that_leaves_out_days_is_dated_on() -> None:
    """29 February left out, a second winter behind the first; the weekdays go on counting, as in CityLearn's files."""
    path = Path("citylearn_challenge_2021/Building_1.csv")
    hours = []
    for month, day_count, first_weekday in ((1, 31, 4), (2, 28, 7), (3, 31, 7), (1, 1, 3)):
        for day in range(day_count):
            weekday = (first_weekday - 1 + day) % 7 + 1
            hours += [f"{month},{hour},{weekday},0,,,,1,0,0,0,0" for hour in range(1, 25)]
    items = read("citylearn-building", *hours, path=path, head=SNAKE)
    found = [accepted(item) for item in items]
    jumps = [each["at"] for each in found if "DATE_JUMP" in each["flags"]]
    assert jumps == ["2016-01-01T00:00:00Z"]
    assert not any("WEEKDAY_DIFFERS" in each["flags"] for each in found)
    wrong = hours[:]
    wrong[30] = wrong[30].replace("1,7,5", "1,7,6", 1)
    found = [accepted(item) for item in read("citylearn-building", *wrong, path=path, head=SNAKE)]
    assert [place for place, each in enumerate(found) if "WEEKDAY_DIFFERS" in each["flags"]] == [30]


@pytest.mark.parametrize(
    ("head", "path", "subject", "prices"),
    [
        (
            PRICES,
            "citylearn_challenge_2023_phase_1/pricing.csv",
            "citylearn-2023-june",
            ("0.5", "0.6", "0.7"),
        ),
        (PRICES, "x/pricing.csv", "citylearn-2022", ("0.5", "0.6", "0.7")),
        (PRICES, "baeda_3dem/pricing.csv", "baeda-3dem", (None, None, None)),
        (
            PRICES.replace("_1", "_6h").replace("_2", "_12h").replace("_3", "_24h"),
            "x/pricing.csv",
            "citylearn-2022",
            ("0.5", "0.6", "0.7"),
        ),
        (
            HEADS["citylearn-pricing"].replace("[$]", "[$/kWh]"),
            "x/pricing.csv",
            "citylearn-2022",
            ("0.5", "0.6", "0.7"),
        ),
    ],
)
def test_a_tariffs_predictions_look_as_far_ahead_as_its_dataset_says(
    head: str, path: str, subject: str, prices: tuple[str | None, ...]
) -> None:
    """6, 12 and 24 hours in the challenges; 1, 2 and 3 in others, which the event has no field for."""
    (item,) = read("citylearn-pricing", "0.4,0.5,0.6,0.7", head=head, path=Path(path))
    told = tuple(None if price is None else Decimal(price) for price in prices)
    assert some(item, "tariff", "price_in_6h", "price_in_12h", "price_in_24h") == (subject, *told)
    assert ("PREDICTIONS_LEFT_OUT" in accepted(item)["flags"]) == (prices[0] is None)


@pytest.mark.parametrize(
    "head",
    [
        "carbon_intensity",
        "carbon_intensity[kg_CO2/kWh]",
        "carbon_intensity [kg_CO2/kWh]",
        "Carbon Intensity [kg/kWh]",
        "Carbon_Intensity(kgCO2/kWh)",
    ],
)
def test_a_carbon_intensity_is_known_by_name_and_unit(head: str) -> None:
    """With the unit or without; grams are another unit, so another format."""
    data = f"{head}\n0.17\n0.16\n".encode()
    assert [form.name for form in FORMATS if form.matches(data)] == ["citylearn-carbon-intensity"]
    path = Path("16/carbon_intensity-2023.csv")
    one, two = read("citylearn-carbon-intensity", "0.17", "0.16", head=head, path=path)
    assert (some(one, "grid", "intensity"), accepted(two)["at"]) == (
        ("citylearn-2023-june", 0.17),
        "2018-06-01T01:00:00Z",
    )
    assert not any(form.matches(b"carbon_intensity[g_CO2/kWh]\n170\n") for form in FORMATS)


def test_power_below_zero_is_what_the_inverter_draws() -> None:
    """At night a roof uses energy; an hour of -2.7098 W is 3 Wh, by the minute 0 or 1."""
    rows = [f"2022-03-18 04:{minute:02}:00-07:00,-2.7098" for minute in range(60)]
    items = [accepted(item) for item in read("nrel-pv-minutes", *rows)]
    assert sum(item["consumption_wh"] for item in items) == 3
    assert {(item["generation_wh"], tuple(item["flags"])) for item in items} == {(0, ("INVERTER_DRAW",))}
    assert (items[0]["meter"], items[0]["at"], items[0]["duration"]) == (
        "nrel-pv-752",
        "2022-03-18T11:00:00Z",
        "PT1M",
    )


def test_a_quarter_hour_without_offset_is_standard_time() -> None:
    """Month first; 18.4558 kW over a quarter of an hour are 4614 Wh; -07:00 is assumed and says so."""
    (item,) = read("nrel-pv-quarter-hours", "1/2/2022 10:00,18.4558,7153.483")
    wanted = ("meter", "at", "duration", "generation_wh", "consumption_wh", "flags")
    told = ("nrel-pv-1137", "2022-01-02T17:00:00Z", "PT15M", 4614, 0, ["ASSUMED_OFFSET"])
    assert some(item, *wanted) == told


def test_columns_that_cannot_both_be_in_their_units_are_flagged() -> None:
    """One inverter's 7153 W are more than all of them give, if `kw` held 1.8: somebody took W for kW."""
    (item,) = read("nrel-pv-quarter-hours", "1/2/2022 10:00,1.84558,7153.483")
    assert accepted(item)["flags"] == ["ASSUMED_OFFSET", "UNITS_DISAGREE:generation"]


def test_a_day_is_as_long_as_it_was() -> None:
    """San Francisco's 23 hours of 2016-03-13, and the day before."""
    rows = ("1,Haight_Ashbury,2016-03-12,5.72", "2,Haight_Ashbury,2016-03-13,18.49")
    before, jump = read("openintro-solar-daily", *rows)
    wanted = ("meter", "at", "duration", "generation_wh", "consumption_wh")
    assert some(before, *wanted) == ("roof-haight-ashbury", "2016-03-12T08:00:00Z", "PT24H", 5720, None)
    assert some(jump, *wanted)[1:4] == ("2016-03-13T08:00:00Z", "PT23H", 18490)


@pytest.mark.parametrize(
    ("name", "row", "path", "flag"),
    [
        ("ausgrid-half-hourly", "2011-07-01 00:30:00,578,0.2", TWELVE, "OUT_OF_RANGE:consumption"),
        ("ausgrid-half-hourly", "2011-07-01 00:30:00,0.5,200.2", TWELVE, "OUT_OF_RANGE:generation"),
        ("citylearn-building", "7,24,7,0,,,,2275.8,0,0,0,0.0", ONE, "OUT_OF_RANGE:consumption"),
        ("citylearn-building", "7,24,7,0,,,,1,0,0,0,2500", ONE, "OUT_OF_RANGE:generation"),
        ("citylearn-building", "7,24,7,0,,,,1,0,0.5,0,0", ONE, "THERMAL_LOAD_LEFT_OUT"),
        ("nrel-pv-minutes", "2022-03-18 04:33:00-07:00,4628500000", None, "OUT_OF_RANGE:generation"),
        ("openintro-solar-daily", "1,x,2016-03-13,18490", None, "OUT_OF_RANGE:generation"),
        ("citylearn-carbon-intensity", "170.7", None, "OUT_OF_RANGE:intensity"),
    ],
)
def test_values_that_look_like_another_unit_are_flagged(
    name: str, row: str, path: Path | None, flag: str
) -> None:
    """W taken for kW, Wh for kWh, g for kg: accepted, and told."""
    (item,) = read(name, row, path=path)
    assert flag in accepted(item)["flags"]


@pytest.mark.parametrize(
    ("name", "column", "other"),
    [
        ("citylearn-building", "Equipment Electric Power [kWh]", "Equipment Electric Power [Wh]"),
        ("citylearn-building", "Solar Generation [W/kW]", "Solar Generation [kW]"),
        ("nrel-pv-quarter-hours", "ac_power_kw_1137", "ac_power_w_1137"),
        ("citylearn-carbon-intensity", "kg_CO2/kWh", "g_CO2/kWh"),
    ],
)
def test_a_column_in_another_unit_is_another_format(name: str, column: str, other: str) -> None:
    """It is not recognised; read as this format all the same, every line is refused."""
    head = HEADS[name].replace(column, other)
    assert not TABLE[name].matches(head.encode() + b"\n1,2\n")
    items = read(name, "x", "y", head=head, path=ONE)
    assert [refusal(item) for item in items] == ["no header of this format"] * 3


@pytest.mark.parametrize(
    ("name", "row", "path", "reason"),
    [
        ("ausgrid-half-hourly", "2011-07-01 00:15:00,0.5,0", TWELVE, "expected the start of a half hour"),
        ("ausgrid-half-hourly", "01/07/2011 00:30,0.5,0", TWELVE, "expected the start of a half hour"),
        ("ausgrid-half-hourly", "2011-02-30 00:30:00,0.5,0", TWELVE, "no such time: 2011-02-30"),
        ("ausgrid-half-hourly", "1969-07-01 00:30:00,0.5,0", TWELVE, "time before 1970"),
        (
            "ausgrid-half-hourly",
            "2011-07-01 00:30:00,-0.5,0",
            TWELVE,
            "gross energy is never negative, got -0.5",
        ),
        (
            "ausgrid-half-hourly",
            "2011-07-01 00:30:00,nan,0",
            TWELVE,
            "column GC: expected a number, got 'nan'",
        ),
        (
            "ausgrid-half-hourly",
            "2011-07-01 00:30:00,0.5",
            TWELVE,
            "expected 3 cells as in the header, got 2",
        ),
        ("citylearn-building", "7,24,7,0,,,,-1,0,0,0,0", ONE, "gross energy is never negative"),
        ("citylearn-building", "7,24,,0,,,,1,0,0,0,0", ONE, "got 7 24 none"),
        ("citylearn-pricing", ",0.22,0.22,0.22", None, "expected a price, got nothing"),
        ("citylearn-pricing", "1e12,0.22,0.22,0.22", None, "no price of a kWh"),
        ("citylearn-carbon-intensity", "-0.1", None, "expected no less than 0"),
        ("nrel-pv-minutes", "2022-03-18 04:33:00,1", None, "expected an offset such as -07:00"),
        ("nrel-pv-minutes", "18.3.2022,1", None, "expected ISO 8601"),
        ("nrel-pv-quarter-hours", "2022-01-02 10:00,1,1", None, "expected month/day/year hour:minute"),
        ("nrel-pv-quarter-hours", "13/2/2022 10:00,1,1", None, "no such time: 13/2/2022"),
        ("openintro-solar-daily", "1,,2016-03-13,1", None, "expected a place"),
        ("openintro-solar-daily", "1,x,2016-02-30,1", None, "no such day: 2016-02-30"),
        ("openintro-solar-daily", "1,x,3/13/2016,1", None, "expected a day YYYY-MM-DD"),
        ("openintro-solar-daily", "1,x,2016-03-13,-1", None, "gross energy is never negative"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    name: str, row: str, path: Path | None, reason: str
) -> None:
    """One row with its number, line, bytes and rule."""
    (item,) = read(name, row, path=path)
    assert reason in refusal(item)
    assert isinstance(item, Refused)
    assert (item.record, item.line, item.data, item.rule) == (1, 2, row.encode(), f"read-{name}@1")


def test_what_was_not_measured_is_null() -> None:
    """Empty cells are no values and no reason to refuse."""
    (item,) = read("ausgrid-half-hourly", "2011-07-01 00:30:00,,0.2", path=TWELVE)
    assert some(item, "consumption_wh", "generation_wh") == (None, 100)
    (item,) = read("nrel-pv-minutes", "2022-03-18 04:33:00-07:00,")
    assert some(item, "consumption_wh", "generation_wh") == (None, None)


def test_the_last_reading_closes_the_meters_session() -> None:
    """The natural closing event, also where refused rows and blank lines follow it."""
    good = [f"2011-07-01 0{hour}:00:00,1,0" for hour in range(3)]
    items = read("ausgrid-half-hourly", *good, "bad", "", "worse,1,2", path=TWELVE)
    assert [type(item) for item in items] == [*[Accepted] * 3, Refused, Skipped, Refused]
    assert [accepted(item)["closes"] for item in items[:3]] == [False, False, True]
    assert [item.line for item in items] == [2, 3, 4, 5, 6, 7]


def test_a_format_is_told_by_its_head_alone() -> None:
    """Each format matches its own head, with a byte order mark too, and no other."""
    assert {form.name for form in FORMATS} == {*set(HEADS), "ausgrid-solar-homes"}
    for form in FORMATS:
        for mark in ("", "\ufeff"):
            assert [
                name for name, head in HEADS.items() if form.matches(f"{mark}{head}\r\n1\r\n".encode())
            ] == [form.name] * (form.name in HEADS)
        assert not any(
            form.matches(head) for head in (b"", b"\n", b"a,b\n1,2\n", b"\x1f\x8b", b"\xff\xfe,", b',"GC')
        )


FIRST_ROWS = {
    "ausgrid-half-hourly": "2011-07-01 00:30:00,0.578,0.2",
    "citylearn-building": HOME_FIRST,
    "citylearn-pricing": "0.54,0.22,0.22,0.22",
    "citylearn-carbon-intensity": "0.17",
    "nrel-pv-minutes": "2022-03-18 04:33:00-07:00,1.5",
    "nrel-pv-quarter-hours": "1/2/2022 10:00,18.4558,7153.483",
    "openintro-solar-daily": "1,x,2016-03-13,1",
}


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\r"])
@pytest.mark.parametrize("quoted", [False, True])
def test_a_byte_order_mark_quotes_and_line_ends_change_nothing(name: str, end: str, quoted: bool) -> None:
    """The form that spreadsheets save: the same event, under the same format."""
    path = Path("Building_1_customer2.csv")
    lines = [HEADS[name], FIRST_ROWS[name]]
    if quoted:
        lines = [",".join(f'"{cell}"' for cell in line.split(",")) for line in lines]
    data = ("\ufeff" + end.join([*lines, ""])).encode()
    assert [form.name for form in FORMATS if form.matches(data)] == [name]
    (plain,) = read(name, FIRST_ROWS[name], path=path)
    (found,) = below_header(TABLE[name].read(io.BytesIO(data), path))
    assert accepted(found) == accepted(plain)


@pytest.mark.parametrize(
    "head",
    [
        b"100,NEM12,202401010000,MDA,RET\n200,NMI0000001,E1,E1,E1,N1,MTR1,kWh,30,\n300,20240101,0.1,0.1\n900\n",
        b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><entry><content>',
        b"outdoor_dry_bulb_temperature,outdoor_relative_humidity,diffuse_solar_irradiance\n1,2,3\n",
        b"electric_vehicle_charger_state,electric_vehicle_id,current_soc\n1,2,3\n",
    ],
)
def test_forms_that_are_not_read_are_taken_for_no_other(head: bytes) -> None:
    """NEM12, Green Button, CityLearn's weather and chargers."""
    assert not any(form.matches(head) for form in FORMATS)


@pytest.mark.parametrize("name", HEADS)
@given(body=st.binary(max_size=60))
def test_a_head_of_any_bytes_is_judged(name: str, body: bytes) -> None:
    """Whether it matches or not, and whatever is read below it."""
    TABLE[name].matches(body)
    list(TABLE[name].read(io.BytesIO(body), None))


def independent_rows(path: Path) -> Iterator[dict[str, str]]:
    """Read a file's data rows with nothing but the standard library."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    yield from csv.DictReader(io.StringIO(text, newline=""))


def items_of(path: Path) -> list[Item]:
    """Read a file as the platform does."""
    (recording,) = find([path])
    assert recording.format is not None
    with open_source(path) as stream:
        return below_header(recording.format.items(stream, path))


def whole_files() -> list[Path]:
    """Find the whole recordings: a home in Sydney, four in California with tariff and carbon, three roofs."""
    found = [path for path in whole("energy", "*") if path.suffix in (".csv", ".gz")]
    assert len(found) == 10
    return found


def check_rows(path: Path) -> None:
    """Compare what is read of a file with the csv module's rows."""
    items = items_of(path)
    assert len(items) == sum(1 for _ in independent_rows(path))
    assert all(isinstance(item, Accepted) for item in items)
    drafts = [draft for item in items if isinstance(item, Accepted) for draft in item.drafts]
    assert all(one.occurred_at <= other.occurred_at for one, other in pairwise(drafts))
    door = MemoryProducer(CATALOG)
    envelope = {"event_id": "018f0000-0000-7000-8000-000000000001", "salt": bytes(16), "source": "replay:0#1"}
    for draft in drafts[:: max(1, len(drafts) // 200)]:
        door.prepare(draft.topic, {**envelope, "occurred_at": draft.occurred_at, **draft.fields})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_are_read_to_the_last_row(path: Path) -> None:
    """As many records as the csv module finds rows, all accepted; every event fits its schema; times do not go back."""
    check_rows(path)


@pytest.mark.nightly
def test_whole_files_are_read_to_the_last_row() -> None:
    """A year of homes, half a year in Sydney, all days of the roofs."""
    for path in whole_files():
        check_rows(path)


def total_wh(path: Path) -> tuple[float, float]:
    """Add up a file's consumption and generation in Wh, in another way than the reader does."""
    rows = list(independent_rows(path))
    if "GC" in rows[0]:
        return sum(float(row["GC"]) * 500 for row in rows), sum(float(row["GG"]) * 500 for row in rows)
    if "Month" in rows[0]:
        nominal = 5 if "Building_4" in path.name else 4
        load = sum(float(row["Equipment Electric Power [kWh]"]) * 1000 for row in rows)
        return load, sum(float(row["Solar Generation [W/kW]"]) * nominal for row in rows)
    if "kwh" in rows[0]:
        return 0, sum(float(row["kwh"]) * 1000 for row in rows)
    column, factor = ("ac_power__752", 1 / 60) if "measured_on" in rows[0] else ("ac_power_kw_1137", 250)
    power = [float(row[column]) * factor for row in rows]
    return -sum(each for each in power if each < 0), sum(each for each in power if each > 0)


def metered(files: list[Path]) -> list[Path]:
    """Leave out the tariff and the carbon of the grid, which are of no meter."""
    return [path for path in files if "pricing" not in path.name and "carbon" not in path.name]


def check_energy(path: Path) -> None:
    """Compare a file's energy with a sum that other code takes in floats; the last reading closes."""
    found = [accepted(item) for item in items_of(path)]
    load, sun = total_wh(path)
    assert sum(each["consumption_wh"] or 0 for each in found) == pytest.approx(load, abs=0.6)
    assert sum(each["generation_wh"] or 0 for each in found) == pytest.approx(sun, abs=0.6)
    assert [each["closes"] for each in found] == [False] * (len(found) - 1) + [True]


@pytest.mark.parametrize("path", metered(FILES), ids=lambda path: path.name)
def test_energy_of_a_file_is_right_to_one_watt_hour(path: Path) -> None:
    """Added up from the file by independent code in floats."""
    check_energy(path)


@pytest.mark.nightly
def test_energy_of_a_whole_file_is_right_to_one_watt_hour() -> None:
    """Added up from the file by independent code in floats."""
    files = metered(whole_files())
    assert len(files) == 8
    for path in files:
        check_energy(path)


def test_sydneys_half_hours_follow_each_other_without_a_gap() -> None:
    """Over the change to summer time, by instants; only the two that never were have no length."""
    (path,) = (each for each in bundled("energy") if "ausgrid" in each.name)
    found = [accepted(item) for item in items_of(path)]
    never = [each["flags"] for each in found if each["duration"] == "PT0S"]
    assert never == [["NONEXISTENT_LOCAL_TIME"]] * 2
    stamps = [datetime.fromisoformat(each["at"]) for each in found if each["duration"] == "PT30M"]
    assert {other - one for one, other in pairwise(stamps)} == {timedelta(minutes=30)}
    local = {stamp.astimezone(ZoneInfo("Australia/Sydney")).strftime("%Y-%m-%d %H:%M:%S") for stamp in stamps}
    told = {row[""] for row in independent_rows(path)}
    assert told - local == {"2011-10-02 02:00:00", "2011-10-02 02:30:00"}
    assert local <= told


def test_a_homes_year_ends_where_the_calendar_says() -> None:
    """8,760 hours, counted on from Sunday 2016-07-31, hour 24: the last one is Monday 2017-07-31, hour 23."""
    begin, hours = datetime(2016, 7, 31, 23), 8760  # noqa: DTZ001 - a clock that never changes
    rows = []
    for hour in range(hours):
        at = begin + timedelta(hours=hour)
        rows.append(f"{at.month}.0,{at.hour + 1}.0,{at.isoweekday()}.0,0,,,,1,0,0,0,0.0")
    assert (rows[0][:12], rows[-1][:12]) == ("7.0,24.0,7.0", "7.0,23.0,1.0")
    found = [accepted(item)["at"] for item in read("citylearn-building", *rows, path=ONE)]
    assert len(found) == hours
    assert found[-1] == "2017-08-01T06:00:00Z"


@pytest.mark.nightly
def test_the_homes_year_ends_where_the_calendar_says() -> None:
    """The last row of a whole file is Monday 2017-07-31, hour 23."""
    homes = whole("energy", "Building_*.csv.gz")
    assert len(homes) == 4
    for path in homes:
        assert accepted(items_of(path)[-1])["at"] == "2017-08-01T06:00:00Z"


def test_bundled_recordings_are_small() -> None:
    """All of them together stay under 300 kB, and every format but the GPL's daily roof is there."""
    assert sum(path.stat().st_size for path in bundled("energy")) < 300_000
    found = {recording.format.name for recording in find(bundled("energy")) if recording.format}
    assert found == set(HEADS) - {"openintro-solar-daily"}


@pytest.mark.parametrize("name", ["citylearn-building", "citylearn-pricing", "citylearn-carbon-intensity"])
def test_below_a_repeated_header_a_row_number_gives_no_date(name: str) -> None:
    """Files that were joined: the second one's hours would follow those of the first."""
    row = {"citylearn-building": HOME_FIRST, "citylearn-pricing": "0.5,0.5,0.5,0.5"}.get(name, "0.2")
    following = HOME_SECOND if name == "citylearn-building" else row
    data = "\n".join([HEADS[name], row, HEADS[name], following, "", following, ""]).encode()
    items = list(TABLE[name].read(io.BytesIO(data), ONE))
    assert [type(item) for item in items] == [Skipped, Accepted, Skipped, Refused, Skipped, Refused]
    assert "below a repeated header (line 3)" in refusal(items[3])
    assert [item.record for item in items if isinstance(item, Accepted | Refused)] == [1, 2, 3]
