-- try slot --
SELECT pg_try_advisory_lock(7403003, %(slot)s) AS taken
-- beat --
INSERT INTO collector (client_id, pid, subscribed) VALUES (%(client_id)s, %(pid)s, %(subscribed)s)
ON CONFLICT (client_id) DO UPDATE
SET heartbeat_at = now(), subscribed = excluded.subscribed, pid = excluded.pid,
    started_at = CASE WHEN collector.pid = excluded.pid THEN collector.started_at ELSE now() END
-- leave --
DELETE FROM collector WHERE client_id = %(client_id)s
-- figures --
UPDATE collector SET figures = %(figures)s WHERE client_id = %(client_id)s
