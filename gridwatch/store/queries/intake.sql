-- medium --
INSERT INTO medium (device_key, kind, observed_at, received_at)
VALUES (%(device_key)s, %(kind)s, %(observed_at)s, %(received_at)s)
ON CONFLICT DO NOTHING
-- event --
INSERT INTO event (id, device_key, scene, label, confidence, observed_at, started_at, ended_at, box_xyxy,
                   track, origins, criteria, detector, received_at)
VALUES (%(id)s, %(device_key)s, %(scene)s, %(label)s, %(confidence)s, %(observed_at)s, %(started_at)s,
        %(ended_at)s, %(box_xyxy)s, %(track)s, %(origins)s, %(criteria)s, %(detector)s, %(received_at)s)
ON CONFLICT (id) DO UPDATE
SET label = excluded.label, confidence = excluded.confidence, observed_at = excluded.observed_at,
    started_at = excluded.started_at, ended_at = excluded.ended_at, box_xyxy = excluded.box_xyxy,
    track = excluded.track, origins = excluded.origins, criteria = excluded.criteria, detector = excluded.detector
WHERE (event.label, event.confidence, event.observed_at, event.started_at, event.ended_at, event.box_xyxy,
       event.track, event.origins, event.criteria, event.detector)
   IS DISTINCT FROM
      (excluded.label, excluded.confidence, excluded.observed_at, excluded.started_at, excluded.ended_at,
       excluded.box_xyxy, excluded.track, excluded.origins, excluded.criteria, excluded.detector)
RETURNING alert_id, xmax = 0 AS is_new
-- belong --
UPDATE event SET alert_id = %(alert_id)s WHERE id = %(id)s
-- forget evidence --
WITH gone AS (DELETE FROM evidence WHERE event_id = %(event_id)s RETURNING *)
INSERT INTO evidence_deletion (event_id, position, media_type, sha256, bytes, masked, class, why, recorded_at)
SELECT event_id, position, media_type, sha256, coalesce(size, 0), masked, '', 'replaced', created_at
FROM gone WHERE sha256 IS NOT NULL
-- evidence --
INSERT INTO evidence (event_id, position, media_type, sha256, size, url, masked)
VALUES (%(event_id)s, %(position)s, %(media_type)s, %(sha256)s, %(size)s, %(url)s, %(masked)s)
-- status --
UPDATE device SET online = %(online)s, online_since = %(received_at)s
WHERE key = %(device_key)s AND online IS DISTINCT FROM %(online)s
-- lift state --
INSERT INTO lift_state (device_key, observed_at, received_at, door, moving, door_zone, mode)
VALUES (%(device_key)s, %(observed_at)s, %(received_at)s, %(door)s, %(moving)s, %(door_zone)s, %(mode)s)
ON CONFLICT DO NOTHING
-- command result --
-- A late answer is kept and marked, and the command stays expired.
WITH answer AS (
    INSERT INTO command_result (device_key, id, ok, detail, received_at)
    VALUES (%(device_key)s, %(id)s, %(ok)s, %(detail)s, %(received_at)s)
    ON CONFLICT DO NOTHING
    RETURNING *),
answered AS (
    UPDATE command c
    SET answered_at = a.received_at, detail = a.detail, late = a.received_at > c.expires_at,
        state = CASE WHEN a.received_at > c.expires_at THEN 'expired' WHEN a.ok THEN 'done' ELSE 'failed' END
    FROM answer a
    WHERE c.device_key = a.device_key AND c.id = a.id
    RETURNING c.id, concat_ws(', ', CASE WHEN a.ok THEN 'ok' ELSE 'not ok' END, CASE WHEN c.late THEN 'late' END)
        AS told),
noted AS (INSERT INTO command_change (command_id, change, detail) SELECT id, 'answered', told FROM answered)
SELECT id FROM answer
-- quarantine --
INSERT INTO quarantine (digest, topic, payload, reason, decoder, received_at, named)
SELECT * FROM unnest(%(digests)s::bytea[], %(topics)s::text[], %(payloads)s::bytea[], %(reasons)s::text[],
                     %(decoders)s::text[], %(received_ats)s::timestamptz[], %(named)s::text[])
ON CONFLICT (digest) WHERE replayed_at IS NULL DO NOTHING
RETURNING digest
