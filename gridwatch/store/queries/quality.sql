-- alone --
SELECT pg_try_advisory_xact_lock(7403006) AS alone
-- watch --
WITH said AS (
    SELECT d.key AS device_key, c.quantity, coalesce(c.interval_s, 300) AS interval_s,
           (c.quality ->> 'min')::float8 AS low,
           (c.quality ->> 'max')::float8 AS high, (c.quality ->> 'flat_s')::float8 AS flat_s,
           coalesce((c.quality ->> 'flat_within')::float8, 0) AS flat_within,
           (c.quality ->> 'spike')::float8 AS spike, (c.quality ->> 'drift')::float8 AS drift
    FROM device d, jsonb_to_recordset(d.channels) AS c (quantity text, interval_s float8, quality jsonb)
    WHERE d.channels <> '[]' AND c.quality <> '{}'
), gone AS (
    DELETE FROM quality_watch w
    WHERE NOT EXISTS (SELECT FROM said s
                      WHERE s.device_key = w.device_key AND s.quantity = w.quantity)
)
INSERT INTO quality_watch (device_key, quantity, interval_s, low, high, flat_s, flat_within, spike,
                           drift, looked_at, came_at, flat_looked_at)
SELECT s.*, %(now)s, %(now)s, %(now)s
FROM said s
LEFT JOIN quality_watch was USING (device_key, quantity)
WHERE (was.interval_s, was.low, was.high, was.flat_s, was.flat_within, was.spike, was.drift)
      IS DISTINCT FROM (s.interval_s, s.low, s.high, s.flat_s, s.flat_within, s.spike, s.drift)
ON CONFLICT (device_key, quantity) DO UPDATE
SET interval_s = excluded.interval_s, low = excluded.low, high = excluded.high, flat_s = excluded.flat_s, flat_within = excluded.flat_within,
    spike = excluded.spike, drift = excluded.drift
-- look --
-- Of the devices that wait longest, what was received since, with some readings before it. A spike shows once
-- the reading after it is there. Out of range is an island of readings; one that goes on is made longer.
WITH due AS MATERIALIZED (
    SELECT w.device_key,
           min(w.looked_at) + (coalesce(max(c.skew_s), 0) - 120 - 3 * max(w.interval_s)) * interval '1 s' AS from_at
    FROM quality_watch w LEFT JOIN device_clock c ON c.device_key = w.device_key
    WHERE w.looked_at <= %(until)s::timestamptz - %(every)s::interval
    GROUP BY w.device_key ORDER BY min(w.looked_at) LIMIT %(most)s
), came AS MATERIALIZED (
    SELECT w.device_key, r.quantity_key, w.low, w.high, w.spike, r.observed_at, r.value,
           r.received_at > w.looked_at AS is_new,
           lead(r.received_at > w.looked_at) OVER channel AS next_is_new,
           lag(r.observed_at) OVER channel AS before_at,
           r.value - lag(r.value) OVER channel AS above_before,
           r.value - lead(r.value) OVER channel AS above_after,
           row_number() OVER channel AS number
    FROM due
    -- OFFSET 0: once for a device, from there on, and not for each of its channels from the beginning.
    CROSS JOIN LATERAL (
        SELECT quantity_key, observed_at, scaled / divisor AS value,
               observed_at + delay_ms * interval '1 ms' AS received_at
        FROM readings WHERE device_key = due.device_key AND observed_at > due.from_at
        OFFSET 0) r
    JOIN quantity q ON q.key = r.quantity_key
    JOIN quality_watch w ON w.device_key = due.device_key AND w.quantity = q.name
    WHERE r.received_at <= %(until)s
    WINDOW channel AS (PARTITION BY w.device_key, r.quantity_key ORDER BY r.observed_at)
), found AS (
    SELECT device_key, quantity_key, 16 AS flag, min(observed_at) AS from_at, max(observed_at) AS until_at,
           count(*) AS readings, (array_agg(value ORDER BY abs(value) DESC))[1] AS value,
           (array_agg(before_at ORDER BY observed_at))[1] AS before_at
    FROM (SELECT *, number - row_number() OVER (PARTITION BY device_key, quantity_key
                                                ORDER BY observed_at) AS island
          FROM came WHERE is_new AND (value < low OR value > high)) outside
    GROUP BY device_key, quantity_key, island
    UNION ALL
    SELECT device_key, quantity_key, 32, observed_at, observed_at, 1, value, NULL
    FROM came
    WHERE (is_new OR next_is_new) AND sign(above_before) = sign(above_after)
      AND least(abs(above_before), abs(above_after)) > spike
), longer AS (
    UPDATE doubt d
    SET until_at = f.until_at, readings = d.readings + f.readings, seen_at = %(until)s,
        value = CASE WHEN abs(f.value) > abs(d.value) THEN f.value ELSE d.value END
    FROM found f
    WHERE d.device_key = f.device_key AND d.quantity_key = f.quantity_key AND d.flag = 16 AND f.flag = 16
      AND d.until_at = f.before_at
    RETURNING f.device_key, f.quantity_key, f.from_at
), more AS (
    INSERT INTO doubt (device_key, quantity_key, flag, from_at, until_at, readings, value, seen_at)
    SELECT device_key, quantity_key, flag, from_at, until_at, readings, value, %(until)s
    FROM found f
    WHERE NOT EXISTS (SELECT FROM longer l WHERE f.flag = 16 AND l.device_key = f.device_key
                                            AND l.quantity_key = f.quantity_key AND l.from_at = f.from_at)
), means AS (
    SELECT came.device_key, q.name AS quantity, avg(came.value) AS mean
    FROM came JOIN quantity q ON q.key = came.quantity_key
    WHERE came.is_new GROUP BY came.device_key, q.name
), now AS (
    SELECT w.device_key, w.quantity, m.mean,
           1 - exp(-extract(epoch FROM %(until)s - w.looked_at) / %(mean_over_s)s) AS weight
    FROM quality_watch w JOIN due USING (device_key)
    LEFT JOIN means m ON m.device_key = w.device_key AND m.quantity = w.quantity
)
UPDATE quality_watch w
SET looked_at = %(until)s,
    came_at = CASE WHEN n.mean IS NULL THEN w.came_at ELSE %(until)s END,
    mean = coalesce(w.mean + (n.mean - w.mean) * n.weight, w.mean, n.mean),
    mean_since = CASE WHEN n.mean IS NULL THEN w.mean_since ELSE coalesce(w.mean_since, %(until)s) END
