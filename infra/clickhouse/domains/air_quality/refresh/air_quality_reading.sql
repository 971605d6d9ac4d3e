-- Run by the sink after each insert into city.air_quality_reading and before it confirms the claim, with the
-- claim's partition and its first and last offset; the two inserts once for each zone of the first statement, since
-- hours and days are those of the station's own clock. A reading without a zone has that of its city, and UTC where
-- neither is known. Each reading has one zone, so each is counted once.
--
-- Recomputes the buckets that the insert touched from the facts themselves (FINAL: one row per event), so a repeated
-- record, a redone claim or a second run changes nothing. The row's version is the number of events it was computed
-- from: facts are only ever added, so of two runs that overlap the fuller one wins, whichever ends last. Means are sums
-- of decimals: the same to the last bit in whatever order the rows are read. A value that its source calls doubtful is
-- in no mean; its reading counts.
--
-- toStartOfHour goes wrong on the days on which a clock changes by half an hour, and where it changes within an hour. So
-- an hour begins where its minutes began, or, if the clock changed since, at that change, which is on a quarter hour. A
-- day ends where the day of 36 hours later begins: addDays would land on a midnight that the clock skips.

SELECT DISTINCT
    multiIf(
        zone IN (SELECT time_zone FROM system.time_zones), assumeNotNull(zone),
        city = 'Seoul', 'Asia/Seoul',
        city = 'Beijing', 'Asia/Shanghai',
        'UTC'
    ) AS local_zone
FROM city.air_quality_reading
WHERE _partition = {partition:UInt32} AND _offset BETWEEN {first:UInt64} AND {last:UInt64};

INSERT INTO city.air_quality_reading_hourly_state
(
    city, station, zone, bucket, day, hour, averaging, gas_unit, simulated, network, events, first_at, last_at,
    pm10_count, pm10_mean, pm10_max, pm2_5_count, pm2_5_mean, pm2_5_max, no2_count, no2_mean,
    no2_max, o3_count, o3_mean, o3_max, co_count, co_mean, co_max, so2_count, so2_mean, so2_max
)
WITH
    toTimeZone(toDateTime64(occurred_at, 0), {zone:String}) AS local,
    subtractSeconds(local, 60 * toMinute(local) + toSecond(local)) AS by_minutes,
    arrayFirst(n -> timezoneOffset(addMinutes(by_minutes, 15 * n)) = timezoneOffset(local), [0, 1, 2, 3, 4]) AS quarters,
    addMinutes(by_minutes, 15 * quarters) AS begins,
    if(arrayExists(flag -> startsWith(flag, 'SOURCE_FLAG:pm10:'), flags), NULL, pm10) AS sound_pm10,
    if(arrayExists(flag -> startsWith(flag, 'SOURCE_FLAG:pm2_5:'), flags), NULL, pm2_5) AS sound_pm2_5,
    if(arrayExists(flag -> startsWith(flag, 'SOURCE_FLAG:no2:'), flags), NULL, no2) AS sound_no2,
    if(arrayExists(flag -> startsWith(flag, 'SOURCE_FLAG:o3:'), flags), NULL, o3) AS sound_o3,
    if(arrayExists(flag -> startsWith(flag, 'SOURCE_FLAG:co:'), flags), NULL, co) AS sound_co,
    if(arrayExists(flag -> startsWith(flag, 'SOURCE_FLAG:so2:'), flags), NULL, so2) AS sound_so2
