-- before --
SELECT version, uptime_s, kept, dropped, seen_at FROM broker FOR UPDATE
-- see --
INSERT INTO broker (version, uptime_s, kept, dropped, seen_at)
VALUES (%(version)s, %(uptime_s)s, %(kept)s, %(dropped)s, %(seen_at)s)
ON CONFLICT (only_one) DO UPDATE
SET version = excluded.version, uptime_s = excluded.uptime_s, kept = excluded.kept, dropped = excluded.dropped,
    seen_at = excluded.seen_at
-- count on --
UPDATE broker_incident SET count = count + %(count)s
WHERE id = (SELECT id FROM broker_incident
            WHERE what = %(what)s AND detail = %(detail)s AND at > %(at)s - interval '1 hour'
            ORDER BY id DESC LIMIT 1)
-- incident --
INSERT INTO broker_incident (at, what, count, detail) VALUES (%(at)s, %(what)s, %(count)s, %(detail)s)
-- seen --
SELECT version, uptime_s, kept, dropped, seen_at FROM broker
-- incidents --
SELECT at, what, count, detail FROM broker_incident
WHERE at > now() - %(within)s::interval ORDER BY id DESC
