-- person --
SELECT key, code, name, phone, language, duties FROM person WHERE username = %(username)s
-- posts --
SELECT r.area, a.name, r.rank, r.scenes FROM responsibility r JOIN area a ON a.code = r.area
WHERE r.person_key = %(person)s ORDER BY r.rank, r.area
-- alerts --
-- What is live and a person's: in their areas and scenes, given to them, or they were called. Who has no areas of
-- their own has all that they see. The worst first, then those that wait longest. ids: these, whatever their state.
WITH RECURSIVE post AS (
    SELECT area AS code, scenes FROM responsibility WHERE person_key = %(person)s
    UNION SELECT child.code, post.scenes FROM area child JOIN post ON child.parent = post.code)
SELECT a.id, count(*) OVER () AS total, d.address, d.telephone,
       (SELECT max(c.asked_at) FROM call c WHERE c.alert_id = a.id AND c.person_key = %(person)s) AS called_at
FROM alert a JOIN device d ON d.key = a.device_key
WHERE ((SELECT sees_all()) OR a.area IN (SELECT code FROM seen_area))
  AND CASE WHEN %(ids)s::bigint[] IS NULL THEN NOT a.ended ELSE a.id = ANY(%(ids)s) END
  AND (NOT EXISTS (SELECT FROM post)
       OR EXISTS (SELECT FROM post WHERE post.code = a.area AND (post.scenes IS NULL OR a.scene = ANY(post.scenes)))
       OR a.assignee_key = %(person)s OR a.assignee = %(username)s OR a.accepted_by = %(username)s
       OR EXISTS (SELECT FROM call c WHERE c.alert_id = a.id AND c.person_key = %(person)s))
ORDER BY array_position(ARRAY['critical', 'major', 'minor'], a.severity), a.raised_at
LIMIT %(limit)s
-- above --
-- Areas with all above them.
WITH RECURSIVE above AS (
    SELECT code, parent, level, grid, name FROM area WHERE code = ANY(%(areas)s)
    UNION SELECT p.code, p.parent, p.level, p.grid, p.name FROM area p JOIN above ON p.code = above.parent)
SELECT code, parent, level, grid, name, NULL AS boundary, false AS simulated FROM above
-- telephones --
SELECT r.area, p.name, p.phone FROM responsibility r JOIN person p ON p.key = r.person_key
WHERE r.area = ANY(%(areas)s) AND p.phone <> '' AND p.key IS DISTINCT FROM %(person)s
ORDER BY r.area, r.rank, p.code
-- channels --
SELECT c.key, c.position, c.service, s.failing_since, s.last_error, c.quiet_from, c.quiet_to,
       went.outcome, went.tried_at AS went_at, went.why AS went_why, trial.taken, trial.tried_at, trial.why
FROM channel c JOIN service s ON s.name = c.service
LEFT JOIN LATERAL (
    SELECT d.outcome, d.tried_at, d.why FROM delivery d WHERE d.channel_key = c.key AND d.outcome <> 'waiting'
    ORDER BY d.tried_at DESC LIMIT 1) went ON true
LEFT JOIN LATERAL (
    SELECT t.taken, t.tried_at, t.why FROM channel_trial t WHERE t.channel_key = c.key
    ORDER BY t.tried_at DESC LIMIT 1) trial ON true
WHERE c.person_key = %(person)s AND c.removed_at IS NULL
ORDER BY c.position
-- lock person --
SELECT FROM person WHERE key = %(person)s FOR UPDATE
-- trials --
SELECT t.channel_key, t.tried_at FROM channel_trial t JOIN channel c ON c.key = t.channel_key
WHERE c.person_key = %(person)s AND t.tried_at > now() - %(within)s::interval ORDER BY t.tried_at
-- begin trial --
INSERT INTO channel_trial (channel_key) VALUES (%(channel)s) RETURNING key
-- end trial --
UPDATE channel_trial SET taken = %(taken)s, why = %(why)s WHERE key = %(key)s
