-- Readings per station, hour and day. What fills them, and why they stay exact: refresh/air_quality_reading.sql.

-- The refresh finds the rows of one insert by their offsets; neighbours in time have neighbouring offsets.
ALTER TABLE city.air_quality_reading ADD INDEX IF NOT EXISTS offset_range `_offset` TYPE minmax GRANULARITY 1;

CREATE TABLE IF NOT EXISTS city.air_quality_reading_hourly_state
(
    `station` LowCardinality(String) COMMENT 'Name of the station.',
    `bucket` DateTime64(0, 'UTC') COMMENT 'Start of the hour, UTC.',
    `averaging` LowCardinality(String) COMMENT 'Averaging interval of the readings, ISO 8601.',
    `gas_unit` LowCardinality(String) COMMENT 'Unit of the gases: PPM or UG_M3.',
    `simulated` Bool COMMENT 'Whether the readings come from a recording or a scenario.',
    `city` LowCardinality(String) COMMENT 'City of the station.',
    `network` LowCardinality(Nullable(String)) COMMENT 'Kind of network of the station.',
    `events` UInt64 COMMENT 'Distinct events; also the version of the row.',
    `first_at` DateTime64(6, 'UTC') COMMENT 'occurred_at of the first reading.',
    `last_at` DateTime64(6, 'UTC') COMMENT 'occurred_at of the last reading.',
    `pm10_count` UInt64 COMMENT 'Readings that have PM10.',
    `pm10_mean` Nullable(Float64) COMMENT 'Mean of PM10 [µg/m³].',
    `pm10_max` Nullable(Float64) COMMENT 'Highest PM10 [µg/m³].',
    `pm2_5_count` UInt64 COMMENT 'Readings that have PM2.5.',
    `pm2_5_mean` Nullable(Float64) COMMENT 'Mean of PM2.5 [µg/m³].',
    `pm2_5_max` Nullable(Float64) COMMENT 'Highest PM2.5 [µg/m³].',
    `no2_count` UInt64 COMMENT 'Readings that have NO2.',
    `no2_mean` Nullable(Float64) COMMENT 'Mean of NO2 [gas_unit].',
    `no2_max` Nullable(Float64) COMMENT 'Highest NO2 [gas_unit].',
    `o3_count` UInt64 COMMENT 'Readings that have O3.',
    `o3_mean` Nullable(Float64) COMMENT 'Mean of O3 [gas_unit].',
    `o3_max` Nullable(Float64) COMMENT 'Highest O3 [gas_unit].',
    `co_count` UInt64 COMMENT 'Readings that have CO.',
    `co_mean` Nullable(Float64) COMMENT 'Mean of CO [gas_unit].',
    `co_max` Nullable(Float64) COMMENT 'Highest CO [gas_unit].',
    `so2_count` UInt64 COMMENT 'Readings that have SO2.',
    `so2_mean` Nullable(Float64) COMMENT 'Mean of SO2 [gas_unit].',
    `so2_max` Nullable(Float64) COMMENT 'Highest SO2 [gas_unit].'
)
ENGINE = ReplacingMergeTree(events)
ORDER BY (station, bucket, averaging, gas_unit, simulated)
COMMENT 'air-quality.reading per station and hour; read it through air_quality_reading_hourly.';

CREATE VIEW IF NOT EXISTS city.air_quality_reading_hourly AS SELECT * FROM city.air_quality_reading_hourly_state FINAL;

CREATE TABLE IF NOT EXISTS city.air_quality_reading_daily_state
(
    `station` LowCardinality(String) COMMENT 'Name of the station.',
    `bucket` DateTime64(0, 'UTC') COMMENT 'Start of the day, UTC.',
    `averaging` LowCardinality(String) COMMENT 'Averaging interval of the readings, ISO 8601.',
    `gas_unit` LowCardinality(String) COMMENT 'Unit of the gases: PPM or UG_M3.',
    `simulated` Bool COMMENT 'Whether the readings come from a recording or a scenario.',
    `city` LowCardinality(String) COMMENT 'City of the station.',
    `network` LowCardinality(Nullable(String)) COMMENT 'Kind of network of the station.',
    `events` UInt64 COMMENT 'Distinct events; also the version of the row.',
    `first_at` DateTime64(6, 'UTC') COMMENT 'occurred_at of the first reading.',
    `last_at` DateTime64(6, 'UTC') COMMENT 'occurred_at of the last reading.',
    `pm10_count` UInt64 COMMENT 'Readings that have PM10.',
    `pm10_mean` Nullable(Float64) COMMENT 'Mean of PM10 [µg/m³].',
    `pm10_max` Nullable(Float64) COMMENT 'Highest PM10 [µg/m³].',
    `pm2_5_count` UInt64 COMMENT 'Readings that have PM2.5.',
    `pm2_5_mean` Nullable(Float64) COMMENT 'Mean of PM2.5 [µg/m³].',
    `pm2_5_max` Nullable(Float64) COMMENT 'Highest PM2.5 [µg/m³].',
    `no2_count` UInt64 COMMENT 'Readings that have NO2.',
    `no2_mean` Nullable(Float64) COMMENT 'Mean of NO2 [gas_unit].',
    `no2_max` Nullable(Float64) COMMENT 'Highest NO2 [gas_unit].',
    `o3_count` UInt64 COMMENT 'Readings that have O3.',
    `o3_mean` Nullable(Float64) COMMENT 'Mean of O3 [gas_unit].',
    `o3_max` Nullable(Float64) COMMENT 'Highest O3 [gas_unit].',
    `co_count` UInt64 COMMENT 'Readings that have CO.',
    `co_mean` Nullable(Float64) COMMENT 'Mean of CO [gas_unit].',
    `co_max` Nullable(Float64) COMMENT 'Highest CO [gas_unit].',
    `so2_count` UInt64 COMMENT 'Readings that have SO2.',
    `so2_mean` Nullable(Float64) COMMENT 'Mean of SO2 [gas_unit].',
    `so2_max` Nullable(Float64) COMMENT 'Highest SO2 [gas_unit].'
)
ENGINE = ReplacingMergeTree(events)
ORDER BY (station, bucket, averaging, gas_unit, simulated)
COMMENT 'air-quality.reading per station and day; read it through air_quality_reading_daily.';

CREATE VIEW IF NOT EXISTS city.air_quality_reading_daily AS SELECT * FROM city.air_quality_reading_daily_state FINAL;
