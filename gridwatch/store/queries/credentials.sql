-- device --
SELECT key FROM device WHERE id = %(device)s FOR UPDATE
-- end ended --
UPDATE credential SET revoked_at = ends_at WHERE device_key = %(key)s AND revoked_at IS NULL AND ends_at <= now()
-- in use --
SELECT username FROM credential WHERE revoked_at IS NULL AND device_key = %(key)s
-- replace --
UPDATE credential
SET revoked_at = CASE WHEN ends_at IS NOT NULL OR %(overlap)s::interval <= interval '0' THEN now() END,
    ends_at = least(ends_at, now() + %(overlap)s::interval)
WHERE device_key = %(key)s AND revoked_at IS NULL AND hash IS NOT NULL
-- add --
INSERT INTO credential (device_key, username, hash, lookup, serial, issued_by, ends_at)
VALUES (%(key)s, %(username)s, %(hash)s, %(lookup)s, %(serial)s, %(actor)s, %(ends_at)s)
RETURNING issued_at
-- revoke --
UPDATE credential c SET revoked_at = now()
FROM device d
WHERE d.key = c.device_key AND d.id = %(device)s AND c.revoked_at IS NULL
  AND (%(username)s::text IS NULL OR c.username = %(username)s)
RETURNING c.username
-- list --
SELECT d.id AS device, c.username, c.hash IS NULL AS certificate, c.serial, c.issued_at, c.issued_by, c.ends_at,
       c.revoked_at
FROM credential c JOIN device d ON d.key = c.device_key
WHERE (%(device)s::text IS NULL OR d.id = %(device)s)
  AND (%(all)s OR (c.revoked_at IS NULL AND (c.ends_at IS NULL OR c.ends_at > now())))
ORDER BY d.id, c.id
-- verify --
SELECT d.id AS device, c.hash, ARRAY(SELECT o.id FROM device o WHERE o.gateway = d.id) AS others
FROM credential c JOIN device d ON d.key = c.device_key
WHERE c.revoked_at IS NULL AND d.state <> 'retired' AND (c.ends_at IS NULL OR c.ends_at > now())
  AND (c.username = %(username)s OR c.lookup = %(lookup)s)
-- broker users --
SELECT c.username, d.id AS device, c.hash, c.ends_at,
       ARRAY(SELECT o.id FROM device o WHERE o.gateway = d.id AND o.state <> 'retired' ORDER BY o.id) AS others,
       ARRAY(SELECT topic FROM foreign_topic t WHERE t.device_key = d.key ORDER BY topic) AS topics
FROM credential c JOIN device d ON d.key = c.device_key
WHERE c.revoked_at IS NULL AND d.state <> 'retired' AND (c.ends_at IS NULL OR c.ends_at > now())
ORDER BY c.username
-- end all ended --
UPDATE credential SET revoked_at = ends_at WHERE revoked_at IS NULL AND ends_at <= now()
-- received --
SELECT d.key, d.id, sum(n.count)::bigint AS received
FROM (SELECT device_key, count FROM book_page WHERE kind = 0
      UNION ALL
      SELECT t.device_key, t.count
      FROM book_entry e, unnest(e.device_keys, e.kinds, e.counts) AS t (device_key, kind, count)
      WHERE t.kind = 0) AS n
JOIN device d ON d.key = n.device_key
GROUP BY d.key, d.id
-- revoked serials --
SELECT serial FROM revoked_certificate ORDER BY serial
-- forget topics --
DELETE FROM foreign_topic WHERE device_key = %(key)s
-- add topic --
INSERT INTO foreign_topic (device_key, topic) VALUES (%(key)s, %(topic)s) ON CONFLICT DO NOTHING
-- log --
INSERT INTO access_log (actor, action, device, detail) VALUES (%(actor)s, %(action)s, %(device)s, %(detail)s)