FROM now n
WHERE w.device_key = n.device_key AND w.quantity = n.quantity
-- look for flat lines --
WITH due AS MATERIALIZED (
    SELECT device_key, quantity, flat_s, flat_within FROM quality_watch
    WHERE flat_looked_at <= %(until)s - greatest(flat_s / 4, %(least_s)s) * interval '1 s'
    ORDER BY flat_looked_at LIMIT %(most)s
), found AS (
    SELECT due.device_key, q.key AS quantity_key, r.*
    FROM due
    JOIN quantity q ON q.name = due.quantity
    LEFT JOIN device_clock c ON c.device_key = due.device_key
    CROSS JOIN LATERAL (
        SELECT min(observed_at) AS from_at, max(observed_at) AS until_at, count(*) AS readings,
               min(scaled / divisor) AS value
        FROM readings
        WHERE device_key = due.device_key AND quantity_key = q.key
          AND observed_at > %(until)s + coalesce(c.skew_s, 0) * interval '1 s' - 1.25 * due.flat_s * interval '1 s'
        HAVING count(*) >= %(least_readings)s
           -- 22.1 - 22.0 is a little more than 0.1.
           AND round((max(scaled / divisor) - min(scaled / divisor))::numeric, 9) <= due.flat_within::numeric
           AND max(observed_at) - min(observed_at) >= due.flat_s * interval '1 s') r
), longer AS (
    UPDATE doubt d SET until_at = f.until_at, seen_at = %(until)s
    FROM found f
    WHERE d.device_key = f.device_key AND d.quantity_key = f.quantity_key AND d.flag = 8
      AND d.until_at >= f.from_at
    RETURNING d.device_key, d.quantity_key
), more AS (
    INSERT INTO doubt (device_key, quantity_key, flag, from_at, until_at, readings, value, seen_at)
    SELECT device_key, quantity_key, 8, from_at, until_at, readings, value, %(until)s FROM found f
    WHERE NOT EXISTS (SELECT FROM longer l
                      WHERE l.device_key = f.device_key AND l.quantity_key = f.quantity_key)
)
UPDATE quality_watch w SET flat_looked_at = %(until)s
FROM due WHERE w.device_key = due.device_key AND w.quantity = due.quantity
-- look for drifts --
-- Where it is known what is usual, the last hours are held against that; else the means against each other. The
-- neighbours are those of the narrowest area, up to the community, in which enough devices measure the same.
WITH RECURSIVE settled AS (
    SELECT w.device_key, w.quantity, w.drift, w.mean, d.area
    FROM quality_watch w JOIN device d ON d.key = w.device_key
    WHERE w.drift IS NOT NULL AND w.beyond IS NULL AND w.mean_since <= %(until)s - %(mean_over_s)s * interval '1 s'
      AND w.came_at > %(until)s - interval '1 hour'
), around AS (
    SELECT device_key, quantity, drift, mean, area, 0 AS depth FROM settled WHERE area IS NOT NULL
    UNION ALL
    SELECT o.device_key, o.quantity, o.drift, o.mean, a.parent, o.depth + 1
    FROM around o JOIN area a ON a.code = o.area JOIN area p ON p.code = a.parent
    WHERE o.depth < 8 AND (p.level IN ('community', 'estate', 'building') OR p.grid IN ('micro', 'exclusive'))
), middle AS (
    SELECT area, quantity, percentile_cont(0.5) WITHIN GROUP (ORDER BY mean) AS median
    FROM around GROUP BY area, quantity HAVING count(*) > %(neighbours)s
), compared AS (
    SELECT DISTINCT ON (o.device_key, o.quantity) o.device_key, o.quantity, o.drift, o.mean, m.median
    FROM around o JOIN middle m USING (area, quantity)
    ORDER BY o.device_key, o.quantity, o.depth
), found AS (
    SELECT c.device_key, q.key AS quantity_key, c.mean
    FROM compared c JOIN quantity q ON q.name = c.quantity
    WHERE abs(c.mean - c.median) > c.drift
    UNION ALL
    SELECT w.device_key, q.key, w.mean
    FROM quality_watch w JOIN quantity q ON q.name = w.quantity
    WHERE w.drift IS NOT NULL AND cardinality(w.beyond) >= %(drift_hours)s AND w.came_at > %(until)s - interval '1 hour'
      AND (SELECT abs(percentile_cont(0.5) WITHIN GROUP (ORDER BY hour)) FROM unnest(w.beyond) AS hour) > w.drift
), longer AS (
    UPDATE doubt d SET until_at = %(until)s, seen_at = %(until)s, value = f.mean
    FROM found f
    WHERE d.device_key = f.device_key AND d.quantity_key = f.quantity_key AND d.flag = 64
      AND d.seen_at > %(until)s - interval '1 hour'
    RETURNING d.device_key, d.quantity_key
)
INSERT INTO doubt (device_key, quantity_key, flag, from_at, until_at, readings, value, seen_at)
SELECT device_key, quantity_key, 64, %(until)s, %(until)s, 1, mean, %(until)s FROM found f
WHERE NOT EXISTS (SELECT FROM longer l
                  WHERE l.device_key = f.device_key AND l.quantity_key = f.quantity_key)
