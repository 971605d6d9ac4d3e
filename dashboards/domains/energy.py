"""The energy board: consumption and generation, storage, exchange with the grid, cost and CO2, orders, and doubts.

A corrected balance does not count (`energy_balance_newest`). Of a community's interval the newest balance counts.
Days and months are those of each place's own clock. Ages count from the end of the newest interval, and their colours
from its length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import panels
from dashboards.queries import seconds_of, table_of
from schemas.names import DATABASE, board_uid, topic_name

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard

    from schemas.catalog import Catalog

METERS = "$__conditionalAll(meter IN (${meter:singlequote}), $meter)"
COMMUNITIES = "$__conditionalAll(community IN (${community:singlequote}), $community)"
FOOTPRINT = f"{DATABASE}.energy_community_footprint"
NEWEST = f"{DATABASE}.energy_balance_newest"
DAILY = f"{DATABASE}.energy_balance_daily"
MONTHLY = f"{DATABASE}.energy_balance_monthly"
SHARE_COLOURS = ((0, "red"), (0.3, "orange"), (0.6, "green"))
ENERGY = "watth"
NARROW = 3
"""Width of a number that has to make room for the age in intervals."""
INTERVALS = {
    topic_name("energy", event): "duration"
    for event in ("reading", "balance", "community-share", "community-balance")
}
"""Topics of intervals that are reported once they are over. Tariffs and carbon intensities are known ahead."""


def board(catalog: Catalog) -> dashboard.Dashboard:
    """Return the board."""
    reading, community, status = (
        table_of(catalog.topics[topic_name("energy", event)])
        for event in ("reading", "community-balance", "order-status")
    )
    balance = NEWEST
    readings, balances = (
        table_of(catalog.topics[topic_name("energy", event)], final=False) for event in ("reading", "balance")
    )
    return panels.board(
        board_uid("energy"),
        "Energy",
        [
            total(balance, "consumption_wh", "Consumption"),
            total(balance, "generation_wh", "Generation"),
            self_consumption(balance, balances),
            carbon_total(),
            age(readings),
            late(readings),
            simulated(reading),
            used_and_made(balance),
            to_and_from_grid(balance),
            storage(balance),
            shares(balance, balances),
            days(),
            communities(community),
            carbon(),
            cost(),
            top_meters(balance),
            months(),
            incomplete(community),
            doubts(reading),
            order_book(status),
            rejected(status),
        ],
        variables=[
            panels.variable("meter", "Meter", f"SELECT DISTINCT meter FROM {readings} ORDER BY meter"),
            panels.variable(
                "community", "Community", f"SELECT DISTINCT community FROM {community} ORDER BY community"
            ),
        ],
        start="now-30d",
        about="Balances of meters and communities in whole Wh, what they cost and emit, and the local order book.",
    )


def _homes(balances: str) -> str:
    """Return the SQL condition that a meter has consumption. A meter of a roof alone exports everything."""
    return (
        f"meter IN (SELECT DISTINCT meter FROM {balances} WHERE $__timeFilter(occurred_at) "
        "AND consumption_wh > 0)"
    )


def total(balance: str, column: str, title: str) -> Builder[dashboard.Panel]:
    """Return the energy of all meters in the time range.

    Args:
        balance: FROM text of the table of balances.
        column: Column of the energy in Wh.
        title: Title of the panel.
    """
    return panels.stat(
        title,
        f"SELECT sum({column}) AS energy FROM {balance} WHERE $__timeFilter(occurred_at) AND {METERS}",
        unit=ENERGY,
    )


def self_consumption(balance: str, balances: str) -> Builder[dashboard.Panel]:
    """Return the share of generation that was consumed behind the same meter."""
    return panels.stat(
        "Self-consumption",
        f"SELECT sum(self_consumption_wh) / nullIf(sum(generation_wh), 0) AS share FROM {balance} "
        f"WHERE $__timeFilter(occurred_at) AND {METERS} AND {_homes(balances)}",
        unit="percentunit",
        steps=SHARE_COLOURS,
        span=NARROW,
        about="Generated and used behind the same meter, of all that was generated; netted over each interval, "
        "so within an interval it may have been less. Meters that only generate are left out.",
    )


def carbon_total() -> Builder[dashboard.Panel]:
    """Return the CO2 of the communities' grid import."""
    return panels.stat(
        "CO2 from the grid",
        f"SELECT sum(co2_kg) AS co2 FROM {FOOTPRINT} WHERE $__timeFilter(occurred_at) AND {COMMUNITIES}",
        unit="masskg",
        span=NARROW,
    )


