-- Where containers are now, by the newest version of the rule: its revisions begin anew, and illegal transitions may
-- become legal when a late event explains them.

CREATE OR REPLACE VIEW city.cargo_container_now AS
WITH tuple(toUInt32OrZero(splitByChar('@', rule)[2]), revision) AS version
SELECT
    container,
    splitByChar('#', source)[1] AS stream,
    argMax(state, version) AS state_now,
    argMax(occurred_at, version) AS since,
    argMax(code, version) AS last_code,
    argMax(legal, version) AS last_legal,
    argMax(tuple(un_location_code), version).1 AS place,
    argMax(tuple(facility_type), version).1 AS facility,
    argMax(tuple(vessel_imo), version).1 AS on_vessel,
    argMax(seals, version) AS seals_now,
    argMax(events, version) AS events_counted,
    argMax(illegal, version) AS events_illegal,
    match(stream, '^(replay|scenario):') AS simulated
FROM city.cargo_container_state FINAL
GROUP BY container, stream;
