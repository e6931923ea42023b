-- next seq --
INSERT INTO command_seq (device_key, last_seq) VALUES (%(device_key)s, 1)
ON CONFLICT (device_key) DO UPDATE SET last_seq = command_seq.last_seq + 1
RETURNING last_seq AS seq
-- add --
INSERT INTO command (device_key, seq, action, params, qos, created_by, expires_at)
VALUES (%(device_key)s, %(seq)s, %(action)s, %(params)s, %(qos)s, %(actor)s, clock_timestamp() + %(ttl)s)
RETURNING id
-- end holds --
WITH ended AS (
    UPDATE command SET state = 'expired', expires_at = least(expires_at, clock_timestamp())
    WHERE device_key = %(device_key)s AND action = 'hold_open' AND state IN ('waiting', 'sent') AND seq < %(seq)s
    RETURNING id)
INSERT INTO command_change (command_id, change, detail)
SELECT id, 'expired', 'number ' || %(seq)s::text || ' took its place' FROM ended
-- note --
INSERT INTO command_change (command_id, change, actor, detail)
VALUES (%(id)s, %(change)s, %(actor)s, %(detail)s)
-- tell --
SELECT pg_notify('gridwatch_command', '')
-- last lift word --
SELECT observed_at, door, moving, door_zone, mode, now() - heard_at AS age FROM lift_word
WHERE device_key = %(device_key)s
-- list --
SELECT c.id, d.id AS device, c.seq, c.action, c.params, c.created_at, c.created_by, c.expires_at, c.attempts,
       c.sent_at, c.answered_at, c.detail, c.late,
       CASE WHEN c.state IN ('waiting', 'sent') AND c.expires_at <= now() THEN 'expired' ELSE c.state END AS state
FROM command c JOIN device d ON d.key = c.device_key
WHERE (%(device)s::text IS NULL OR d.id = %(device)s)
  AND (%(id)s::text IS NULL OR c.id = %(id)s)
  AND (%(before)s::bigint IS NULL OR c.seq < %(before)s)
ORDER BY c.seq DESC
LIMIT %(limit)s
-- changes --
SELECT changed_at, change, actor, detail FROM command_change WHERE command_id = %(id)s ORDER BY id
-- open --
SELECT c.device_key, bool_or(d.online IS FALSE) AS offline
FROM command c JOIN device d ON d.key = c.device_key
WHERE c.state IN ('waiting', 'sent')
GROUP BY c.device_key
-- expire --
WITH over AS (
    SELECT id FROM command WHERE state IN ('waiting', 'sent') AND expires_at <= now() FOR UPDATE SKIP LOCKED),
expired AS (UPDATE command c SET state = 'expired' FROM over WHERE c.id = over.id RETURNING c.id)
INSERT INTO command_change (command_id, change) SELECT id, 'expired' FROM expired
-- heard --
UPDATE command SET due_at = now(), heard_at = now()
WHERE device_key = ANY(%(keys)s) AND state IN ('waiting', 'sent')
-- due --
-- Whoever takes one has it alone until it is due again. A hold is sent once: who wants more asks again, and no
-- jump of the clock brings an old one back.
WITH due AS (
    SELECT c.id FROM command c JOIN device d ON d.key = c.device_key
    WHERE c.state IN ('waiting', 'sent') AND c.due_at <= now() AND c.expires_at > now()
      AND (d.online IS NOT FALSE OR c.heard_at > d.online_since)
      AND (c.action <> 'hold_open' OR (c.attempts = 0 AND c.created_at <= clock_timestamp()))
    ORDER BY c.due_at
    LIMIT %(limit)s
    FOR UPDATE OF c SKIP LOCKED)
UPDATE command c
SET attempts = c.attempts + 1,
    due_at = now() + least(%(first_s)s * power(2, least(c.attempts, 20)), %(last_s)s) * interval '1 second'
FROM due, device d
WHERE c.id = due.id AND d.key = c.device_key
RETURNING c.id, d.id AS device, c.seq, c.action, c.params, c.qos, c.expires_at, c.attempts,
          extract(epoch FROM c.expires_at - clock_timestamp())::double precision AS left_s
-- sent --
WITH told AS (
    INSERT INTO command_change (command_id, change, detail)
    SELECT id, 'sent', 'QoS ' || qos FROM unnest(%(ids)s::text[], %(qos)s::smallint[]) AS t (id, qos)
    WHERE EXISTS (SELECT FROM command WHERE command.id = t.id))
UPDATE command
SET sent_at = now(), state = CASE WHEN state = 'waiting' THEN 'sent' ELSE state END
WHERE id = ANY(%(ids)s)
-- not sent --
WITH told AS (
    INSERT INTO command_change (command_id, change, detail)
    SELECT id, 'not_sent', %(detail)s FROM command WHERE id = ANY(%(ids)s))
UPDATE command SET due_at = now() + interval '1 second' WHERE id = ANY(%(ids)s)
