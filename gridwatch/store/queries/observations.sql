-- claim --
-- Says which are new only where some are not.
WITH sent AS (
    SELECT * FROM unnest(%(device_keys)s::integer[], %(observed_ats)s::timestamptz[], %(seqs)s::bigint[],
                         %(rings)s::smallint[]) AS t (device_key, observed_at, seq, ring)
), claimed AS (
    INSERT INTO observation (device_key, observed_at, seq, ring) SELECT * FROM sent
    ON CONFLICT DO NOTHING
    RETURNING device_key, observed_at, seq
), counted AS (
    SELECT count(*) AS count FROM claimed
)
SELECT count, CASE WHEN count BETWEEN 1 AND %(count)s - 1 THEN (
    SELECT array_agg(s.number - 1)
    FROM unnest(%(device_keys)s::integer[], %(observed_ats)s::timestamptz[], %(seqs)s::bigint[])
         WITH ORDINALITY AS s (device_key, observed_at, seq, number)
    JOIN claimed USING (device_key, observed_at, seq)) END AS claimed
FROM counted
-- stored long ago --
SELECT number
FROM unnest(%(device_keys)s::integer[], %(observed_ats)s::timestamptz[])
     WITH ORDINALITY AS s (device_key, observed_at, number)
-- One by one through the index: joined at once, all readings there are would be gone through.
CROSS JOIN LATERAL (
    SELECT FROM readings r WHERE r.device_key = s.device_key AND r.observed_at = s.observed_at LIMIT 1) AS r
-- quantities --
-- Only those that are missing: each conflict would use up a key.
INSERT INTO quantity (name)
SELECT name FROM unnest(%(names)s::text[]) AS name
WHERE name NOT IN (SELECT name FROM quantity) AND (SELECT count(*) FROM quantity) < %(most)s
ON CONFLICT DO NOTHING
-- quantity keys --
SELECT name, key FROM quantity WHERE name = ANY(%(names)s)
-- copy messages --
COPY message_readings (device_key, flags, observed_at, delay_ms, quantity_keys, numbers) FROM STDIN (FORMAT binary)
-- copy readings --
COPY reading (device_key, quantity_key, flags, observed_at, scaled, delay_ms, divisor) FROM STDIN (FORMAT binary)
-- recent --
SELECT d.id AS device, r.observed_at,
       coalesce((SELECT max(o.seq) FROM observation o
                 WHERE o.observed_at = r.observed_at AND o.device_key = d.key
                   AND o.ring = mod(floor(extract(epoch FROM r.observed_at) / 86400)::bigint, 32)::smallint),
                -1) AS seq,
       jsonb_object_agg(q.name, r.scaled / r.divisor) AS values
FROM unnest(%(device_keys)s::integer[]) AS wanted (key)
JOIN device d ON d.key = wanted.key
CROSS JOIN LATERAL newest_readings(d.key, '-infinity', %(each)s) r
JOIN quantity q ON q.key = r.quantity_key
GROUP BY d.key, d.id, r.observed_at
ORDER BY d.key, r.observed_at
-- of ring --
SELECT ring FROM observation WHERE ring = %(ring)s LIMIT 1
