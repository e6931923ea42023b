-- services --
SELECT name, kind, sealed, changed_at, failing_since, bad_credential, last_error FROM service ORDER BY name
-- service --
SELECT name, kind, sealed, changed_at, failing_since, bad_credential, last_error FROM service
WHERE name = %(name)s
-- told service --
SELECT kind, changed_at::text AS given,
       (SELECT count(*) FROM channel c WHERE c.service = name AND c.removed_at IS NULL) AS ways
FROM service WHERE name = %(name)s
-- put service --
INSERT INTO service (name, kind, sealed) VALUES (%(name)s, %(kind)s, %(sealed)s)
ON CONFLICT (name) DO UPDATE
SET kind = excluded.kind, sealed = excluded.sealed, changed_at = now(), failing_since = NULL,
    bad_credential = false, last_error = ''
-- delete service --
DELETE FROM service WHERE name = %(name)s
-- service works --
UPDATE service SET failing_since = NULL, bad_credential = false, last_error = ''
WHERE name = %(name)s AND (failing_since IS NOT NULL OR bad_credential)
-- service fails --
UPDATE service
SET failing_since = coalesce(failing_since, now()), bad_credential = %(bad_credential)s, last_error = %(error)s
WHERE name = %(name)s
-- channels --
SELECT c.key, p.code AS person, p.name, c.position, c.service, s.kind, c.sealed, c.quiet_from, c.quiet_to
FROM channel c JOIN person p ON p.key = c.person_key JOIN service s ON s.name = c.service
WHERE c.removed_at IS NULL
ORDER BY p.code, c.position
-- ways --
SELECT c.key, c.position, c.service, s.kind, c.sealed, c.address_mark, c.quiet_from, c.quiet_to
FROM channel c JOIN service s ON s.name = c.service
WHERE c.person_key = %(person_key)s AND c.removed_at IS NULL
ORDER BY c.position
-- lock channels --
LOCK TABLE channel IN SHARE ROW EXCLUSIVE MODE
-- remove channels --
UPDATE channel SET removed_at = now() WHERE removed_at IS NULL AND key <> ALL(%(kept)s)
-- add channel --
INSERT INTO channel (person_key, position, service, sealed, address_mark, quiet_from, quiet_to)
SELECT p.key, %(position)s, %(service)s, %(sealed)s, %(address_mark)s, %(quiet_from)s, %(quiet_to)s
FROM person p WHERE p.code = %(person)s
-- known people --
SELECT code FROM person WHERE code = ANY(%(codes)s)
-- owner --
SELECT DISTINCT c.person_key, p.username FROM channel c JOIN person p ON p.key = c.person_key
WHERE c.service = %(service)s AND c.address_mark = %(address_mark)s AND c.removed_at IS NULL
