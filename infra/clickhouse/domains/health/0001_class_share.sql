-- Shares of classes, out of counts that tell of nobody (rounded, never below 5). No pseudonym is asked for here.

-- One cycle may have been recorded in several files (an excerpt and the whole): the largest cohort stands for it.
CREATE VIEW IF NOT EXISTS city.health_class_share AS
WITH largest AS
(
    SELECT cycle AS of_cycle, argMax(cohort, (persons, occurred_at, cohort)) AS of_cohort
    FROM city.health_class_count FINAL
    WHERE scheme = 'PERSONS' AND sex = 'ALL' AND age_band = 'ALL'
    GROUP BY of_cycle
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
    occurred_at
FROM city.health_class_count FINAL
WHERE (cycle, cohort) IN (SELECT of_cycle, of_cohort FROM largest);
