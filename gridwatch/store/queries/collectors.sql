-- try slot --
SELECT pg_try_advisory_lock(7403003, %(slot)s) AS taken
-- give back --
SELECT pg_advisory_unlock(7403003, %(slot)s)
-- look --
SELECT c.slot AS number, c.wanted_at > now() - make_interval(secs => %(wanted_for_s)s) IS TRUE AS wanted,
       NOT EXISTS (
           SELECT FROM pg_locks l
           WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 7403003 AND l.objid = c.slot::oid
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS free
FROM collector c
WHERE c.client_id = %(installation)s || '-' || c.slot
ORDER BY c.slot
-- take --
INSERT INTO collector (client_id, slot, pid, adopted_by)
VALUES (%(client_id)s, %(slot)s, %(pid)s, %(adopted_by)s)
ON CONFLICT (client_id) DO UPDATE
SET pid = excluded.pid, adopted_by = excluded.adopted_by, subscribed = false, wanted_at = NULL,
    started_at = now(), heartbeat_at = now()
-- beat --
UPDATE collector SET heartbeat_at = now(), subscribed = %(subscribed)s WHERE client_id = %(client_id)s
-- leave --
UPDATE collector SET subscribed = false, adopted_by = NULL WHERE client_id = %(client_id)s
-- ask --
UPDATE collector SET wanted_at = now()
WHERE client_id = (
    SELECT client_id FROM collector
    WHERE client_id = %(installation)s || '-' || slot AND adopted_by IS NOT NULL
      AND slot = coalesce(%(slot)s, slot)
      AND (wanted_at > now() - make_interval(secs => %(wanted_for_s)s)) IS NOT TRUE
    ORDER BY slot LIMIT 1)
-- joining --
SELECT joined, token,
       (SELECT count(*) FROM collector b
        WHERE b.client_id = %(installation)s || '-' || b.slot AND b.slot < c.slot AND b.joined) = c.slot AS may_join,
       EXISTS (SELECT FROM collector b JOIN share s ON starts_with(s.client_id, b.client_id || '-')
               WHERE b.client_id = %(installation)s || '-' || b.slot AND s.shares <= c.slot) AS behind
FROM collector c WHERE c.client_id = %(installation)s || '-' || %(slot)s::integer
-- join --
UPDATE collector SET joined = true WHERE client_id = %(installation)s || '-' || %(slot)s::integer
-- shares --
INSERT INTO share (client_id, shares) VALUES (%(client_id)s, %(shares)s)
ON CONFLICT (client_id) DO UPDATE SET shares = share.shares
RETURNING shares
-- pass marker --
UPDATE share SET shares = greatest(shares, joining.slot + 1)
FROM collector joining
WHERE share.client_id = %(client_id)s AND joining.token = %(token)s
RETURNING shares
-- figures --
UPDATE collector SET figures = %(figures)s WHERE client_id = %(client_id)s
