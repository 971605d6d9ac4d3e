-- Readings per station, hour and day of the station's own clock. They take the place of the roll-ups by UTC; the migration
-- fills them from the readings. What keeps them: refresh/air_quality_reading.sql.

DROP VIEW IF EXISTS city.air_quality_reading_hourly;
DROP VIEW IF EXISTS city.air_quality_reading_daily;
DROP TABLE IF EXISTS city.air_quality_reading_hourly_state;
DROP TABLE IF EXISTS city.air_quality_reading_daily_state;

CREATE TABLE IF NOT EXISTS city.air_quality_reading_hourly_state
(
    `city` LowCardinality(String) COMMENT 'City of the station.',
    `station` LowCardinality(String) COMMENT 'Name of the station.',
    `zone` LowCardinality(String) COMMENT 'IANA time zone whose clock the bucket follows; UTC if that of the station is not known.',
    `bucket` DateTime64(0, 'UTC') COMMENT 'Instant at which the hour of the local clock begins.',
    `day` Date32 COMMENT 'Local date.',
    `hour` UInt8 COMMENT 'Hour of the local day, 0 to 23.',
    `averaging` LowCardinality(String) COMMENT 'Averaging interval of the readings, ISO 8601.',
    `gas_unit` LowCardinality(String) COMMENT 'Unit of the gases: PPM or UG_M3.',
    `simulated` Bool COMMENT 'Whether the readings come from a recording or a scenario.',
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
ORDER BY (city, station, zone, bucket, averaging, gas_unit, simulated)
COMMENT 'air-quality.reading per station and local hour; read it through air_quality_reading_hourly.';

CREATE VIEW IF NOT EXISTS city.air_quality_reading_hourly AS SELECT * FROM city.air_quality_reading_hourly_state FINAL;

CREATE TABLE IF NOT EXISTS city.air_quality_reading_daily_state
(
    `city` LowCardinality(String) COMMENT 'City of the station.',
    `station` LowCardinality(String) COMMENT 'Name of the station.',
    `zone` LowCardinality(String) COMMENT 'IANA time zone whose clock the bucket follows; UTC if that of the station is not known.',
    `bucket` DateTime64(0, 'UTC') COMMENT 'Instant at which the local day begins.',
    `day` Date32 COMMENT 'Local date.',
    `seconds` UInt32 COMMENT 'Length of the local day [s]: of 23, 24 or 25 hours.',
    `averaging` LowCardinality(String) COMMENT 'Averaging interval of the readings, ISO 8601.',
    `gas_unit` LowCardinality(String) COMMENT 'Unit of the gases: PPM or UG_M3.',
    `simulated` Bool COMMENT 'Whether the readings come from a recording or a scenario.',
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
ORDER BY (city, station, zone, bucket, averaging, gas_unit, simulated)
COMMENT 'air-quality.reading per station and local day; read it through air_quality_reading_daily.';

CREATE VIEW IF NOT EXISTS city.air_quality_reading_daily AS SELECT * FROM city.air_quality_reading_daily_state FINAL;
