-- Run by the sink after each insert into city.energy_balance and before it confirms the claim, with the claim's partition
-- and its first and last offset; the insert once for each zone of the first statement, since a day is that of the place's
-- own clock.
--
-- Recomputes the days that the insert touched from the facts themselves (FINAL: one row per event), so a repeated record,
-- a redone claim or a second run changes nothing. The row's version is the number of events it was computed from: facts
-- are only ever added, so of two runs that overlap the fuller one wins.
--
-- Of a meter's interval one balance counts, decided from the events alone, in whatever order they came:
-- 1. What a correction of the same meter names does not count.
-- 2. Of several balances of one interval and stream (the source without its record number) the highest revision counts,
--    then the newest version of the rule, then the reading with the higher id: a device's ids grow with time.
-- 3. Of several streams the meter's own source (device:<meter>) counts, then the one with the highest revision, then the
--    first by name.
-- 4. Where streams have intervals of other lengths, those that overlap one of a stream before theirs do not count.
-- Recordings and scenarios are apart from the live city. Of a register that was reset or jumped nothing is known: its
-- interval is in no count.
--
-- What the table below also holds depends on the order in which the balances came: how many there were at a decision, and
-- rows that counted again later. An audit compares what its readers see:
-- Audited: SELECT meter, occurred_at, event_id FROM city.energy_balance_superseded FINAL WHERE superseded

SELECT DISTINCT if(zone IN (SELECT time_zone FROM system.time_zones), assumeNotNull(zone), 'UTC') AS local_zone
FROM city.energy_balance
WHERE (meter, toDate32(occurred_at)) IN
(
    SELECT DISTINCT meter, toDate32(occurred_at)
    FROM city.energy_balance
    WHERE _partition = {partition:UInt32} AND _offset BETWEEN {first:UInt64} AND {last:UInt64}
);

INSERT INTO city.energy_balance_superseded (meter, occurred_at, event_id, superseded, events)
SELECT meter, occurred_at, event_id, NOT counts AS superseded, events
FROM
(
    SELECT
        meter,
        occurred_at,
        event_id,
        events,
        candidate AND NOT
        (
            arrayExists((name, at) -> name < preference AND at > occurred_at, mapKeys(ended), mapValues(ended))
            OR arrayExists((name, at) -> name < preference AND at < ends_at, mapKeys(begun), mapValues(begun))
        ) AS counts
    FROM
    (
        SELECT
            *,
            maxMap(if(candidate AND measured > 0, map(preference, ends_at), map())) OVER (forward ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS ended,
            minMap(if(candidate AND measured > 0, map(preference, occurred_at), map())) OVER (backward ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS begun
        FROM
        (
            SELECT
                *,
                NOT corrected AND chosen = 1 AND stream = first_stream AS candidate
            FROM
            (
                SELECT
                    *,
                    row_number() OVER
                    (
                        PARTITION BY meter, simulated, corrected, stream, occurred_at, duration, told_for
                        ORDER BY revision DESC, version DESC, toString(reading_id) DESC, toString(event_id) DESC
                    ) AS chosen,
                    first_value(stream) OVER
                    (
                        PARTITION BY meter, simulated, corrected, occurred_at, duration
                        ORDER BY foreign, revision DESC, stream
                        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                    ) AS first_stream,
                    count() OVER (PARTITION BY meter) AS events
                FROM
                (
                    SELECT
                        meter,
                        occurred_at,
                        event_id,
                        reading_id,
                        duration,
                        revision,
                        toUInt32OrZero(splitByChar('@', rule)[2]) AS version,
                        match(source, '^(replay|scenario):') AS simulated,
                        splitByChar('#', source)[1] AS stream,
                        stream != concat('device:', meter) AS foreign,
                        concat(toString(foreign), stream) AS preference,
                        (meter, reading_id) IN
                        (
                            SELECT meter, assumeNotNull(corrects_reading_id)
                            FROM city.energy_balance
                            WHERE isNotNull(corrects_reading_id)
                        ) AS corrected,
                        86400 * toUInt32OrZero(extract(duration, '(\\d+)D')) + 3600 * toUInt32OrZero(extract(duration, '(\\d+)H'))
                            + 60 * toUInt32OrZero(extract(duration, 'T[^M]*?(\\d+)M')) + toUInt32OrZero(extract(duration, '(\\d+)S')) AS measured,
                        occurred_at + toIntervalSecond(measured) AS ends_at,
                        if(measured > 0, '', toString(coalesce(corrects_reading_id, reading_id))) AS told_for
                    FROM city.energy_balance FINAL
                    WHERE (meter, toDate32(occurred_at)) IN
                    (
                        SELECT DISTINCT meter, addDays(toDate32(occurred_at), arrayJoin([-1, 0, 1]))
                        FROM city.energy_balance
                        WHERE _partition = {partition:UInt32} AND _offset BETWEEN {first:UInt64} AND {last:UInt64}
                    )
                )
            )
        )
        WINDOW
            forward AS (PARTITION BY meter, simulated ORDER BY occurred_at, measured DESC, stream, event_id),
            backward AS (PARTITION BY meter, simulated ORDER BY occurred_at DESC, measured, stream DESC, event_id DESC)
    )
)
WHERE (meter, toDate32(occurred_at)) IN
(
    SELECT DISTINCT meter, toDate32(occurred_at)
    FROM city.energy_balance
    WHERE _partition = {partition:UInt32} AND _offset BETWEEN {first:UInt64} AND {last:UInt64}
)
AND (superseded OR event_id IN (SELECT event_id FROM city.energy_balance_superseded));

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
    countIf(newest AND known) AS intervals,
    countIf(newest AND identity = 'NET') AS net_only,
    sumIf(measured, newest AND known) AS measured_s,
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
        (meter, reading_id) NOT IN
        (
            SELECT meter, assumeNotNull(corrects_reading_id)
            FROM city.energy_balance
            WHERE isNotNull(corrects_reading_id)
        )
        AND (meter, occurred_at, event_id) NOT IN
        (
            SELECT meter, occurred_at, event_id
            FROM city.energy_balance_superseded FINAL
            WHERE superseded AND meter IN
            (
                SELECT DISTINCT meter
                FROM city.energy_balance
                WHERE _partition = {partition:UInt32} AND _offset BETWEEN {first:UInt64} AND {last:UInt64}
            )
        ) AS newest,
        NOT (identity = 'UNSPECIFIED' AND arrayExists(flag -> startsWith(flag, 'REGISTER'), flags)) AS known,
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
