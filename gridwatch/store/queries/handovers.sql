-- lock --
-- One handover at a time: two that begin together would hand over the same notes.
SELECT pg_advisory_xact_lock(7403095)
-- stands --
-- What a desk hands over, as people read it: names are written out, as they may be others by the time it is read.
WITH last AS (
    SELECT id, signed_at FROM handover WHERE desk IS NOT DISTINCT FROM %(desk)s::text ORDER BY id DESC LIMIT 1),
place AS (
    SELECT a.code, CASE WHEN p.name IS NULL OR starts_with(a.name, p.name) THEN a.name
                        ELSE p.name || ' ' || a.name END AS name
    FROM area a LEFT JOIN area p ON p.code = a.parent),
seen_alert AS (
    SELECT * FROM alert a WHERE (SELECT sees_all()) OR a.area IN (SELECT code FROM seen_area))
SELECT jsonb_build_object(
    'at', now(),
    'after', coalesce((SELECT id FROM last), 0),
    'since', (SELECT signed_at FROM last),
    'raised', (SELECT count(*) FROM seen_alert a WHERE a.raised_at > (SELECT signed_at FROM last) AND NOT a.drill AND NOT a.simulated),
    'false_alarms', (SELECT count(*) FROM seen_alert a WHERE a.raised_at > (SELECT signed_at FROM last) AND NOT a.drill AND NOT a.simulated AND a.state = 'false_alarm'),
    'alerts', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
                   'id', a.id, 'severity', a.severity, 'label', a.label, 'state', a.state, 'device', d.id,
                   'name', d.name, 'area', a.area, 'place', (SELECT name FROM place WHERE code = a.area),
                   'raised_at', a.raised_at, 'assignee', a.assignee, 'acknowledged_by', a.acknowledged_by,
                   'drill', a.drill, 'simulated', a.simulated)
               ORDER BY array_position(ARRAY['critical', 'major', 'minor'], a.severity), a.id DESC)
        FROM seen_alert a JOIN device d ON d.key = a.device_key WHERE NOT a.ended), '[]'),
    'mutes', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
                   'kind', m.kind, 'area', m.area, 'place', (SELECT name FROM place WHERE code = m.area),
                   'device', m.device, 'scene', m.scene, 'reason', m.reason, 'starts_at', m.starts_at,
                   'ends_at', m.ends_at, 'by', m.created_by) ORDER BY m.ends_at)
        FROM mute m LEFT JOIN device d ON d.id = m.device
        WHERE m.lifted_at IS NULL AND m.ends_at > now()
          AND ((SELECT sees_all()) OR coalesce(d.area, m.area) IN (SELECT code FROM seen_area))), '[]'),
    'devices', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
                   'state', state_now(d), 'device', d.id, 'name', d.name, 'until', d.state_until, 'by', d.state_by,
                   'place', (SELECT name FROM place WHERE code = d.area)) ORDER BY d.state_until, d.id)
        FROM device d
        WHERE d.state IN ('test', 'maintenance') AND state_now(d) IN ('test', 'maintenance')
          AND ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area))), '[]'),
    'notes', coalesce((
        SELECT jsonb_agg(jsonb_build_object('text', n.text, 'by', n.written_by, 'at', n.written_at) ORDER BY n.id)
        FROM shift_note n
        WHERE n.handover_id IS NULL AND n.desk IS NOT DISTINCT FROM %(desk)s::text), '[]')) AS stood
-- write note --
INSERT INTO shift_note (desk, text, written_by) VALUES (%(desk)s, %(text)s, %(by)s)
-- sign --
INSERT INTO handover (desk, left_by, taken_by, stood)
VALUES (%(desk)s, %(left_by)s, %(taken_by)s, %(stood)s)
RETURNING id, desk, left_by, taken_by, signed_at, stood
-- hand notes over --
UPDATE shift_note SET handover_id = %(id)s
WHERE handover_id IS NULL AND desk IS NOT DISTINCT FROM %(desk)s::text
-- list --
SELECT id, desk, left_by, taken_by, signed_at, jsonb_array_length(stood -> 'alerts') AS alerts,
       jsonb_array_length(stood -> 'notes') AS notes
FROM handover
WHERE ((SELECT sees_all()) OR desk IN (SELECT code FROM seen_area))
  AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s
-- get --
SELECT id, desk, left_by, taken_by, signed_at, stood FROM handover
WHERE id = %(id)s AND ((SELECT sees_all()) OR desk IN (SELECT code FROM seen_area))
