-- posts --
-- path: codes of areas. People of the posts there come with whoever stands in for their leave, and so on.
SELECT person_key AS person, area, rank, scenes FROM responsibility WHERE area = ANY(%(path)s)
-- workers --
-- Leave that was over by then is no matter, and neither is that which begins later.
WITH RECURSIVE wanted AS (
    SELECT unnest(%(keys)s::integer[]) AS key
    UNION SELECT l.stand_in_key FROM leave l JOIN wanted w ON w.key = l.person_key
    WHERE l.stand_in_key IS NOT NULL AND l.starts_at <= %(until)s AND l.ends_at > %(since)s)
SELECT p.key, p.code, p.name, p.language,
    coalesce((SELECT array_agg(to_jsonb(s)) FROM shift s WHERE s.person_key = p.key), '{}') AS shifts,
    coalesce((SELECT array_agg(to_jsonb(l)) FROM leave l WHERE l.person_key = p.key
              AND l.starts_at <= %(until)s AND l.ends_at > %(since)s), '{}') AS leaves
FROM person p JOIN wanted w USING (key)
ORDER BY p.code
-- administrators --
SELECT p.key FROM person p JOIN account a USING (username) WHERE a.role = 'administrator' ORDER BY p.code
-- path --
-- The widest first, without the polygons: a ladder is asked for with every alert.
WITH RECURSIVE above AS (
    SELECT area.*, 0 AS step FROM area WHERE code = %(code)s
    UNION ALL SELECT parent.*, step + 1 FROM area parent JOIN above ON parent.code = above.parent)
SELECT code, parent, level, grid, name, NULL AS boundary, simulated FROM above ORDER BY step DESC
-- grids beside --
-- Micro grids that hang on the same area as a place, or on one above it.
SELECT code, parent, level, grid, name, boundary, simulated FROM area
WHERE grid = 'micro' AND parent = ANY(%(path)s) AND boundary IS NOT NULL AND simulated = %(simulated)s
-- ground --
SELECT boundary FROM area WHERE code = %(code)s AND boundary IS NOT NULL
-- lock --
-- One import at a time: what a file was held against must still be so when it is written.
SELECT pg_advisory_xact_lock(7403081)
-- around --
SELECT ARRAY(SELECT code FROM person) AS codes, ARRAY(SELECT code FROM area) AS areas,
       ARRAY(SELECT username FROM account) AS usernames,
       (SELECT coalesce(jsonb_object_agg(username, code), '{}') FROM person WHERE username IS NOT NULL) AS owners
-- free usernames --
-- Two people may change accounts in one file.
UPDATE person SET username = NULL WHERE code = ANY(%(codes)s)
-- put people --
INSERT INTO person (code, name, phone, language, duties, username)
SELECT * FROM unnest(%(code)s::text[], %(name)s::text[], %(phone)s::text[], %(language)s::text[], %(duties)s::text[],
                     %(username)s::text[])
ON CONFLICT (code) DO UPDATE
SET name = excluded.name, phone = excluded.phone, language = excluded.language, duties = excluded.duties,
    username = excluded.username
-- clear posts --
DELETE FROM responsibility r USING person p WHERE p.key = r.person_key AND p.code = ANY(%(codes)s)
-- clear shifts --
DELETE FROM shift s USING person p WHERE p.key = s.person_key AND p.code = ANY(%(codes)s)
-- clear leave --
DELETE FROM leave l USING person p WHERE p.key = l.person_key AND p.code = ANY(%(codes)s)
-- add post --
INSERT INTO responsibility (person_key, area, rank, scenes)
SELECT key, %(area)s, %(rank)s, %(scenes)s FROM person WHERE code = %(code)s
-- add shift --
INSERT INTO shift (person_key, area, days, kind, starts, ends, valid_from, valid_to)
SELECT key, %(area)s, %(days)s, %(kind)s, %(starts)s, %(ends)s, %(valid_from)s, %(valid_to)s
FROM person WHERE code = %(code)s
-- add leave --
INSERT INTO leave (person_key, starts_at, ends_at, stand_in_key, reason)
SELECT p.key, %(starts)s, %(ends)s, s.key, %(reason)s
FROM person p LEFT JOIN person s ON s.code = %(stand_in)s WHERE p.code = %(code)s
-- exists --
SELECT FROM person WHERE code = %(code)s
-- delete --
DELETE FROM person WHERE code = %(code)s
-- list people --
-- A person without areas is seen by who sees all.
SELECT p.code, p.name, p.phone, p.language, p.duties, p.username, r.area, coalesce(r.rank, 1) AS rank, r.scenes
FROM person p LEFT JOIN responsibility r ON r.person_key = p.key
WHERE ((SELECT sees_all()) OR r.area IN (SELECT code FROM seen_area))
  AND (%(area)s::text IS NULL OR r.area IN (
        WITH RECURSIVE below AS (
            SELECT %(area)s::text AS code
            UNION SELECT child.code FROM area child JOIN below ON child.parent = below.code)
        SELECT code FROM below))
ORDER BY p.code, r.rank, r.area
-- list shifts --
SELECT p.code, s.area, s.days, s.kind, s.starts, s.ends, s.valid_from, s.valid_to
FROM shift s JOIN person p ON p.key = s.person_key ORDER BY p.code, s.key
-- list leave --
SELECT p.code, l.starts_at AS starts, l.ends_at AS ends, s.code AS stand_in, l.reason
FROM leave l JOIN person p ON p.key = l.person_key LEFT JOIN person s ON s.key = l.stand_in_key
ORDER BY p.code, l.starts_at
-- seen posts --
SELECT person_key AS person, area, rank, scenes FROM responsibility
WHERE ((SELECT sees_all()) OR area IN (SELECT code FROM seen_area))
-- card --
SELECT p.code, p.name, p.phone, p.language, p.duties, r.rank, r.scenes
FROM responsibility r JOIN person p ON p.key = r.person_key
WHERE r.area = %(area)s ORDER BY r.rank, p.code
-- nobody --
-- Areas with devices for which nobody answers, neither there nor above.
WITH RECURSIVE answered AS (
    SELECT area AS code FROM responsibility
    UNION SELECT child.code FROM area child JOIN answered ON child.parent = answered.code)
SELECT DISTINCT d.area FROM device d
WHERE d.area IS NOT NULL AND NOT d.simulated AND state_now(d) <> 'retired' AND EXISTS (SELECT FROM responsibility)
  AND d.area NOT IN (SELECT code FROM answered)
  AND ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area))
ORDER BY d.area