def ends(reading: str) -> str:
    """Return a SELECT of the newest end (`ended`) of the intervals of each length (`every`, seconds).

    Args:
        reading: FROM text of the table of readings.
    """
    return (
        f"SELECT {seconds_of('duration')} AS every, max(occurred_at) + toIntervalSecond(every) AS ended "
        f"FROM {reading} WHERE {METERS} GROUP BY duration"
    )


def age(reading: str) -> Builder[dashboard.Panel]:
    """Return the age of the newest reading, from the end of its interval."""
    return panels.data_age(
        f"SELECT dateDiff('second', maxOrNull(ended), now64(3)) AS age FROM ({ends(reading)})",
        about="From the end of the newest interval to now. Whether it is late: see the age in intervals.",
        steps=((0, "blue"),),
    )


def late(reading: str) -> Builder[dashboard.Panel]:
    """Return the age of the newest reading in lengths of its own interval."""
    return panels.age_in_intervals(
        f"SELECT round(dateDiff('second', maxOrNullIf(ended, every > 0), now64(3)) "
        f"/ argMaxOrNullIf(every, (ended, -toInt64(every)), every > 0), 1) AS intervals FROM ({ends(reading)})",
        about="Age of the newest reading in lengths of its own interval, be it 15 minutes or a day: orange from two, "
        "red from three on.",
        span=NARROW,
    )


def simulated(reading: str) -> Builder[dashboard.Panel]:
    """Return the badge of simulated data: the share of readings from recordings and scenarios."""
    return panels.simulated(
        f"SELECT countIf(simulated) / count() AS share FROM {reading} WHERE $__timeFilter(occurred_at)",
        span=NARROW,
    )


def used_and_made(balance: str) -> Builder[dashboard.Panel]:
    """Return consumption and generation over time."""
    return panels.timeseries(
        "Consumption and generation",
        f"SELECT $__timeInterval(occurred_at) AS time, sum(consumption_wh) AS consumption, "
        f"sum(generation_wh) AS generation FROM {balance} WHERE $__timeFilter(occurred_at) AND {METERS} "
        f"GROUP BY time ORDER BY time",
        unit=ENERGY,
    )


def to_and_from_grid(balance: str) -> Builder[dashboard.Panel]:
    """Return import and export over time, with export below zero."""
    return panels.timeseries(
        "Import and export at the meters",
        f"SELECT $__timeInterval(occurred_at) AS time, sum(import_wh) AS import, -sum(export_wh) AS export "
        f"FROM {balance} WHERE $__timeFilter(occurred_at) AND {METERS} GROUP BY time ORDER BY time",
        unit=ENERGY,
        about="Export is drawn below zero.",
    )


def storage(balance: str) -> Builder[dashboard.Panel]:
    """Return what batteries and vehicles took and gave over time, with what they gave below zero."""
    return panels.timeseries(
        "Batteries and vehicles",
        f"SELECT $__timeInterval(occurred_at) AS time, sum(charge_wh) AS charge, -sum(discharge_wh) AS discharge, "
        f"sum(ev_charge_wh) AS ev_charge, -sum(ev_discharge_wh) AS ev_discharge, "
        f"sum(unattributed_wh) AS unattributed FROM {balance} "
        f"WHERE $__timeFilter(occurred_at) AND {METERS} GROUP BY time ORDER BY time",
        unit=ENERGY,
        about="What they gave is drawn below zero. Unattributed: what no measured flow explains, such as a battery "
        "without a meter, and the net exchange of meters that count import and export alone.",
    )


