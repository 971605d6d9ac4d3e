-- Vessels only: base stations, aids to navigation, search and rescue aircraft and beacons are none. Events of the first
-- schema version name no station; there the message type tells (ITU-R M.1371: 4, 9 and 21 are of no vessel).

CREATE OR REPLACE VIEW city.cargo_vessel_now AS
SELECT
    mmsi,
    splitByChar('#', source)[1] AS stream,
    max(occurred_at) AS seen_at,
    argMax(latitude, occurred_at) AS lat,
    argMax(longitude, occurred_at) AS lon,
    argMax(tuple(sog), occurred_at).1 AS speed,
    argMax(tuple(cog), occurred_at).1 AS course,
    argMax(tuple(nav_status), occurred_at).1 AS status,
    argMax(imo, occurred_at) AS imo_number,
    argMax(name, occurred_at) AS vessel,
    argMax(ship_type, occurred_at) AS type_code,
    count() AS reports,
    match(stream, '^(replay|scenario):') AS simulated
FROM city.cargo_vessel_position FINAL
WHERE latitude IS NOT NULL AND NOT has(flags, 'NO_TIME')
    AND ifNull(station, 'VESSEL') IN ('VESSEL', 'AUXILIARY_CRAFT')
    AND ifNull(message_type, 0) NOT IN (4, 9, 21)
GROUP BY mmsi, stream;
