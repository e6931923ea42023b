-- tester --
SELECT d.state_by AS tester FROM device d WHERE key = %(device_key)s AND state_now(d) = 'test'
-- held --
SELECT id, severity, observed_at, last_observed_at FROM alert
WHERE group_key = %(group_key)s AND grouping AND NOT ended
FOR UPDATE
-- held by id --
SELECT id, severity, observed_at, last_observed_at FROM alert
WHERE id = %(id)s AND grouping AND NOT ended
FOR UPDATE
-- held by device --
SELECT a.id, a.severity, a.observed_at, a.last_observed_at
FROM (SELECT alert_id FROM event
      WHERE device_key = %(device_key)s AND scene = %(scene)s AND alert_id IS NOT NULL
      ORDER BY observed_at DESC LIMIT 1) e
JOIN alert a ON a.id = e.alert_id
WHERE a.grouping AND NOT a.ended AND a.severity = 'critical' AND a.scene = %(scene)s AND a.drill = %(drill)s
  AND a.observed_at <= %(observed_at)s + %(window)s::interval
  AND a.last_observed_at >= %(observed_at)s - %(window)s::interval
FOR UPDATE OF a
-- seal --
UPDATE alert SET grouping = false WHERE id = %(id)s
-- raise --
INSERT INTO alert (group_key, scene, label, severity, confidence, device_key, area, lon, lat,
                   observed_at, last_observed_at, simulated, drill, tester)
SELECT %(group_key)s, %(scene)s, %(label)s, %(severity)s, %(confidence)s, d.key, d.area, d.lon, d.lat,
       %(observed_at)s, %(observed_at)s, d.simulated, %(drill)s, %(tester)s
FROM device d WHERE d.key = %(device_key)s
ON CONFLICT (group_key) WHERE grouping AND NOT ended DO NOTHING
RETURNING id
-- merge --
-- The label is that of the surest finding; a suspicion, however sure, gives way.
UPDATE alert
SET severity = %(severity)s,
    label = CASE WHEN ROW(%(label)s = ANY(%(sure)s), %(confidence)s) > ROW(label = ANY(%(sure)s), confidence)
                 THEN %(label)s ELSE label END,
    confidence = CASE WHEN ROW(%(label)s = ANY(%(sure)s), %(confidence)s) > ROW(label = ANY(%(sure)s), confidence)
                      THEN %(confidence)s ELSE confidence END,
    observed_at = least(observed_at, %(observed_at)s),
    last_observed_at = greatest(last_observed_at, %(observed_at)s),
    events = events + %(events)s
WHERE id = %(id)s
-- lock order of changes --
SELECT pg_advisory_xact_lock(7403002)
-- hold back --
-- What only joined an alert whose last change is a moment old waits for the next.
UPDATE alert a SET untold = true
FROM alert_change c
WHERE a.id = ANY(%(ids)s) AND c.seq = a.seq AND c.changed_at > now() - %(within)s::interval
RETURNING a.id
-- held back --
SELECT a.id FROM alert a LEFT JOIN alert_change c ON c.seq = a.seq
WHERE a.untold AND (c.seq IS NULL OR c.changed_at <= now() - %(within)s::interval)
ORDER BY a.id
FOR UPDATE OF a SKIP LOCKED
-- draw seqs --
-- Materialized: a plan that goes through it again for each alert would draw anew each time.
WITH drawn AS MATERIALIZED (SELECT id, nextval('alert_change_seq') AS seq FROM unnest(%(ids)s::bigint[]) AS id)
UPDATE alert a SET seq = drawn.seq, untold = false FROM drawn
WHERE a.id = drawn.id
-- as json --
SELECT a.id, a.seq, jsonb_build_object(
    'id', a.id, 'seq', a.seq, 'scene', a.scene, 'label', a.label, 'severity', a.severity,
    'state', a.state, 'confidence', a.confidence, 'area', a.area, 'device', d.id, 'device_name', d.name,
    'observed_at', a.observed_at, 'last_observed_at', a.last_observed_at, 'raised_at', a.raised_at,
    'acknowledged_at', a.acknowledged_at, 'acknowledged_by', a.acknowledged_by,
    'accepted_at', a.accepted_at, 'accepted_by', a.accepted_by, 'arrived_at', a.arrived_at,
    'resolved_at', a.resolved_at, 'resolved_by', a.resolved_by,
    'verified_at', a.verified_at, 'verified_by', a.verified_by, 'closed_at', a.closed_at, 'closed_by', a.closed_by,
    'ended', a.ended, 'duplicate_of', a.duplicate_of, 'due_at', a.due_at,
    'outage', a.outage, 'location', CASE WHEN a.lon IS NOT NULL AND a.lat IS NOT NULL
                     THEN jsonb_build_object('lon', a.lon, 'lat', a.lat) END,
    'events', a.events, 'assignee', a.assignee,
    'assignee_code', (SELECT p.code FROM person p WHERE p.key = a.assignee_key),
    'level', a.level, 'spread', a.spread, 'simulated', a.simulated, 'drill', a.drill, 'tester', a.tester, 'playback_url', d.playback_url,
    'where', coalesce((
        SELECT e.origins FROM event e WHERE e.alert_id = a.id AND e.origins <> '[]'
        ORDER BY e.confidence DESC, e.observed_at DESC LIMIT 1), '[]'::jsonb),
    'evidence', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'event', shown.event_id, 'position', shown.position, 'media_type', shown.media_type,
            'url', coalesce(shown.url, '/api/v1/events/' || shown.event_id || '/evidence?position='
                            || shown.position))
            ORDER BY shown.observed_at DESC, shown.position)
        FROM (SELECT v.event_id, v.position, v.media_type, v.url, e.observed_at
              FROM event e JOIN evidence v ON v.event_id = e.id
              WHERE e.alert_id = a.id AND e.scene <> 'photo' AND (v.masked OR v.url IS NOT NULL)
              ORDER BY e.confidence DESC, e.observed_at DESC, v.position
              LIMIT 4) shown), '[]'::jsonb),
    'photos', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'event', e.id, 'media_type', v.media_type, 'by', e.criteria ->> 'by', 'taken_at', e.observed_at,
            'url', '/api/v1/events/' || e.id || '/evidence?position=' || v.position) ORDER BY e.observed_at, e.id)
        FROM event e JOIN evidence v ON v.event_id = e.id
        WHERE e.alert_id = a.id AND e.scene = 'photo'), '[]'::jsonb),
    'evidence_deleted_at', (
        SELECT max(x.deleted_at) FROM event e JOIN evidence_deletion x ON x.event_id = e.id
        WHERE e.alert_id = a.id AND x.masked AND x.why IN ('age', 'quota'))
    ) AS alert
