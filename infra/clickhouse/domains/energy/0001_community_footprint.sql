-- What a community's energy from the grid cost and how much CO2 it stands for: its balance beside the tariff and the
-- carbon intensity of the same interval. A tariff and a grid are found by the community's name. An interval without both
-- is not there. Facts only (FINAL); an interval that two recordings tell counts once.

CREATE VIEW IF NOT EXISTS city.energy_community_footprint AS
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
