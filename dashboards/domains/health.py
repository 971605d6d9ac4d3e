"""The health board: body classes by sex and age, implausible measurements, the age of the data.

Classes come from counts without persons (`health_class_share`), rounded down to multiples of five and never below
five: of each recording, and of the newest closed local day of each cycle of the live city. Of the measurements
themselves, only number and time are shown. No panel queries a pseudonym.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import panels
from dashboards.queries import table_of
from schemas.names import DATABASE, board_uid, topic_name

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard

    from schemas.catalog import Catalog

CHOICE = "$__conditionalAll(cycle IN (${cycle:singlequote}), $cycle)"
SHARE = f"{DATABASE}.health_class_share"
FEWEST = 5
"""Fewest events that a panel shows, as the counts do for persons."""

WEIGHT_ORDER = (
    "['SEVERE_THINNESS', 'MODERATE_THINNESS', 'MILD_THINNESS', 'UNDERWEIGHT', 'NORMAL', 'PRE_OBESE', "
    "'OBESE_I', 'OBESE_II', 'OBESE_III']"
)
SHARES = {"women": "percentunit", "men": "percentunit", "all": "percentunit"}
ABOUT_COUNTS = "Persons are rounded down to multiples of five; classes of fewer than five are not shown."


def board(catalog: Catalog) -> dashboard.Dashboard:
    """Return the board."""
    measurement = table_of(catalog.topics[topic_name("health", "measurement")])
    count = table_of(catalog.topics[topic_name("health", "class-count")])
    return panels.board(
        board_uid("health"),
        "Health",
        [
            persons(),
            obese("WHO", "Obese: WHO, ≥ 30"),
            obese("KSSO-2018", "Obese: Korea, ≥ 25"),
            measurements(measurement),
            age(measurement),
            simulated(measurement),
            bmi_classes("WHO", "BMI classes of WHO"),
            bmi_classes("KSSO-2018", "BMI classes of Korea (KSSO)"),
            by_age(),
            fat(),
            flags(),
            counted(),
            per_day(count),
            per_hour(measurement),
            suppression(),
        ],
        variables=[panels.variable("cycle", "Cycle", f"SELECT DISTINCT cycle FROM {count} ORDER BY cycle")],
        start="now-30d",
        about="Distributions of body classes by sex and age, without persons.",
    )


def persons() -> Builder[dashboard.Panel]:
    """Return the number of counted persons."""
    return panels.stat(
        "Persons counted",
        f"SELECT sum(persons) AS persons FROM {SHARE} "
        f"WHERE scheme = 'PERSONS' AND sex = 'ALL' AND age_band = 'ALL' AND {CHOICE}",
        about=ABOUT_COUNTS,
    )


def obese(scheme: str, title: str) -> Builder[dashboard.Panel]:
    """Return the share of adults in the obese classes of a scheme.

    Args:
        scheme: Name of the scheme in the table.
        title: Title of the panel.
    """
    return panels.stat(
        title,
        f"SELECT sumIf(persons, startsWith(class, 'OBESE')) / sum(persons) AS share FROM {SHARE} "
        f"WHERE scheme = '{scheme}' AND sex = 'ALL' AND age_band = 'ALL' AND {CHOICE}",
        unit="percentunit",
        about=f"Share of the adults with a BMI, from 30 by WHO, from 25 in Korea. {ABOUT_COUNTS}",
    )


def measurements(measurement: str) -> Builder[dashboard.Panel]:
    """Return the number of measurements."""
    return panels.stat("Measurements", f"SELECT count() AS measurements FROM {measurement} WHERE {CHOICE}")


def age(measurement: str) -> Builder[dashboard.Panel]:
    """Return the age of the newest measurement."""
    return panels.data_age(
        f"SELECT dateDiff('second', max(occurred_at), now64(3)) AS age FROM {measurement} WHERE {CHOICE}",
        about="Surveys have no times: their measurements stand on the last day of the cycle.",
    )


def simulated(measurement: str) -> Builder[dashboard.Panel]:
    """Return the badge of simulated data: the share of measurements from recordings and scenarios."""
    return panels.simulated(
        f"SELECT countIf(simulated) / count() AS share FROM {measurement} WHERE {CHOICE}",
    )


def bmi_classes(scheme: str, title: str) -> Builder[dashboard.Panel]:
    """Return the distribution over the classes of a scheme, by sex.

    Args:
        scheme: Name of the scheme in the table.
        title: Title of the panel.
    """
    return panels.table(
        title,
        f"SELECT class, {_by_sex()} FROM {SHARE} WHERE scheme = '{scheme}' AND age_band = 'ALL' AND {CHOICE} "
        f"GROUP BY class ORDER BY indexOf({WEIGHT_ORDER}, class)",
        units=SHARES,
        about=f"Adults. {ABOUT_COUNTS}",
    )


def by_age() -> Builder[dashboard.Panel]:
    """Return the obese share of each age band by both schemes, with the number of counted persons."""
    return panels.table(
        "Obese by age and sex",
        "SELECT age_band, sex, "
        "sumIf(persons, scheme = 'PERSONS') AS counted, "
        "sumIf(persons, scheme = 'WHO' AND startsWith(class, 'OBESE')) "
        "/ nullIf(sumIf(persons, scheme = 'WHO'), 0) AS who, "
        "sumIf(persons, scheme = 'KSSO-2018' AND startsWith(class, 'OBESE')) "
        "/ nullIf(sumIf(persons, scheme = 'KSSO-2018'), 0) AS korea "
        f"FROM {SHARE} WHERE age_band != 'ALL' AND {CHOICE} GROUP BY age_band, sex ORDER BY age_band, sex",
        units={"who": "percentunit", "korea": "percentunit"},
        about=f"Those under 20 (WHO) or 19 (Korea) have no class: theirs are percentiles. {ABOUT_COUNTS}",
    )


def fat() -> Builder[dashboard.Panel]:
    """Return the shares of the body-fat classes and of abdominal obesity, by sex."""
    return panels.table(
        "Body fat and waist",
        f"SELECT if(scheme = 'PBF', 'fat', 'waist') AS what, class, {_by_sex('PARTITION BY scheme')} FROM {SHARE} "
        f"WHERE scheme IN ('PBF', 'WAIST') AND age_band = 'ALL' AND {CHOICE} "
        "GROUP BY scheme, class ORDER BY scheme, class",
        units=SHARES,
        about="Healthy body fat: men 10-20 %, women 18-28 %. Waist: from 90 cm (men), 85 cm (women).",
    )


def flags() -> Builder[dashboard.Panel]:
    """Return the flags of inconsistent or implausible measurements, by number of persons."""
    return panels.table(
        "What does not fit",
        f"SELECT class AS flag, sumIf(persons, sex = 'ALL') AS counted FROM {SHARE} "
        f"WHERE scheme = 'FLAG' AND {CHOICE} GROUP BY flag ORDER BY counted DESC LIMIT 50",
        about=f"Flagged measurements are kept; a doubtful class is in no share. {ABOUT_COUNTS}",
    )


def per_hour(measurement: str) -> Builder[dashboard.Panel]:
    """Return the number of measurements over time."""
    return panels.timeseries(
        "Measurements by interval",
        f"SELECT $__timeInterval(occurred_at) AS time, cycle, count() AS measurements FROM {measurement} "
        f"WHERE $__timeFilter(occurred_at) AND {CHOICE} GROUP BY time, cycle "
        f"HAVING measurements >= {FEWEST} ORDER BY time",
        draw="bars",
        about=f"Intervals with fewer than {FEWEST} measurements are left out.",
    )


def counted() -> Builder[dashboard.Panel]:
    """Return which day or recording stands for each cycle."""
    return panels.table(
        "What is counted",
        f"SELECT cycle, ifNull(any(period), 'whole recording') AS day, ifNull(any(zone), '') AS zone, "
        f"sum(persons) AS counted FROM {SHARE} WHERE scheme = 'PERSONS' AND sex = 'ALL' AND age_band = 'ALL' "
        f"AND {CHOICE} GROUP BY cycle ORDER BY day DESC, cycle LIMIT 50",
        about=f"For the live city the newest closed local day. {ABOUT_COUNTS}",
    )


def per_day(count: str) -> Builder[dashboard.Panel]:
    """Return the counted persons of each closed day and each recording over time."""
    return panels.timeseries(
        "Persons by day",
        f"SELECT $__timeInterval(occurred_at) AS time, cycle, max(persons) AS persons FROM {count} "
        f"WHERE scheme = 'PERSONS' AND sex = 'ALL' AND age_band = 'ALL' AND $__timeFilter(occurred_at) AND {CHOICE} "
        "GROUP BY time, cycle ORDER BY time",
        draw="bars",
        about=f"Days of fewer than five persons are missing. A recording stands on its last day. {ABOUT_COUNTS}",
    )


def suppression() -> Builder[dashboard.Panel]:
    """Return a note on the limits of these numbers."""
    return panels.note(
        "How to read this board",
        "Values and classes of a person are encrypted under a key of their own and are **not on this board**. Shown "
        "are counts over a whole recording, made once at its end, and over each local day of the live city, made once "
        "when five persons of a later day have come; rounded down to multiples of five, never below five. "
        "So shares may be off by a few persons, and small groups are missing. Who comes after a day was closed is in "
        "no count, and so is who was forgotten before. A class that follows from values which contradict one another "
        "is counted as a flag (`DOUBTFUL`).",
    )


def _by_sex(over: str = "") -> str:
    """Return the SQL columns of each sex's share, of all rows or of the partitions that `over` names."""
    return ", ".join(
        f"sumIf(persons, sex = '{sex}') / nullIf(sum(sumIf(persons, sex = '{sex}')) OVER ({over}), 0) AS {name}"
        for sex, name in (("FEMALE", "women"), ("MALE", "men"), ("ALL", "all"))
    )
