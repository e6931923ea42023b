-- totals --
SELECT count(*) AS gaps, coalesce(sum(missing), 0)::bigint AS missing FROM gap WHERE closed_at IS NULL
-- open --
SELECT d.id AS device, g.first_seq AS first, g.last_seq AS last, g.missing, g.after_at, g.before_at, g.found_at
FROM gap g JOIN device d ON d.key = g.device_key
WHERE g.closed_at IS NULL AND (%(device)s::text IS NULL OR d.id = %(device)s)
ORDER BY d.id, g.first_seq
LIMIT %(limit)s
