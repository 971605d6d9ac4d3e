-- Hours and days on which a clock changes had a wrong length or a wrong beginning: the day before a midnight that is
-- skipped (length 0), and the hours of a change by half an hour. The migration fills the roll-ups anew from the readings.

TRUNCATE TABLE IF EXISTS city.air_quality_reading_hourly_state;
TRUNCATE TABLE IF EXISTS city.air_quality_reading_daily_state;