SELECT
    city,
    station,
    multiIf(
        zone IN (SELECT time_zone FROM system.time_zones), assumeNotNull(zone),
        city = 'Seoul', 'Asia/Seoul',
        city = 'Beijing', 'Asia/Shanghai',
        'UTC'
    ) AS local_zone,
    begins AS bucket,
    toDate32(bucket, {zone:String}) AS day,
    toHour(bucket, {zone:String}) AS hour,
    averaging,
    gas_unit,
    match(source, '^(replay|scenario):') AS simulated,
    argMax(tuple(network), (occurred_at, event_id)).1 AS network,
    count() AS events,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at,
    count(sound_pm10) AS pm10_count,
    toFloat64(sum(accurateCastOrNull(sound_pm10, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(sound_pm10, 'Decimal(38, 6)')), 0) AS pm10_mean,
    max(sound_pm10) AS pm10_max,
    count(sound_pm2_5) AS pm2_5_count,
    toFloat64(sum(accurateCastOrNull(sound_pm2_5, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(sound_pm2_5, 'Decimal(38, 6)')), 0) AS pm2_5_mean,
    max(sound_pm2_5) AS pm2_5_max,
    count(sound_no2) AS no2_count,
    toFloat64(sum(accurateCastOrNull(sound_no2, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(sound_no2, 'Decimal(38, 6)')), 0) AS no2_mean,
    max(sound_no2) AS no2_max,
    count(sound_o3) AS o3_count,
    toFloat64(sum(accurateCastOrNull(sound_o3, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(sound_o3, 'Decimal(38, 6)')), 0) AS o3_mean,
    max(sound_o3) AS o3_max,
    count(sound_co) AS co_count,
    toFloat64(sum(accurateCastOrNull(sound_co, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(sound_co, 'Decimal(38, 6)')), 0) AS co_mean,
    max(sound_co) AS co_max,
    count(sound_so2) AS so2_count,
    toFloat64(sum(accurateCastOrNull(sound_so2, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(sound_so2, 'Decimal(38, 6)')), 0) AS so2_mean,
    max(sound_so2) AS so2_max
FROM city.air_quality_reading AS reading FINAL
WHERE local_zone = {zone:String} AND (station, begins) IN
(
    SELECT DISTINCT station, begins
    FROM city.air_quality_reading
    WHERE _partition = {partition:UInt32} AND _offset BETWEEN {first:UInt64} AND {last:UInt64}
)
GROUP BY city, station, local_zone, bucket, averaging, gas_unit, simulated
SETTINGS enable_extended_results_for_datetime_functions = 1;

INSERT INTO city.air_quality_reading_daily_state
(
    city, station, zone, bucket, day, seconds, averaging, gas_unit, simulated, network, events, first_at, last_at,
    pm10_count, pm10_mean, pm10_max, pm2_5_count, pm2_5_mean, pm2_5_max, no2_count, no2_mean,
    no2_max, o3_count, o3_mean, o3_max, co_count, co_mean, co_max, so2_count, so2_mean, so2_max
)
WITH
    if(arrayExists(flag -> startsWith(flag, 'SOURCE_FLAG:pm10:'), flags), NULL, pm10) AS sound_pm10,
    if(arrayExists(flag -> startsWith(flag, 'SOURCE_FLAG:pm2_5:'), flags), NULL, pm2_5) AS sound_pm2_5,
    if(arrayExists(flag -> startsWith(flag, 'SOURCE_FLAG:no2:'), flags), NULL, no2) AS sound_no2,
    if(arrayExists(flag -> startsWith(flag, 'SOURCE_FLAG:o3:'), flags), NULL, o3) AS sound_o3,
    if(arrayExists(flag -> startsWith(flag, 'SOURCE_FLAG:co:'), flags), NULL, co) AS sound_co,
    if(arrayExists(flag -> startsWith(flag, 'SOURCE_FLAG:so2:'), flags), NULL, so2) AS sound_so2
SELECT
    city,
    station,
    multiIf(
        zone IN (SELECT time_zone FROM system.time_zones), assumeNotNull(zone),
        city = 'Seoul', 'Asia/Seoul',
        city = 'Beijing', 'Asia/Shanghai',
        'UTC'
    ) AS local_zone,
    toStartOfDay(occurred_at, {zone:String}) AS bucket,
    toDate32(bucket, {zone:String}) AS day,
    dateDiff('second', bucket, toStartOfDay(addHours(bucket, 36), {zone:String})) AS seconds,
    averaging,
    gas_unit,
    match(source, '^(replay|scenario):') AS simulated,
    argMax(tuple(network), (occurred_at, event_id)).1 AS network,
    count() AS events,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at,
    count(sound_pm10) AS pm10_count,
    toFloat64(sum(accurateCastOrNull(sound_pm10, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(sound_pm10, 'Decimal(38, 6)')), 0) AS pm10_mean,
    max(sound_pm10) AS pm10_max,
    count(sound_pm2_5) AS pm2_5_count,
    toFloat64(sum(accurateCastOrNull(sound_pm2_5, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(sound_pm2_5, 'Decimal(38, 6)')), 0) AS pm2_5_mean,
    max(sound_pm2_5) AS pm2_5_max,
    count(sound_no2) AS no2_count,
    toFloat64(sum(accurateCastOrNull(sound_no2, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(sound_no2, 'Decimal(38, 6)')), 0) AS no2_mean,
    max(sound_no2) AS no2_max,
    count(sound_o3) AS o3_count,
    toFloat64(sum(accurateCastOrNull(sound_o3, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(sound_o3, 'Decimal(38, 6)')), 0) AS o3_mean,
    max(sound_o3) AS o3_max,
    count(sound_co) AS co_count,
    toFloat64(sum(accurateCastOrNull(sound_co, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(sound_co, 'Decimal(38, 6)')), 0) AS co_mean,
    max(sound_co) AS co_max,
    count(sound_so2) AS so2_count,
    toFloat64(sum(accurateCastOrNull(sound_so2, 'Decimal(38, 6)'))) / nullIf(count(accurateCastOrNull(sound_so2, 'Decimal(38, 6)')), 0) AS so2_mean,
    max(sound_so2) AS so2_max
FROM city.air_quality_reading AS reading FINAL
WHERE local_zone = {zone:String} AND (station, toStartOfDay(occurred_at, {zone:String})) IN
(
    SELECT DISTINCT station, toStartOfDay(occurred_at, {zone:String})
    FROM city.air_quality_reading
    WHERE _partition = {partition:UInt32} AND _offset BETWEEN {first:UInt64} AND {last:UInt64}
)
GROUP BY city, station, local_zone, bucket, averaging, gas_unit, simulated
SETTINGS enable_extended_results_for_datetime_functions = 1;