def days() -> Builder[dashboard.Panel]:
    """Return the energy of each local day."""
    return panels.timeseries(
        "By day",
        f"SELECT toDateTime(day) AS time, sum(consumption_wh) AS consumption, sum(generation_wh) AS generation, "
        f"sum(import_wh) AS import, -sum(export_wh) AS export FROM {DAILY} "
        f"WHERE $__timeFilter(bucket) AND {METERS} GROUP BY time ORDER BY time",
        unit=ENERGY,
        about="Each meter's days are those of its place's clock, of 23, 24 or 25 hours; a day stands at midnight UTC.",
    )


def months() -> Builder[dashboard.Panel]:
    """Return each meter's months, which a bill is made of."""
    return panels.table(
        "By month",
        f"SELECT month, meter, zone, import_wh AS import, export_wh AS export, net_wh AS net, "
        f"consumption_wh AS consumption, generation_wh AS generation, days, intervals, net_only "
        f"FROM {MONTHLY} WHERE month >= toStartOfMonth($__fromTime) AND month <= toDate32($__toTime) AND {METERS} "
        f"ORDER BY month DESC, meter LIMIT 100",
        units=dict.fromkeys(("import", "export", "net", "consumption", "generation"), ENERGY),
        about="Months of each place's own clock. net_only: intervals of which only import and export are known; their "
        "consumption and generation are not.",
    )


def newest(community: str) -> str:
    """Return the SQL of each interval's newest balance in the time range."""
    return (
        f"(SELECT * FROM {community} WHERE $__timeFilter(occurred_at) AND {COMMUNITIES} "
        "ORDER BY revision DESC LIMIT 1 BY community, occurred_at, duration)"
    )


def incomplete(community: str) -> Builder[dashboard.Panel]:
    """Return the members whose energy is not, or not wholly, in their communities' sums."""
    return panels.table(
        "Members missing or known in part",
        f"SELECT community, arrayJoin(if(empty(missing) AND empty(partial), [('all', 'complete')], "
        f"arrayConcat(arrayMap(x -> (x, 'missing'), missing), arrayMap(x -> (x, 'net exchange only'), partial)))) "
        f"AS found, found.1 AS member, found.2 AS state, count() AS intervals, max(occurred_at) AS newest "
        f"FROM {newest(community)} GROUP BY community, found ORDER BY state = 'complete', intervals DESC LIMIT 100",
        about="Complete: every member's energy is in the sums of the interval.",
    )


def shares(balance: str, balances: str) -> Builder[dashboard.Panel]:
    """Return self-consumption and self-sufficiency over time."""
    return panels.timeseries(
        "Self-consumption and self-sufficiency",
        f"SELECT $__timeInterval(occurred_at) AS time, "
        f"sum(self_consumption_wh) / nullIf(sum(generation_wh), 0) AS self_consumption, "
        f"greatest(1 - sumIf(import_wh, identity != 'NET') / nullIf(sum(consumption_wh), 0), 0) AS self_sufficiency "
        f"FROM {balance} WHERE $__timeFilter(occurred_at) AND {METERS} AND {_homes(balances)} "
        f"GROUP BY time ORDER BY time",
        unit="percentunit",
        about="Of what was generated, the share that was used or stored behind the meter; of what was used, the share "
        "that was not imported. Meters that only generate are left out.",
    )


def communities(community: str) -> Builder[dashboard.Panel]:
    """Return each community's exchange with the grid, and the energy that its members shared."""
    return panels.timeseries(
        "Communities: shared, from and to the grid",
        f"SELECT $__timeInterval(occurred_at) AS time, community, sum(shared_wh) AS shared, "
        f"sum(grid_import_wh) AS from_grid, -sum(grid_export_wh) AS to_grid FROM {newest(community)} "
        f"GROUP BY time, community ORDER BY time",
        unit=ENERGY,
        about="Shared: exported by some members while others imported. To the grid is drawn below zero.",
    )