FROM alert a JOIN device d ON d.key = a.device_key
WHERE a.id = ANY(%(ids)s)
-- seen --
SELECT id FROM alert WHERE id = %(id)s AND ((SELECT sees_all()) OR area IN (SELECT code FROM seen_area))
-- write changes --
INSERT INTO alert_change (seq, alert_id, change, actor, detail, alert)
SELECT c.seq, c.alert_id, c.change, %(actor)s, %(detail)s, c.alert
FROM unnest(%(seqs)s::bigint[], %(ids)s::bigint[], %(changes)s::text[], %(alerts)s::jsonb[])
     AS c (seq, alert_id, change, alert)
-- notify --
-- With a message for each receiver that may hear of it: of what is simulated none, and none where its area is gone.
WITH told AS (
    INSERT INTO webhook_message (webhook, seq, alert_id)
    SELECT w.name, c.seq, c.alert_id
    FROM alert_change c JOIN alert a ON a.id = c.alert_id CROSS JOIN webhook w
    WHERE c.seq = ANY(%(seqs)s) AND NOT a.simulated AND (w.drills OR NOT a.drill)
      AND (w.form <> 'cap' OR c.change <> ALL(%(among_us)s::text[]))
      AND (w.area IS NULL OR w.area IN (
            WITH RECURSIVE above AS (
                SELECT code, parent FROM area WHERE code = a.area
                UNION SELECT parent.code, parent.parent FROM area parent JOIN above ON parent.code = above.parent)
            SELECT code FROM above))
    ORDER BY c.seq
    RETURNING key)
SELECT pg_notify('gridwatch_alert', %(seq)s::text), ARRAY(SELECT key FROM told ORDER BY key) AS messages
-- lock --
SELECT id, state, severity, state_since, assignee, assignee_key, acknowledged_by, accepted_by, resolved_by, verified_by,
       closed_by, ended, simulated
FROM alert WHERE id = %(id)s AND ((SELECT sees_all()) OR area IN (SELECT code FROM seen_area))
FOR UPDATE
-- person behind --
SELECT key, code, name FROM person WHERE key = %(person)s OR username = %(username)s
-- person of code --
SELECT key, code, name FROM person WHERE code = %(code)s
-- exists --
-- What is real is no duplicate of a drill, nor of what is simulated.
SELECT FROM alert a JOIN alert o ON (o.drill, o.simulated) = (a.drill, a.simulated)
WHERE o.id = %(id)s AND a.id = %(than)s AND ((SELECT sees_all()) OR o.area IN (SELECT code FROM seen_area))
-- done before --
SELECT alert_id, action FROM done_request WHERE username = %(actor)s AND key = %(once)s
-- note done --
INSERT INTO done_request (username, key, alert_id, action) VALUES (%(actor)s, %(once)s, %(id)s, %(action)s)
-- into state --
UPDATE alert SET state = %(state)s, state_since = now() WHERE id = %(id)s AND state <> %(state)s
-- acknowledge --
UPDATE alert SET acknowledged_at = now(), acknowledged_by = %(actor)s,
                 seen_at = CASE WHEN %(in_field)s THEN now() END WHERE id = %(id)s