-- to tell --
SELECT d.key AS device_key, d.id AS device, d.scene, x.flag, x.channels, x.observed_at, x.value, x.readings
FROM (SELECT o.device_key, o.flag, array_agg(DISTINCT q.name) AS channels, min(o.from_at) AS observed_at,
             (array_agg(o.value ORDER BY o.seen_at DESC))[1] AS value, sum(o.readings) AS readings
      FROM doubt o JOIN quantity q ON q.key = o.quantity_key
      WHERE o.seen_at > %(until)s - interval '1 hour'
      GROUP BY o.device_key, o.flag) x
JOIN device d ON d.key = x.device_key
WHERE NOT EXISTS (SELECT FROM doubt_told t WHERE t.device_key = x.device_key AND t.flag = x.flag)
  AND x.readings >= (%(few)s::jsonb ->> x.flag::text)::int AND state_now(d) IN ('new', 'active')
ORDER BY d.key, x.flag
-- told --
INSERT INTO doubt_told (device_key, flag, alert_id) VALUES (%(device_key)s, %(flag)s, %(alert_id)s)
-- over --
-- Once readings came for an hour, or half as long as a line must be flat, in which none was found.
DELETE FROM doubt_told t
WHERE NOT EXISTS (
    SELECT FROM doubt o
    JOIN quantity q ON q.key = o.quantity_key
    JOIN quality_watch w ON w.device_key = o.device_key AND w.quantity = q.name
    WHERE o.device_key = t.device_key AND o.flag = t.flag
      AND w.came_at <= o.seen_at + CASE WHEN t.flag = 8 THEN greatest(w.flat_s / 2, 3600) ELSE 3600 END
                                   * interval '1 s')
RETURNING alert_id