def carbon() -> Builder[dashboard.Panel]:
    """Return the CO2 of each community over time."""
    return panels.timeseries(
        "CO2 of energy from the grid",
        f"SELECT $__timeInterval(occurred_at) AS time, community, sum(co2_kg) AS co2 FROM {FOOTPRINT} "
        f"WHERE $__timeFilter(occurred_at) AND {COMMUNITIES} GROUP BY time, community ORDER BY time",
        unit="masskg",
    )


def cost() -> Builder[dashboard.Panel]:
    """Return the cost of the communities' grid import."""
    return panels.timeseries(
        "Cost of energy from the grid",
        f"SELECT $__timeInterval(occurred_at) AS time, concat(community, ' ', currency) AS who, "
        f"toFloat64(sum(cost)) AS paid FROM {FOOTPRINT} WHERE $__timeFilter(occurred_at) AND {COMMUNITIES} "
        f"GROUP BY time, who ORDER BY time",
        about="Grid import at the published tariff; no standing charges, taxes or pay for export.",
    )


def top_meters(balance: str) -> Builder[dashboard.Panel]:
    """Return the meters with the highest consumption."""
    return panels.table(
        "Meters by consumption",
        f"SELECT meter, sum(consumption_wh) AS consumption, sum(generation_wh) AS generation, "
        f"sum(import_wh) AS import, sum(export_wh) AS export, "
        f"sum(self_consumption_wh) / nullIf(sum(generation_wh), 0) AS self_consumption, count() AS intervals, "
        f"max(occurred_at) AS newest FROM {balance} WHERE $__timeFilter(occurred_at) AND {METERS} "
        f"GROUP BY meter ORDER BY consumption DESC LIMIT 100",
        units={
            **dict.fromkeys(("consumption", "generation", "import", "export"), ENERGY),
            "self_consumption": "percentunit",
        },
        colours={"self_consumption": SHARE_COLOURS},
    )


def doubts(reading: str) -> Builder[dashboard.Panel]:
    """Return the flags and qualities of the readings."""
    return panels.table(
        "What is doubtful",
        f"SELECT arrayJoin(if(empty(flags), ['none'], flags)) AS flag, quality, uniqExact(meter) AS meters, "
        f"count() AS readings, max(occurred_at) AS newest FROM {reading} "
        f"WHERE $__timeFilter(occurred_at) AND {METERS} GROUP BY flag, quality ORDER BY readings DESC LIMIT 100",
        about="Flags of readings, and their ESPI quality; none: nothing is doubtful.",
    )


def order_book(status: str) -> Builder[dashboard.Panel]:
    """Return the open orders, best price first."""
    return panels.table(
        "Order book",
        f"SELECT delivery_at, market, side, price, currency, quantity_wh AS quantity, meter, order_ref, "
        f"occurred_at AS given FROM {status} WHERE $__timeFilter(occurred_at) AND state = 'OPEN' "
        f"ORDER BY delivery_at DESC, market, side, if(side = 'BID', -price, price), occurred_at, order_ref LIMIT 200",
        units={"quantity": ENERGY},
        about="Orders that the market's rules let in, for each delivery. They are not cleared here.",
    )


def rejected(status: str) -> Builder[dashboard.Panel]:
    """Return the orders that violate a rule of the market."""
    return panels.table(
        "Rejected orders",
        f"SELECT occurred_at AS given, market, order_ref, meter, side, price, quantity_wh AS quantity, "
        f"arrayStringConcat(reasons, ', ') AS reasons FROM {status} "
        f"WHERE $__timeFilter(occurred_at) AND state = 'REJECTED' ORDER BY given DESC LIMIT 200",
        units={"quantity": ENERGY},
    )
