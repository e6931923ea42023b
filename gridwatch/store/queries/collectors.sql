-- try slot --
SELECT pg_try_advisory_lock(7403003, %(slot)s) AS taken
-- beat --
INSERT INTO collector (client_id, subscribed) VALUES (%(client_id)s, %(subscribed)s)
ON CONFLICT (client_id) DO UPDATE SET heartbeat_at = now(), subscribed = excluded.subscribed
-- leave --
DELETE FROM collector WHERE client_id = %(client_id)s
