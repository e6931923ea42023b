-- load --
SELECT d.key, d.id, coalesce(l.mode, 'observe') AS mode, l.voice, coalesce(l.repeat_s, 12) AS repeat_s,
       coalesce(l.disabled_until > now(), false) AS is_disabled, l.disabled_until,
       coalesce(l.releases, 0) AS releases, l.released_at, coalesce(l.released_false, false) AS released_false,
       greatest(0, %(cool_down_s)s - abs(extract(epoch FROM now() - l.released_at)))::double precision AS cool_down_s,
       coalesce(l.state, 'clear') AS state, coalesce(l.why, '') AS why, coalesce(l.camera, '') AS camera, l.told_at,
       extract(epoch FROM now() - l.told_at)::double precision AS told_s,
       coalesce(l.spent_s, 0) AS spent_s, coalesce(l.watched_s, 0) AS watched_s,
       h.state AS asked, h.detail AS answer,
       w.observed_at, w.heard_at, w.door, w.moving, w.door_zone, w.mode AS lift_mode,
       extract(epoch FROM now() - w.heard_at)::double precision AS heard_s
FROM device d LEFT JOIN lift l ON l.device_key = d.key LEFT JOIN lift_word w ON w.device_key = d.key
LEFT JOIN LATERAL (
    SELECT state, detail FROM command WHERE device_key = d.key AND action = 'hold_open' ORDER BY seq DESC LIMIT 1
) h ON true
WHERE d.id = %(lift)s AND d.state <> 'retired' AND ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area))
-- lifts --
SELECT d.id FROM device d
WHERE (EXISTS (SELECT FROM lift l WHERE l.device_key = d.key) OR EXISTS (SELECT FROM device c WHERE c.lift = d.id))
  AND d.id > %(after)s AND ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area))
ORDER BY d.id
LIMIT %(limit)s
-- cameras --
SELECT id FROM device
WHERE lift = %(lift)s OR (id = %(lift)s AND kind = 'camera' AND scene = 'elevator') ORDER BY id
-- rows --
INSERT INTO lift (device_key) SELECT unnest(%(keys)s::integer[]) ON CONFLICT DO NOTHING
-- may be held --
-- A person who lets go, or switches off, at this moment comes first or waits for us.
SELECT FROM lift
WHERE device_key = %(key)s AND mode = %(mode)s AND mode <> 'observe' AND releases = %(releases)s
  AND (disabled_until IS NULL OR disabled_until <= now())
FOR UPDATE
-- begin hold --
-- One that another collector still asks for is its own.
INSERT INTO lift_hold (device_key, camera, mode) VALUES (%(key)s, %(camera)s, %(mode)s)
ON CONFLICT (device_key) WHERE ended_at IS NULL DO NOTHING
RETURNING id
-- hold on --
UPDATE lift_hold SET told_at = clock_timestamp() WHERE id = %(hold)s AND ended_at IS NULL
-- end hold --
UPDATE lift_hold SET ended_at = clock_timestamp(), ended = %(ended)s WHERE id = %(hold)s AND ended_at IS NULL
-- end left over holds --
UPDATE lift_hold SET ended_at = told_at, ended = 'fault'
WHERE device_key = %(key)s AND ended_at IS NULL
  AND abs(extract(epoch FROM clock_timestamp() - told_at)) > %(silent_s)s
-- spend --
UPDATE lift SET spent_s = %(spent_s)s WHERE device_key = %(key)s
-- tell state --
UPDATE lift SET state = %(state)s, why = %(why)s, camera = %(camera)s, told_at = clock_timestamp(),
                spent_s = %(spent_s)s
WHERE device_key = %(key)s
-- watched --
UPDATE lift l SET watched_s = l.watched_s + t.watched_s
FROM unnest(%(keys)s::integer[], %(seconds)s::double precision[]) AS t (key, watched_s)
WHERE l.device_key = t.key
-- set --
INSERT INTO lift (device_key, mode, voice, repeat_s) VALUES (%(key)s, %(mode)s, %(voice)s, %(repeat_s)s)
ON CONFLICT (device_key) DO UPDATE
SET mode = excluded.mode, voice = excluded.voice, repeat_s = excluded.repeat_s
-- disable --
INSERT INTO lift (device_key, disabled_until) VALUES (%(key)s, %(until)s)
ON CONFLICT (device_key) DO UPDATE SET disabled_until = excluded.disabled_until
-- release --
INSERT INTO lift (device_key, releases, released_at, released_false) VALUES (%(key)s, 1, now(), %(is_false)s)
ON CONFLICT (device_key) DO UPDATE
SET releases = lift.releases + 1, released_at = excluded.released_at, released_false = excluded.released_false
-- judge the open hold --
UPDATE lift_hold SET verdict = %(verdict)s, verdict_by = %(actor)s, verdict_at = now(), note = %(note)s
WHERE device_key = %(key)s AND ended_at IS NULL
-- judge --
UPDATE lift_hold SET verdict = %(verdict)s, verdict_by = %(actor)s, verdict_at = now(), note = %(note)s
WHERE device_key = %(key)s AND id = %(hold)s
-- change --
INSERT INTO lift_change (device_key, change, actor, reason, detail)
VALUES (%(key)s, %(change)s, %(actor)s, %(reason)s, %(detail)s)
-- changes --
SELECT id, changed_at, change, actor, reason, detail FROM lift_change
WHERE device_key = %(key)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC
LIMIT %(limit)s
-- holds --
SELECT id, camera, mode, began_at, ended_at, ended, verdict, verdict_by, verdict_at, note FROM lift_hold
WHERE device_key = %(key)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC
LIMIT %(limit)s
-- count holds --
SELECT count(*) AS holds, count(verdict) AS judged, count(*) FILTER (WHERE verdict = 'false_alarm') AS false_alarms
FROM lift_hold WHERE device_key = %(key)s
-- judged pictures --
-- Unmasked pictures of what a hold was for, received from shortly before it began until it ended.
SELECT h.id AS hold, h.verdict, h.began_at, e.id AS event, v.position, v.media_type, v.sha256
FROM lift_hold h
JOIN device d ON d.id = h.camera AND NOT d.simulated
JOIN event e ON e.device_key = d.key AND e.label = ANY(%(labels)s)
    AND e.received_at BETWEEN h.began_at - %(before)s::interval AND coalesce(h.ended_at, h.told_at)
JOIN evidence v ON v.event_id = e.id
WHERE h.verdict IS NOT NULL AND NOT v.masked AND v.sha256 IS NOT NULL AND v.media_type IN ('image/jpeg', 'image/png')
ORDER BY h.began_at, e.received_at, e.id, v.position
