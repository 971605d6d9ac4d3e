-- What stands for a cycle: the newest closed day of the live city, else the largest recording of each scheme, since the
-- components of a survey (body measures, impedance, X-ray) lie in several files.
CREATE OR REPLACE VIEW city.health_class_share AS
WITH totals AS
(
    SELECT
        cycle AS of_cycle,
        scheme AS of_scheme,
        cohort AS of_cohort,
        ifNull(period, '') AS of_period,
        sum(persons) AS counted,
        max(occurred_at) AS occurred,
        max(of_period) OVER (PARTITION BY of_cycle) AS newest
    FROM city.health_class_count FINAL
    WHERE sex = 'ALL' AND age_band = 'ALL'
    GROUP BY of_cycle, of_scheme, of_cohort, of_period
),
chosen AS
(
    SELECT of_cycle, of_scheme, argMax((of_cohort, of_period), (counted, occurred, of_cohort)) AS stands
    FROM totals
    WHERE of_period = newest
    GROUP BY of_cycle, of_scheme
)
SELECT
    cycle,
    sex,
    age_band,
    scheme,
    class,
    persons,
    persons / sum(persons) OVER (PARTITION BY cycle, sex, age_band, scheme) AS share,
    sampled,
    match(source, '^(replay|scenario):') AS simulated,
    period,
    zone,
    occurred_at
FROM city.health_class_count FINAL
WHERE (cycle, scheme, (cohort, ifNull(period, ''))) IN (SELECT of_cycle, of_scheme, stands FROM chosen);
