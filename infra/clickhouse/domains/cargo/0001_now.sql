-- Where things are now. Views over facts (FINAL: one row per event), so they count no repeat.

CREATE VIEW IF NOT EXISTS city.cargo_container_now AS
SELECT
    container,
    splitByChar('#', source)[1] AS stream,
    argMax(state, revision) AS state_now,
    argMax(occurred_at, revision) AS since,
    argMax(code, revision) AS last_code,
    argMax(legal, revision) AS last_legal,
    argMax(tuple(un_location_code), revision).1 AS place,
    argMax(tuple(facility_type), revision).1 AS facility,
    argMax(tuple(vessel_imo), revision).1 AS on_vessel,
    argMax(seals, revision) AS seals_now,
    max(events) AS events_counted,
    max(illegal) AS events_illegal,
    match(stream, '^(replay|scenario):') AS simulated
FROM city.cargo_container_state FINAL
GROUP BY container, stream;

CREATE VIEW IF NOT EXISTS city.cargo_vessel_now AS
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
GROUP BY mmsi, stream;

CREATE VIEW IF NOT EXISTS city.cargo_permit_now AS
SELECT
    permit_id,
    splitByChar('#', source)[1] AS stream,
    argMax(subject, (occurred_at, event_id)) AS about,
    argMax(kind, (occurred_at, event_id)) AS permit,
    argMax(status, (occurred_at, event_id)) AS status_now,
    max(occurred_at) AS since,
    argMax(authority, (occurred_at, event_id)) AS decided_by,
    argMax(tuple(reason), (occurred_at, event_id)).1 AS why,
    match(stream, '^(replay|scenario):') AS simulated
FROM city.cargo_permit FINAL
GROUP BY permit_id, stream;
