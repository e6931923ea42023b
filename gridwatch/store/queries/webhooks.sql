-- put --
INSERT INTO webhook (name, sealed, shown, form, area, drills)
VALUES (%(name)s, %(sealed)s, %(shown)s, %(form)s, %(area)s, %(drills)s)
ON CONFLICT (name) DO UPDATE
SET sealed = excluded.sealed, shown = excluded.shown, form = excluded.form, area = excluded.area,
    drills = excluded.drills, changed_at = now(), failing_since = NULL, failures = 0, retry_at = NULL, last_error = ''
-- told --
SELECT shown, form, area, drills, changed_at::text AS given FROM webhook WHERE name = %(name)s
-- delete --
DELETE FROM webhook WHERE name = %(name)s
-- area --
SELECT FROM area WHERE code = %(area)s
-- list --
SELECT w.name, w.shown, w.form, w.area, w.drills, w.changed_at, w.failing_since, w.last_error,
       count(m.key) FILTER (WHERE m.state = 'waiting') AS waiting, count(m.key) FILTER (WHERE m.state = 'dead') AS dead
FROM webhook w LEFT JOIN webhook_message m ON m.webhook = w.name AND m.state IN ('waiting', 'dead')
GROUP BY w.name
ORDER BY w.name
-- address --
SELECT sealed FROM webhook WHERE name = %(name)s
-- to send --
-- Of findings that join an alert the last tells all: the ones before it need not go.
SELECT m.key, m.seq, m.alert_id, w.name, w.sealed, w.form, w.area, w.retry_at,
       coalesce(m.replayed_at, c.changed_at) AS since,
       c.change = 'merge' AND EXISTS (
           SELECT FROM webhook_message later
           WHERE later.webhook = m.webhook AND later.alert_id = m.alert_id AND later.seq > m.seq
             AND later.state = 'waiting') AS superseded
FROM webhook_message m JOIN webhook w ON w.name = m.webhook JOIN alert_change c ON c.seq = m.seq
WHERE m.key = %(key)s AND m.state = 'waiting'
-- settle --
UPDATE webhook_message
SET state = %(state)s, settled_at = now(), why = %(why)s, attempts = attempts + %(attempts)s
WHERE key = %(key)s
-- note failure --
UPDATE webhook_message SET attempts = attempts + 1, why = %(why)s WHERE key = %(key)s
-- webhook works --
UPDATE webhook SET failing_since = NULL, failures = 0, retry_at = NULL, last_error = ''
WHERE name = %(name)s AND failing_since IS NOT NULL
-- webhook fails --
UPDATE webhook
SET failing_since = coalesce(failing_since, now()), failures = failures + 1, last_error = %(why)s,
    retry_at = greatest(now() + least(power(2, least(failures + 1, 20)), %(longest_s)s) * interval '1 second',
                        now() + %(after_s)s * interval '1 second')
WHERE name = %(name)s
RETURNING retry_at
-- dead --
SELECT m.key, m.seq, m.alert_id AS alert, c.change, c.changed_at, m.attempts, m.settled_at, m.why
FROM webhook_message m JOIN alert_change c ON c.seq = m.seq
WHERE m.webhook = %(name)s AND m.state = 'dead'
ORDER BY m.seq DESC LIMIT %(limit)s
-- exists --
SELECT FROM webhook WHERE name = %(name)s
-- replay --
UPDATE webhook_message SET state = 'waiting', settled_at = NULL, attempts = 0, replayed_at = now()
WHERE key IN (
    SELECT key FROM webhook_message
    WHERE webhook = %(name)s AND state = 'dead' AND (%(keys)s::bigint[] IS NULL OR key = ANY(%(keys)s))
    ORDER BY seq LIMIT %(limit)s)
RETURNING key
-- try at once --
UPDATE webhook SET retry_at = NULL WHERE name = %(name)s
-- discard --
DELETE FROM webhook_message WHERE webhook = %(name)s AND state = 'dead'
