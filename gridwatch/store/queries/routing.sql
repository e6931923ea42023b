-- case --
SELECT a.id, a.severity, a.scene, a.state, a.area, a.called, a.turn, a.rounds, a.seen_at, a.due_at, a.drill, a.tester,
       a.simulated, a.resolved_by IS NOT NULL AS by_person, a.label, a.outage,
       CASE WHEN a.area = d.area THEN a.lon END AS lon, CASE WHEN a.area = d.area THEN a.lat END AS lat, d.id AS device, d.gateway,
       p.key AS assignee_key, p.code AS assignee_code, p.name AS assignee_name, p.language AS assignee_language,
       coalesce((SELECT array_agg(DISTINCT c.person_key) FROM call c
                 WHERE c.alert_id = a.id AND c.answer = 'return' AND c.person_key IS NOT NULL), '{}') AS declined
FROM alert a
JOIN device d ON d.key = a.device_key
LEFT JOIN person p ON p.key = a.assignee_key
WHERE a.id = %(id)s
FOR UPDATE OF a
-- muted --
-- The one that lasts longest of those that cover the alert now.
SELECT m.id, m.kind, m.reason, m.ends_at FROM mute m
WHERE m.lifted_at IS NULL AND m.starts_at <= %(now)s AND m.ends_at > %(now)s
  AND (m.scene IS NULL OR m.scene = %(scene)s) AND (m.device IS NULL OR m.device = %(device)s)
  AND (m.area IS NULL OR m.area IN (
        WITH RECURSIVE above AS (
            SELECT code, parent FROM area WHERE code = %(area)s
            UNION SELECT parent.code, parent.parent FROM area parent JOIN above ON parent.code = above.parent)
        SELECT code FROM above))
ORDER BY m.ends_at DESC LIMIT 1
-- part of --
-- A live outage of the device's gateway, of an area that it is in, or of everything, when the alert itself says
-- no more than that a device is not well.
SELECT o.id FROM alert o
WHERE NOT o.ended AND o.id <> %(id)s AND NOT o.drill AND o.simulated = %(simulated)s
  AND (o.outage ->> 'scope' = 'gateway' AND o.outage ->> 'name' = %(gateway)s
       OR o.outage ->> 'scope' = 'everything'
       OR o.outage ->> 'scope' = 'area' AND o.outage ->> 'name' IN (
            WITH RECURSIVE above AS (
                SELECT code, parent FROM area WHERE code = %(area)s
                UNION SELECT parent.code, parent.parent FROM area parent JOIN above ON parent.code = above.parent)
            SELECT code FROM above))
ORDER BY o.id LIMIT 1
-- call --
INSERT INTO call (alert_id, person_key, step, why, urgent)
VALUES (%(alert_id)s, %(person)s, %(step)s, %(why)s, %(urgent)s)
ON CONFLICT DO NOTHING
RETURNING key
-- advance --
UPDATE alert
SET called = called || %(called)s::text[], level = coalesce(%(level)s, level), turn = turn + %(turns)s,
    rounds = %(rounds)s, due_at = %(due_at)s
WHERE id = %(id)s
-- close unseen --
UPDATE alert SET state = 'closed', state_since = now(), closed_at = now() WHERE id = %(id)s
-- anew --
-- Deadlines of a state begin with it.
UPDATE alert SET rounds = 0, due_at = CASE WHEN %(keeps)s THEN due_at END WHERE id = %(id)s
-- answered --
UPDATE call SET answered_at = now(), answer = %(action)s
WHERE alert_id = %(id)s AND person_key = %(person)s AND answered_at IS NULL
-- end calls --
UPDATE call SET ended_at = now()
WHERE alert_id = %(id)s AND ended_at IS NULL
-- due --
SELECT due_at FROM alert WHERE id = %(id)s AND due_at = %(due_at)s FOR UPDATE
-- overdue --
SELECT id, due_at FROM alert WHERE due_at < %(before)s ORDER BY due_at LIMIT 100
-- claim job --
INSERT INTO routed (job_id) VALUES (%(job)s) ON CONFLICT DO NOTHING
-- forget jobs --
DELETE FROM routed WHERE routed_at < now() - interval '1 day'
-- device --
SELECT d.id AS device, d.area, d.lon, d.lat, d.scene, d.simulated, CASE WHEN state_now(d) = 'test' THEN d.state_by ELSE '' END AS tester,
       state_now(d) = 'test' AS drill
FROM device d
WHERE d.id = %(device)s AND ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area))
