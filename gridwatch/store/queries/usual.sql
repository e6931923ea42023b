-- lock --
SELECT pg_advisory_xact_lock(7403062)
-- learned --
SELECT at FROM usual_learned
-- went on --
INSERT INTO usual_learned (at) VALUES (%(at)s) ON CONFLICT (one) DO UPDATE SET at = excluded.at
-- hour --
-- Of each channel that was heard in the hour: its readings' number, mean and variance, and its slot so far. What a
-- clock that ran ahead stamped, and hours in which readings are in doubt, teach nothing.
SELECT d.key AS device_key, r.quantity_key, r.readings, r.mean, r.variance, coalesce(u.days, 0) AS days,
       coalesce(u.mean, 0) AS usual_mean, coalesce(u.within, 0) AS within, coalesce(u.between_days, 0) AS between_days
FROM device d
CROSS JOIN LATERAL (
    SELECT quantity_key, count(*) AS readings, avg(scaled / divisor) AS mean,
           coalesce(var_samp(scaled / divisor), 0) AS variance
    FROM readings
    WHERE device_key = d.key AND observed_at >= %(from)s AND observed_at < %(until)s AND flags & 1 = 0
      AND quantity_key IN (SELECT key FROM quantity WHERE name = ANY(%(names)s))
    GROUP BY quantity_key) r
LEFT JOIN usual u ON u.device_key = d.key AND u.quantity_key = r.quantity_key AND u.hour = %(hour)s
WHERE NOT EXISTS (SELECT FROM doubt o
                  WHERE o.device_key = d.key AND o.quantity_key = r.quantity_key AND o.flag <> 64
                    AND o.until_at >= %(from)s AND o.from_at < %(until)s)
ORDER BY d.key, r.quantity_key
-- write --
INSERT INTO usual (device_key, quantity_key, hour, days, mean, within, between_days)
SELECT device_key, quantity_key, %(hour)s, days, mean, within, between_days
FROM unnest(%(device_keys)s::integer[], %(quantity_keys)s::smallint[], %(days)s::float8[], %(means)s::float8[],
            %(withins)s::float8[], %(betweens)s::float8[])
     AS n (device_key, quantity_key, days, mean, within, between_days)
WHERE EXISTS (SELECT FROM device d WHERE d.key = n.device_key)
ON CONFLICT (device_key, hour, quantity_key) DO UPDATE
SET days = excluded.days, mean = excluded.mean, within = excluded.within, between_days = excluded.between_days
-- beyond --
-- Of channels with a limit for drift: what an hour lay above the usual, less the median of the neighbours'.
WITH RECURSIVE hour AS (
    SELECT w.device_key, w.quantity, n.beyond, d.area
    FROM unnest(%(device_keys)s::integer[], %(quantity_keys)s::smallint[], %(beyonds)s::float8[])
         AS n (device_key, quantity_key, beyond)
    JOIN quantity q ON q.key = n.quantity_key
    JOIN quality_watch w ON w.device_key = n.device_key AND w.quantity = q.name
    JOIN device d ON d.key = w.device_key
    WHERE w.drift IS NOT NULL AND d.area IS NOT NULL
), around AS (
    SELECT device_key, quantity, beyond, area, 0 AS depth FROM hour
    UNION ALL
    SELECT o.device_key, o.quantity, o.beyond, a.parent, o.depth + 1
    FROM around o JOIN area a ON a.code = o.area JOIN area p ON p.code = a.parent
    WHERE o.depth < 8 AND (p.level IN ('community', 'estate', 'building') OR p.grid IN ('micro', 'exclusive'))
), middle AS (
    SELECT area, quantity, percentile_cont(0.5) WITHIN GROUP (ORDER BY beyond) AS median
    FROM around GROUP BY area, quantity HAVING count(*) > %(neighbours)s
), compared AS (
    SELECT DISTINCT ON (o.device_key, o.quantity) o.device_key, o.quantity, o.beyond - m.median AS beyond
    FROM around o JOIN middle m USING (area, quantity)
    ORDER BY o.device_key, o.quantity, o.depth
)
UPDATE quality_watch w
SET beyond = (c.beyond::real || w.beyond)[1:%(drift_hours)s]
FROM compared c
WHERE w.device_key = c.device_key AND w.quantity = c.quantity
-- of hour --
-- What is usual in the middle of an hour and of the next, where both were seen on enough days.
SELECT d.id AS device, q.name AS quantity, u.mean, n.mean AS next_mean, sqrt(u.within + %(between_counts)s * u.between_days) AS spread
FROM usual u
JOIN usual n ON n.device_key = u.device_key AND n.quantity_key = u.quantity_key AND n.hour = %(next_hour)s
JOIN device d ON d.key = u.device_key
JOIN quantity q ON q.key = u.quantity_key
WHERE u.device_key = ANY(%(device_keys)s) AND u.hour = %(hour)s AND least(u.days, n.days) >= %(least_days)s
  AND q.name = ANY(%(names)s)
-- save sums --
INSERT INTO fire_sum (device_key, quantity_key, observed_at, sum, today)
SELECT d.key, q.key, s.observed_at, s.sum, s.today
FROM unnest(%(devices)s::text[], %(quantities)s::text[], %(observed_ats)s::timestamptz[], %(sums)s::float8[],
            %(todays)s::float8[]) AS s (device, quantity, observed_at, sum, today)
JOIN device d ON d.id = s.device
JOIN quantity q ON q.name = s.quantity
ON CONFLICT (device_key, quantity_key) DO UPDATE
SET observed_at = excluded.observed_at, sum = excluded.sum, today = excluded.today
-- forget sums --
DELETE FROM fire_sum f
USING device d, quantity q
WHERE d.key = f.device_key AND q.key = f.quantity_key
  AND (d.id, q.name) IN (SELECT * FROM unnest(%(devices)s::text[], %(quantities)s::text[]))
-- sums --
SELECT d.id AS device, q.name AS quantity, extract(epoch FROM f.observed_at)::float8 AS at_s, f.sum, f.today
FROM fire_sum f
JOIN device d ON d.key = f.device_key
JOIN quantity q ON q.key = f.quantity_key
WHERE f.device_key = ANY(%(device_keys)s)
