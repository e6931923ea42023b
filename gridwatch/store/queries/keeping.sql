-- lock --
SELECT pg_advisory_xact_lock(7403008)
-- note fill --
INSERT INTO fill AS f (name, count, bytes, quota_bytes, share, warned_at)
VALUES (%(name)s, %(count)s, %(bytes)s, %(quota_bytes)s, %(share)s, CASE WHEN %(warn)s THEN now() END)
ON CONFLICT (name) DO UPDATE
SET count = excluded.count, bytes = excluded.bytes, quota_bytes = excluded.quota_bytes,
    share = excluded.share, measured_at = now(),
    warned_at = CASE WHEN %(warn)s THEN coalesce(f.warned_at, now()) END
RETURNING coalesce(warned_at < now(), false) AS warned_before
-- fill --
SELECT count, bytes, quota_bytes, share, measured_at, warned_at FROM fill WHERE name = %(name)s
-- measure --
SELECT count(*) AS count, coalesce(sum(size), 0)::bigint AS bytes
FROM (SELECT max(size) AS size FROM evidence WHERE sha256 IS NOT NULL GROUP BY sha256, media_type) file
-- by class --
SELECT class, held, count(*) AS count, sum(size)::bigint AS bytes, min(kept_from) AS oldest
FROM evidence_kept GROUP BY class, held ORDER BY class, held
-- list --
SELECT * FROM evidence_kept
WHERE (%(event)s::uuid IS NULL OR event_id = %(event)s)
  AND (%(alert)s::bigint IS NULL OR alert_id = %(alert)s)
  AND (NOT %(held)s OR held)
ORDER BY created_at, event_id, position
LIMIT %(limit)s
-- drop by age --
WITH old AS (
    SELECT k.event_id, k.position, k.class
    FROM evidence_kept k
    JOIN unnest(%(classes)s::text[], %(days)s::float8[]) AS keep (class, days) USING (class)
    WHERE NOT k.held AND k.kept_from < now() - keep.days * interval '1 day'
    ORDER BY k.kept_from
    LIMIT %(limit)s),
gone AS (
    DELETE FROM evidence v USING old WHERE v.event_id = old.event_id AND v.position = old.position
    RETURNING v.*, old.class)
INSERT INTO evidence_deletion (event_id, position, media_type, sha256, bytes, masked, class, why, recorded_at)
SELECT event_id, position, media_type, sha256, coalesce(size, 0), masked, class, 'age', created_at FROM gone
RETURNING sha256, media_type, bytes, class
-- drop for room --
WITH old AS (
    SELECT event_id, position, class,
           sum(coalesce(size, 0)) OVER (ORDER BY rank, kept_from, event_id, position) - coalesce(size, 0) AS before
    FROM (SELECT k.*, array_position(%(classes)s::text[], k.class) AS rank
          FROM evidence_kept k
          WHERE NOT k.held
          ORDER BY rank, kept_from, event_id, position
          LIMIT %(limit)s) first),
gone AS (
    DELETE FROM evidence v USING old
    WHERE v.event_id = old.event_id AND v.position = old.position AND old.before < %(excess)s
    RETURNING v.*, old.class)
INSERT INTO evidence_deletion (event_id, position, media_type, sha256, bytes, masked, class, why, recorded_at)
SELECT event_id, position, media_type, sha256, coalesce(size, 0), masked, class, 'quota', created_at FROM gone
RETURNING sha256, media_type, bytes, class
-- shown --
SELECT DISTINCT sha256 FROM evidence WHERE sha256 = ANY(%(files)s)
-- shown between --
SELECT DISTINCT sha256, media_type, size FROM evidence
WHERE sha256 >= %(first)s AND sha256 < %(beyond)s
-- deleted --
SELECT DISTINCT sha256 FROM evidence_deletion WHERE sha256 = ANY(%(files)s)
-- deletion --
SELECT why, deleted_at FROM evidence_deletion
WHERE event_id = %(event)s AND masked = %(masked)s AND why IN ('age', 'quota')
  AND (%(position)s::integer IS NULL OR position = %(position)s)
ORDER BY deleted_at DESC
LIMIT 1
-- forget deletions --
DELETE FROM evidence_deletion WHERE deleted_at < now() - %(after)s::interval
-- hold --
INSERT INTO evidence_hold (event_id, alert_id, reason, held_by)
VALUES (%(event)s, %(alert)s, %(reason)s, %(by)s)
ON CONFLICT DO NOTHING
-- release --
UPDATE evidence_hold SET released_at = now(), released_by = %(by)s
WHERE released_at IS NULL AND (event_id = %(event)s OR alert_id = %(alert)s)
-- is there --
SELECT EXISTS (SELECT FROM event WHERE id = %(event)s) OR EXISTS (SELECT FROM alert WHERE id = %(alert)s) AS there
