-- Of a meter's interval one balance counts, whatever streams and corrections tell it. refresh/energy_balance.sql decides
-- after each insert, and notes here what does not count; the days are computed anew.

CREATE TABLE IF NOT EXISTS city.energy_balance_superseded
(
    `meter` LowCardinality(String) COMMENT 'Identifier of the meter.',
    `occurred_at` DateTime64(6, 'UTC') COMMENT 'Start of the interval.',
    `event_id` UUID COMMENT 'event_id of the balance.',
    `superseded` Bool COMMENT 'Whether another balance counts in its place.',
    `events` UInt64 COMMENT 'Balances of the meter around that day when it was decided; also the version of the row.'
)
ENGINE = ReplacingMergeTree(events)
ORDER BY (meter, occurred_at, event_id)
COMMENT 'Balances that do not count because another one of the same time does; read them through energy_balance_newest.';

CREATE OR REPLACE VIEW city.energy_balance_newest AS
SELECT *, simulated
FROM city.energy_balance FINAL
WHERE (meter, reading_id) NOT IN
(
    SELECT meter, assumeNotNull(corrects_reading_id)
    FROM city.energy_balance
    WHERE isNotNull(corrects_reading_id)
)
AND event_id NOT IN
(
    SELECT event_id
    FROM city.energy_balance_superseded FINAL
    WHERE superseded
);

TRUNCATE TABLE IF EXISTS city.energy_balance_daily_state;
