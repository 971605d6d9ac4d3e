-- What became of occupants by impact speed, belt and air bag, weighted to the crashes that the sample stands for.
CREATE VIEW IF NOT EXISTS city.vehicle_crash_outcomes AS
SELECT
    impact_speed_class,
    belted,
    airbag,
    count() AS records,
    sum(weight) AS occupants,
    sumIf(weight, dead) AS killed,
    sumIf(weight, injury IN ('K', 'A')) AS killed_or_incapacitated
FROM city.vehicle_crash_record FINAL
GROUP BY impact_speed_class, belted, airbag;
