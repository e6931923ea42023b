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
