-- one at a time --
-- Two devices that tell of one fire at the same moment must not raise two alerts.
SELECT pg_advisory_xact_lock(7403063)
-- open fires --
-- Devices that may tell of the same, by place or because one is registered to see the other, each with the alert
-- of fire that it told of last, where that still takes events.
WITH near AS MATERIALIZED (
    SELECT key FROM device
    WHERE lat BETWEEN %(lat)s - %(near_lat)s AND %(lat)s + %(near_lat)s
      AND lon BETWEEN %(lon)s - %(near_lon)s AND %(lon)s + %(near_lon)s
    UNION SELECT key FROM device
    WHERE kind = 'camera' AND lat BETWEEN %(lat)s - %(far_lat)s AND %(lat)s + %(far_lat)s
      AND lon BETWEEN %(lon)s - %(far_lon)s AND %(lon)s + %(far_lon)s
    UNION SELECT key FROM device WHERE id = ANY(%(cameras)s)
    UNION SELECT key FROM device WHERE cameras @> ARRAY[%(device)s]
), told AS MATERIALIZED (
    SELECT near.key, (
        SELECT e.alert_id FROM event e
        WHERE e.device_key = near.key AND e.scene = 'fire' AND e.alert_id IS NOT NULL
        ORDER BY e.observed_at DESC LIMIT 1) AS alert_id
    FROM near WHERE near.key <> %(device_key)s)
SELECT a.id AS alert_id, d.id AS device, d.kind, d.area, d.lon, d.lat, d.cameras,
       CASE WHEN d.kind = 'camera' THEN (
           SELECT (e.criteria ->> 'bearing_deg')::float8 FROM event e
           WHERE e.device_key = d.key AND e.scene = 'fire' AND e.alert_id = a.id AND e.criteria ? 'bearing_deg'
           ORDER BY e.observed_at DESC LIMIT 1) END AS bearing_deg
FROM told
JOIN alert a ON a.id = told.alert_id
JOIN device d ON d.key = told.key
WHERE a.scene = 'fire' AND a.grouping AND NOT a.ended AND a.drill = %(drill)s
  AND a.simulated = %(simulated)s AND a.outage IS NULL
  AND a.observed_at <= %(observed_at)s + %(within)s::interval
  AND a.last_observed_at >= %(observed_at)s - %(within)s::interval
ORDER BY a.id, d.key
-- warnings --
-- What other sensors warned of about then, and belongs to no alert yet.
SELECT e.id AS event_id, d.id AS device, d.lon, d.lat
FROM event e JOIN device d ON d.key = e.device_key
WHERE e.label = 'fire_warning' AND NOT e.criteria ? 'unconfirmed' AND e.alert_id IS NULL AND d.key <> %(device_key)s AND d.simulated = %(simulated)s
  AND e.observed_at BETWEEN %(observed_at)s - %(within)s::interval AND %(observed_at)s + %(within)s::interval
  AND d.lon IS NOT NULL AND state_now(d) IN ('new', 'active')
ORDER BY e.observed_at, e.id
-- winds --
-- What the nearest stations measured of the wind: speed in m/s, and the direction in degrees that it comes from.
SELECT w.speed, w.deg
FROM (SELECT d.key FROM device d
      WHERE d.channels @> '[{"quantity": "wind_ms"}]' AND d.channels @> '[{"quantity": "wind_deg"}]'
        AND d.lon BETWEEN %(lon)s - %(degrees)s AND %(lon)s + %(degrees)s
        AND d.lat BETWEEN %(lat)s - %(degrees)s AND %(lat)s + %(degrees)s AND d.simulated = %(simulated)s
      ORDER BY abs(d.lon - %(lon)s) + abs(d.lat - %(lat)s), d.key LIMIT %(stations)s) s
CROSS JOIN LATERAL (
    SELECT max(r.scaled / r.divisor) FILTER (WHERE q.name = 'wind_ms') AS speed,
           max(r.scaled / r.divisor) FILTER (WHERE q.name = 'wind_deg') AS deg
    FROM newest_readings(s.key, %(observed_at)s - %(within)s::interval, %(readings)s) r
    JOIN quantity q ON q.key = r.quantity_key
    WHERE r.observed_at <= %(observed_at)s + interval '1 minute'
    GROUP BY r.observed_at) w
WHERE w.speed IS NOT NULL AND w.deg IS NOT NULL
-- belong --
WITH theirs AS (
    UPDATE event SET alert_id = %(alert_id)s WHERE id = ANY(%(events)s) AND alert_id IS NULL RETURNING id, observed_at
)
UPDATE alert
SET events = events + (SELECT count(*) FROM theirs),
    observed_at = least(observed_at, (SELECT min(observed_at) FROM theirs))
WHERE id = %(alert_id)s
-- danger --
-- The level of the nearest station that has one.
SELECT f.level
FROM fire_weather f JOIN device d ON d.key = f.device_key
WHERE f.noon_at BETWEEN %(observed_at)s - %(within)s::interval AND %(observed_at)s AND d.simulated = %(simulated)s
  AND d.lon IS NOT NULL AND state_now(d) <> 'retired'
ORDER BY (d.lon - %(lon)s) ^ 2 + (d.lat - %(lat)s) ^ 2, d.key, f.day DESC
LIMIT 1
-- rank --
UPDATE alert SET spread = %(spread)s WHERE id = %(alert_id)s
