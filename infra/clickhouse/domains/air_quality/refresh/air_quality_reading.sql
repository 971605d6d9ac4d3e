-- Run by the sink after each insert into city.air_quality_reading and before it confirms the claim, with the
-- claim's partition and its first and last offset.
--
-- Recomputes the buckets that the insert touched from the facts themselves (FINAL: one row per event), so a repeated
-- record, a redone claim or a second run changes nothing. The row's version is the number of events it was computed
-- from: facts are only ever added, so of two runs that overlap the fuller one wins, whichever ends last. Means are sums
-- of decimals: the same to the last bit in whatever order the rows are read.

INSERT INTO city.air_quality_reading_hourly_state
(
    station, bucket, averaging, gas_unit, simulated, city, network, events, first_at, last_at,
    pm10_count, pm10_mean, pm10_max, pm2_5_count, pm2_5_mean, pm2_5_max, no2_count, no2_mean,
    no2_max, o3_count, o3_mean, o3_max, co_count, co_mean, co_max, so2_count, so2_mean, so2_max
)
SELECT
    station,
    toStartOfHour(occurred_at) AS bucket,
    averaging,
    gas_unit,
    match(source, '^(replay|scenario):') AS simulated,
    argMax(city, (occurred_at, event_id)) AS city,
    argMax(tuple(network), (occurred_at, event_id)).1 AS network,
    count() AS events,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at,
    count(pm10) AS pm10_count,
    toFloat64(sum(accurateCastOrNull(pm10, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(pm10, 'Decimal(38, 6)')), 0) AS pm10_mean,
    max(pm10) AS pm10_max,
    count(pm2_5) AS pm2_5_count,
    toFloat64(sum(accurateCastOrNull(pm2_5, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(pm2_5, 'Decimal(38, 6)')), 0) AS pm2_5_mean,
    max(pm2_5) AS pm2_5_max,
    count(no2) AS no2_count,
    toFloat64(sum(accurateCastOrNull(no2, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(no2, 'Decimal(38, 6)')), 0) AS no2_mean,
    max(no2) AS no2_max,
    count(o3) AS o3_count,
    toFloat64(sum(accurateCastOrNull(o3, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(o3, 'Decimal(38, 6)')), 0) AS o3_mean,
    max(o3) AS o3_max,
    count(co) AS co_count,
    toFloat64(sum(accurateCastOrNull(co, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(co, 'Decimal(38, 6)')), 0) AS co_mean,
    max(co) AS co_max,
    count(so2) AS so2_count,
    toFloat64(sum(accurateCastOrNull(so2, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(so2, 'Decimal(38, 6)')), 0) AS so2_mean,
    max(so2) AS so2_max
FROM city.air_quality_reading AS reading FINAL
WHERE (station, toStartOfHour(occurred_at)) IN
(
    SELECT DISTINCT station, toStartOfHour(occurred_at)
    FROM city.air_quality_reading
    WHERE _partition = {partition:UInt32} AND _offset BETWEEN {first:UInt64} AND {last:UInt64}
)
GROUP BY station, bucket, averaging, gas_unit, simulated
SETTINGS enable_extended_results_for_datetime_functions = 1;

INSERT INTO city.air_quality_reading_daily_state
(
    station, bucket, averaging, gas_unit, simulated, city, network, events, first_at, last_at,
    pm10_count, pm10_mean, pm10_max, pm2_5_count, pm2_5_mean, pm2_5_max, no2_count, no2_mean,
    no2_max, o3_count, o3_mean, o3_max, co_count, co_mean, co_max, so2_count, so2_mean, so2_max
)
SELECT
    station,
    toStartOfDay(occurred_at) AS bucket,
    averaging,
    gas_unit,
    match(source, '^(replay|scenario):') AS simulated,
    argMax(city, (occurred_at, event_id)) AS city,
    argMax(tuple(network), (occurred_at, event_id)).1 AS network,
    count() AS events,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at,
    count(pm10) AS pm10_count,
    toFloat64(sum(accurateCastOrNull(pm10, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(pm10, 'Decimal(38, 6)')), 0) AS pm10_mean,
    max(pm10) AS pm10_max,
    count(pm2_5) AS pm2_5_count,
    toFloat64(sum(accurateCastOrNull(pm2_5, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(pm2_5, 'Decimal(38, 6)')), 0) AS pm2_5_mean,
    max(pm2_5) AS pm2_5_max,
    count(no2) AS no2_count,
    toFloat64(sum(accurateCastOrNull(no2, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(no2, 'Decimal(38, 6)')), 0) AS no2_mean,
    max(no2) AS no2_max,
    count(o3) AS o3_count,
    toFloat64(sum(accurateCastOrNull(o3, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(o3, 'Decimal(38, 6)')), 0) AS o3_mean,
    max(o3) AS o3_max,
    count(co) AS co_count,
    toFloat64(sum(accurateCastOrNull(co, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(co, 'Decimal(38, 6)')), 0) AS co_mean,
    max(co) AS co_max,
    count(so2) AS so2_count,
    toFloat64(sum(accurateCastOrNull(so2, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(so2, 'Decimal(38, 6)')), 0) AS so2_mean,
    max(so2) AS so2_max
FROM city.air_quality_reading AS reading FINAL
WHERE (station, toStartOfDay(occurred_at)) IN
(
    SELECT DISTINCT station, toStartOfDay(occurred_at)
    FROM city.air_quality_reading
    WHERE _partition = {partition:UInt32} AND _offset BETWEEN {first:UInt64} AND {last:UInt64}
)
GROUP BY station, bucket, averaging, gas_unit, simulated
SETTINGS enable_extended_results_for_datetime_functions = 1;
