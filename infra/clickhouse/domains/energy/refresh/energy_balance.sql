-- Run by the sink after each insert into city.energy_balance and before it confirms the claim, with the claim's partition
-- and its first and last offset; the insert once for each zone of the first statement, since a day is that of the place's
-- own clock.
--
-- Recomputes the days that the insert touched from the facts themselves (FINAL: one row per event), so a repeated record,
-- a redone claim or a second run changes nothing. The row's version is the number of events it was computed from: facts
-- are only ever added, so of two runs that overlap the fuller one wins. Of a corrected interval the newest balance counts:
-- a correction has the day of what it corrects.

SELECT DISTINCT if(zone IN (SELECT time_zone FROM system.time_zones), assumeNotNull(zone), 'UTC') AS local_zone
FROM city.energy_balance
WHERE _partition = {partition:UInt32} AND _offset BETWEEN {first:UInt64} AND {last:UInt64};

INSERT INTO city.energy_balance_daily_state
(
    meter, zone, bucket, day, simulated, community, events, intervals, net_only, measured_s,
    consumption_wh, generation_wh, self_consumption_wh, import_wh, export_wh, charge_wh,
    discharge_wh, ev_charge_wh, ev_discharge_wh, losses_wh, net_wh, unattributed_wh, last_at
)
SELECT
    meter,
    if(zone IN (SELECT time_zone FROM system.time_zones), assumeNotNull(zone), 'UTC') AS local_zone,
    toStartOfDay(occurred_at, {zone:String}) AS bucket,
    toDate32(bucket, {zone:String}) AS day,
    match(source, '^(replay|scenario):') AS simulated,
    argMax(tuple(community), (occurred_at, event_id)).1 AS community,
    count() AS events,
    countIf(newest) AS intervals,
    countIf(newest AND identity = 'NET') AS net_only,
    sumIf(measured, newest) AS measured_s,
    sumIf(balance.consumption_wh, newest) AS consumption_wh,
    sumIf(balance.generation_wh, newest) AS generation_wh,
    sumIf(balance.self_consumption_wh, newest) AS self_consumption_wh,
    sumIf(balance.import_wh, newest) AS import_wh,
    sumIf(balance.export_wh, newest) AS export_wh,
    sumIf(balance.charge_wh, newest) AS charge_wh,
    sumIf(balance.discharge_wh, newest) AS discharge_wh,
    sumIf(balance.ev_charge_wh, newest) AS ev_charge_wh,
    sumIf(balance.ev_discharge_wh, newest) AS ev_discharge_wh,
    sumIf(balance.losses_wh, newest) AS losses_wh,
    sumIf(balance.net_wh, newest) AS net_wh,
    sumIf(balance.unattributed_wh, newest) AS unattributed_wh,
    max(occurred_at) AS last_at
FROM
(
    SELECT
        *,
        reading_id NOT IN
        (
            SELECT assumeNotNull(corrects_reading_id)
            FROM city.energy_balance
            WHERE isNotNull(corrects_reading_id)
        ) AS newest,
        86400 * toUInt32OrZero(extract(duration, '(\\d+)D')) + 3600 * toUInt32OrZero(extract(duration, '(\\d+)H'))
            + 60 * toUInt32OrZero(extract(duration, 'T[^M]*?(\\d+)M')) + toUInt32OrZero(extract(duration, '(\\d+)S')) AS measured
    FROM city.energy_balance FINAL
    WHERE (meter, toStartOfDay(occurred_at, {zone:String})) IN
    (
        SELECT DISTINCT meter, toStartOfDay(occurred_at, {zone:String})
        FROM city.energy_balance
        WHERE _partition = {partition:UInt32} AND _offset BETWEEN {first:UInt64} AND {last:UInt64}
    )
) AS balance
WHERE local_zone = {zone:String}
GROUP BY meter, local_zone, bucket, simulated
SETTINGS enable_extended_results_for_datetime_functions = 1;
