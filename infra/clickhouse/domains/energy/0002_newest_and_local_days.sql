-- The newest balance of each interval, and a meter's energy by the day and the month of its place's own clock. What fills
-- the days: refresh/energy_balance.sql. A correction is a balance of its own that names the reading whose balance it
-- replaces (corrects_reading_id); a community's interval is told again with a higher revision.

-- The refresh finds the rows of one insert by their offsets; neighbours in time have neighbouring offsets.
ALTER TABLE city.energy_balance ADD INDEX IF NOT EXISTS offset_range `_offset` TYPE minmax GRANULARITY 1;

CREATE VIEW IF NOT EXISTS city.energy_balance_newest AS
SELECT *, simulated
FROM city.energy_balance FINAL
WHERE reading_id NOT IN
(
    SELECT assumeNotNull(corrects_reading_id)
    FROM city.energy_balance
    WHERE isNotNull(corrects_reading_id)
);

CREATE VIEW IF NOT EXISTS city.energy_community_balance_newest AS
SELECT *, simulated
FROM city.energy_community_balance FINAL
ORDER BY revision DESC
LIMIT 1 BY community, occurred_at, duration, simulated;

CREATE TABLE IF NOT EXISTS city.energy_balance_daily_state
(
    `meter` LowCardinality(String) COMMENT 'Identifier of the meter.',
    `zone` LowCardinality(String) COMMENT 'IANA time zone whose clock the day follows; UTC if that of the place is not known.',
    `bucket` DateTime64(0, 'UTC') COMMENT 'Instant at which the local day begins.',
    `day` Date32 COMMENT 'Local date.',
    `simulated` Bool COMMENT 'Whether the balances come from a recording or a scenario.',
    `community` LowCardinality(Nullable(String)) COMMENT 'Energy community of the meter.',
    `events` UInt64 COMMENT 'Distinct events, corrected ones among them; also the version of the row.',
    `intervals` UInt64 COMMENT 'Balances in the sums: the newest of each interval.',
    `net_only` UInt64 COMMENT 'Of these, those of which the net exchange alone is known (identity NET).',
    `measured_s` UInt64 COMMENT 'Time that the balances cover [s]; a local day has 82,800, 86,400 or 90,000.',
    `consumption_wh` Int64 COMMENT 'Used behind the meter; 0 where it is not known [Wh].',
    `generation_wh` Int64 COMMENT 'Generated behind the meter; 0 where it is not known [Wh].',
    `self_consumption_wh` Int64 COMMENT 'Generated and used or stored behind the meter [Wh].',
    `import_wh` Int64 COMMENT 'Delivered by the grid [Wh].',
    `export_wh` Int64 COMMENT 'Delivered to the grid [Wh].',
    `charge_wh` Int64 COMMENT 'Taken into the battery [Wh].',
    `discharge_wh` Int64 COMMENT 'Given by the battery [Wh].',
    `ev_charge_wh` Int64 COMMENT 'Taken into an electric vehicle [Wh].',
    `ev_discharge_wh` Int64 COMMENT 'Given back by an electric vehicle [Wh].',
    `losses_wh` Int64 COMMENT 'Measured losses behind the meter [Wh].',
    `net_wh` Int64 COMMENT 'import - export [Wh].',
    `unattributed_wh` Int64 COMMENT 'What no measured flow explains [Wh].',
    `last_at` DateTime64(6, 'UTC') COMMENT 'occurred_at of the last balance.'
)
ENGINE = ReplacingMergeTree(events)
ORDER BY (meter, zone, bucket, simulated)
COMMENT 'energy.balance per meter and local day; read it through energy_balance_daily.';

CREATE VIEW IF NOT EXISTS city.energy_balance_daily AS SELECT * FROM city.energy_balance_daily_state FINAL;

CREATE VIEW IF NOT EXISTS city.energy_balance_monthly AS
SELECT
    meter,
    zone,
    toStartOfMonth(day) AS month,
    simulated,
    anyLast(community) AS community,
    count() AS days,
    sum(energy_balance_daily_state.intervals) AS intervals,
    sum(energy_balance_daily_state.net_only) AS net_only,
    sum(energy_balance_daily_state.measured_s) AS measured_s,
    sum(energy_balance_daily_state.consumption_wh) AS consumption_wh,
    sum(energy_balance_daily_state.generation_wh) AS generation_wh,
    sum(energy_balance_daily_state.self_consumption_wh) AS self_consumption_wh,
    sum(energy_balance_daily_state.import_wh) AS import_wh,
    sum(energy_balance_daily_state.export_wh) AS export_wh,
    sum(energy_balance_daily_state.charge_wh) AS charge_wh,
    sum(energy_balance_daily_state.discharge_wh) AS discharge_wh,
    sum(energy_balance_daily_state.ev_charge_wh) AS ev_charge_wh,
    sum(energy_balance_daily_state.ev_discharge_wh) AS ev_discharge_wh,
    sum(energy_balance_daily_state.losses_wh) AS losses_wh,
    sum(energy_balance_daily_state.net_wh) AS net_wh,
    sum(energy_balance_daily_state.unattributed_wh) AS unattributed_wh
FROM city.energy_balance_daily_state FINAL
GROUP BY meter, zone, month, simulated;

CREATE OR REPLACE VIEW city.energy_community_footprint AS
SELECT
    balance.community AS community,
    balance.occurred_at AS occurred_at,
    balance.duration AS duration,
    balance.grid_import_wh AS grid_import_wh,
    balance.grid_export_wh AS grid_export_wh,
    tariff.currency AS currency,
    tariff.price AS price,
    toDecimal128(balance.grid_import_wh, 0) * tariff.price / 1000 AS cost,
    carbon.intensity AS intensity,
    balance.grid_import_wh * carbon.intensity / 1000 AS co2_kg,
    balance.simulated AS simulated
FROM
(
    SELECT community, occurred_at, duration, grid_import_wh, grid_export_wh, simulated
    FROM city.energy_community_balance FINAL
    ORDER BY revision DESC
    LIMIT 1 BY community, occurred_at, duration, simulated
) AS balance
INNER JOIN
(
    SELECT tariff, occurred_at, duration, argMin(energy_tariff.currency, event_id) AS currency, argMin(energy_tariff.price, event_id) AS price
    FROM city.energy_tariff FINAL
    GROUP BY tariff, occurred_at, duration
) AS tariff
    ON tariff.tariff = balance.community AND tariff.occurred_at = balance.occurred_at AND tariff.duration = balance.duration
INNER JOIN
(
    SELECT grid, occurred_at, duration, argMin(energy_carbon_intensity.intensity, event_id) AS intensity
    FROM city.energy_carbon_intensity FINAL
    GROUP BY grid, occurred_at, duration
) AS carbon
    ON carbon.grid = balance.community AND carbon.occurred_at = balance.occurred_at AND carbon.duration = balance.duration;
