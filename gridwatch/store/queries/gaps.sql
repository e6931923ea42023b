-- totals --
SELECT count(*) AS gaps, coalesce(sum(missing), 0)::bigint AS missing FROM gap WHERE closed_at IS NULL
-- open --
SELECT d.id AS device, g.first_seq AS first, g.last_seq AS last, g.missing, g.after_at, g.before_at, g.found_at
FROM gap g JOIN device d ON d.key = g.device_key
WHERE g.closed_at IS NULL AND (%(device)s::text IS NULL OR d.id = %(device)s)
ORDER BY d.id, g.first_seq
LIMIT %(limit)s
-- expected --
SELECT device_key, next_seq, observed_at FROM sequence WHERE device_key = ANY(%(device_keys)s::integer[])
-- keep --
INSERT INTO sequence (device_key, next_seq, observed_at)
SELECT * FROM unnest(%(device_keys)s::integer[], %(next_seqs)s::numeric[], %(observed_ats)s::timestamptz[])
    AS t (device_key, next_seq, observed_at)
WHERE next_seq < 9223372036854775807
ON CONFLICT (device_key) DO UPDATE SET next_seq = excluded.next_seq, observed_at = excluded.observed_at
-- around --
SELECT s.number, g.id
FROM unnest(%(device_keys)s::integer[], %(firsts)s::bigint[], %(lasts)s::bigint[], %(begans)s::timestamptz[],
            %(endeds)s::timestamptz[]) WITH ORDINALITY AS s (device_key, first, last, began, ended, number)
JOIN gap g ON g.closed_at IS NULL AND g.device_key = s.device_key
          AND g.first_seq <= s.last AND g.last_seq >= s.first
          AND g.after_at <= greatest(s.began, s.ended) AND g.before_at >= least(s.began, s.ended)
-- find missing --
INSERT INTO gap (device_key, first_seq, last_seq, after_at, before_at, missing)
SELECT device_key, first_seq, last_seq, least(after_at, before_at), greatest(after_at, before_at), missing
FROM unnest(%(device_keys)s::integer[], %(firsts)s::bigint[], %(lasts)s::bigint[], %(afters)s::timestamptz[],
            %(befores)s::timestamptz[]) AS s (device_key, first_seq, last_seq, after_at, before_at)
JOIN (SELECT key FROM unnest(%(device_keys)s::integer[]) AS key
      WHERE (SELECT count(*) FROM gap WHERE closed_at IS NULL AND device_key = key) < %(most)s
      GROUP BY key) AS countable ON countable.key = s.device_key
CROSS JOIN LATERAL (
    SELECT last_seq - first_seq + 1 - count(DISTINCT o.seq) AS missing
    FROM (SELECT DISTINCT observed_at FROM readings r
          WHERE r.device_key = s.device_key
            AND r.observed_at BETWEEN least(after_at, before_at) AND greatest(after_at, before_at)) r
    JOIN observation o ON o.observed_at = r.observed_at AND o.device_key = s.device_key
                      AND o.ring = mod(floor(extract(epoch FROM r.observed_at) / 86400)::bigint, 32)::smallint
                      AND o.seq BETWEEN first_seq AND last_seq) AS m
WHERE missing > 0
-- look again --
WITH seen AS (
    SELECT g.id, g.last_seq - g.first_seq + 1 - m.came AS missing
    FROM gap g
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT o.seq) AS came
        FROM (SELECT DISTINCT observed_at FROM readings r
              WHERE r.device_key = g.device_key AND r.observed_at BETWEEN g.after_at AND g.before_at) r
        JOIN observation o ON o.observed_at = r.observed_at AND o.device_key = g.device_key
                          AND o.ring = mod(floor(extract(epoch FROM r.observed_at) / 86400)::bigint, 32)::smallint
                          AND o.seq BETWEEN g.first_seq AND g.last_seq) AS m
    WHERE g.id = ANY(%(ids)s::bigint[])
)
UPDATE gap SET missing = seen.missing, closed_at = CASE WHEN seen.missing = 0 THEN now() END
FROM seen WHERE gap.id = seen.id