-- assign --
UPDATE alert
SET acknowledged_at = coalesce(acknowledged_at, now()), acknowledged_by = coalesce(acknowledged_by, %(actor)s),
    assignee = %(name)s, assignee_key = %(person)s, accepted_at = NULL, accepted_by = NULL, arrived_at = NULL,
    seen_at = NULL
WHERE id = %(id)s
-- accept --
UPDATE alert SET accepted_at = now(), accepted_by = %(actor)s, assignee = %(name)s, assignee_key = %(person)s
WHERE id = %(id)s
-- arrive --
UPDATE alert SET arrived_at = now() WHERE id = %(id)s
-- resolve --
UPDATE alert SET resolved_at = now(), resolved_by = %(actor)s WHERE id = %(id)s
-- verify --
UPDATE alert SET verified_at = now(), verified_by = %(actor)s WHERE id = %(id)s
-- close --
UPDATE alert SET closed_at = now(), closed_by = %(actor)s WHERE id = %(id)s
-- return --
-- Whose it was not keeps it: somebody else was called too, and says that they can't.
UPDATE alert
SET assignee = NULL, assignee_key = NULL, accepted_at = NULL, accepted_by = NULL, arrived_at = NULL, seen_at = NULL
WHERE id = %(id)s
-- false_alarm --
UPDATE alert SET resolved_at = now(), resolved_by = %(actor)s WHERE id = %(id)s
-- duplicate --
UPDATE alert SET resolved_at = now(), resolved_by = %(actor)s, duplicate_of = %(of)s WHERE id = %(id)s
-- reopen --
-- It takes further events again unless another alert of its group does so by now.
UPDATE alert a
SET resolved_at = NULL, resolved_by = NULL, verified_at = NULL, verified_by = NULL, closed_at = NULL,
    closed_by = NULL, acknowledged_at = NULL, acknowledged_by = NULL, accepted_at = NULL, accepted_by = NULL,
    arrived_at = NULL, duplicate_of = NULL, assignee = NULL, assignee_key = NULL, seen_at = NULL,
    called = '{}', rounds = 0, level = NULL,
    grouping = grouping AND NOT EXISTS (
        SELECT FROM alert o WHERE o.group_key = a.group_key AND o.grouping AND NOT o.ended AND o.id <> a.id)
WHERE id = %(id)s
-- page --
SELECT id FROM alert
WHERE ((SELECT sees_all()) OR area IN (SELECT code FROM seen_area))
  AND (%(state)s::text IS NULL OR state = %(state)s)
  AND (%(scene)s::text IS NULL OR scene = %(scene)s)
  AND (%(severity)s::text IS NULL OR severity = %(severity)s)
  AND (%(area)s::text IS NULL OR area IN (
        WITH RECURSIVE below AS (
            SELECT %(area)s::text AS code
            UNION SELECT child.code FROM area child JOIN below ON child.parent = below.code)
        SELECT code FROM below))
  AND (%(drill)s::boolean IS NULL OR drill = %(drill)s)
  AND (%(since)s::timestamptz IS NULL OR raised_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR raised_at < %(until)s)
  AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY CASE WHEN %(by_spread)s THEN spread END DESC NULLS LAST, id DESC
LIMIT %(limit)s
-- changes after --
-- called: the accounts of those who were called for it or have it, as long as they see it (seen_area).
SELECT c.seq, c.alert, ARRAY(
    SELECT p.username FROM person p
    WHERE p.username IS NOT NULL AND p.key IN (
            SELECT k.person_key FROM call k WHERE k.alert_id = a.id AND k.asked_at > now() - interval '31 days'
            UNION SELECT a.assignee_key WHERE NOT a.ended)) AS called
FROM alert_change c
LEFT JOIN alert a ON a.id = c.alert_id AND a.area IS NOT NULL AND (NOT a.ended OR a.resolved_at > now() - interval '1 day')
WHERE c.seq > %(seq)s AND ((SELECT sees_all()) OR c.alert->>'area' IN (SELECT code FROM seen_area))
ORDER BY c.seq LIMIT %(limit)s
-- last seq --
SELECT coalesce(max(seq), 0) AS seq FROM alert_change
-- timeline --
SELECT seq, change, actor, detail, changed_at FROM alert_change WHERE alert_id = %(id)s ORDER BY seq
