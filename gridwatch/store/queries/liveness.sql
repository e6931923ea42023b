-- alone --
SELECT pg_try_advisory_xact_lock(7403005) AS alone
-- listen --
-- Every slot that has joined must be served, else the devices that speak to it are not heard.
WITH before AS (SELECT until FROM listening WHERE since < until)
INSERT INTO listening AS l (since, until)
VALUES (%(now)s, %(now)s)
ON CONFLICT (only_one) DO UPDATE
SET until = excluded.until,
    since = CASE WHEN l.until BETWEEN excluded.until - %(longest_pause)s::interval AND excluded.until
                      AND (SELECT coalesce(bool_and(subscribed AND heartbeat_at > now() - interval '10 s'), false)
                           FROM collector WHERE joined AND client_id = %(installation)s || '-' || slot)
                 THEN l.since ELSE excluded.since END
RETURNING since, (SELECT until FROM before) AS listened_until
-- watch --
WITH said AS (
    SELECT d.key AS device_key, c.quantity, c.interval_s
    FROM device d, jsonb_to_recordset(d.channels) AS c (quantity text, interval_s double precision)
    WHERE d.channels <> '[]' AND c.interval_s > 0 AND c.quantity IS NOT NULL
), gone AS (
    DELETE FROM channel_watch w
    WHERE NOT EXISTS (SELECT FROM said s WHERE s.device_key = w.device_key AND s.quantity = w.quantity)
)
INSERT INTO channel_watch AS w (device_key, quantity, interval_s, watched_at, looked_at)
SELECT s.device_key, s.quantity, s.interval_s, %(now)s, %(now)s
FROM said s
LEFT JOIN channel_watch was USING (device_key, quantity)
WHERE was.interval_s IS DISTINCT FROM s.interval_s
ON CONFLICT (device_key, quantity) DO UPDATE SET interval_s = excluded.interval_s
-- hear --
-- Of the devices with a channel that is due, those that wait longest. By a device's own clock its readings
-- lie no further back than they were on the way.
WITH due AS MATERIALIZED (
    SELECT device_key, min(looked_at) AS looked_at, bool_or(quantity IN ('frame', 'clip')) AS shows
    FROM channel_due WHERE due_at < %(now)s
    GROUP BY device_key ORDER BY min(looked_at) LIMIT %(most)s
), came AS (
    SELECT due.device_key, q.name AS quantity, r.heard_at
    FROM due
    LEFT JOIN device_clock c ON c.device_key = due.device_key
    CROSS JOIN LATERAL (
        SELECT quantity_key, max(observed_at + delay_ms * interval '1 ms') AS heard_at
        FROM readings
        WHERE device_key = due.device_key
          AND observed_at > due.looked_at + (coalesce(c.skew_s, 0) - 120) * interval '1 s'
        GROUP BY quantity_key) r
    JOIN quantity q ON q.key = r.quantity_key
    UNION ALL
    SELECT due.device_key, m.kind, max(m.received_at)
    FROM due
    JOIN medium m ON m.device_key = due.device_key AND m.observed_at > due.looked_at - interval '120 s'
    WHERE due.shows
    GROUP BY due.device_key, m.kind
), spoke AS (
    SELECT due.device_key, jsonb_object_agg(quantity, heard_at) FILTER (WHERE quantity IS NOT NULL) AS heard
    FROM due LEFT JOIN came USING (device_key) GROUP BY due.device_key
)
UPDATE channel_watch w
SET heard_at = greatest(w.heard_at, (s.heard ->> w.quantity)::timestamptz), looked_at = %(now)s
FROM spoke s
WHERE w.device_key = s.device_key
-- judge --
-- Silent is what was due before it was looked up.
WITH judged AS (
    SELECT device_key, quantity, due_at < looked_at AND missed AS is_silent FROM channel_due
    WHERE CASE WHEN due_at < looked_at THEN missed ELSE false END <> (silent_since IS NOT NULL)
)
UPDATE channel_watch w
SET silent_since = CASE WHEN j.is_silent THEN coalesce(w.heard_at, w.watched_at) END
FROM judged j
WHERE w.device_key = j.device_key AND w.quantity = j.quantity
-- note the silent --
-- Others with the same interval are missed within one interval; of a Last Will all hear at once.
WITH silent AS (
    SELECT w.device_key, max(w.silent_since) AS since,
           CASE WHEN bool_or(NOT d.online) OR bool_or(NOT g.online) THEN 60
                ELSE least(greatest(max(w.interval_s), 30), 3600) END AS wait_s
    FROM channel_watch w
    JOIN device d ON d.key = w.device_key
    LEFT JOIN device g ON g.id = d.gateway
    WHERE w.silent_since IS NOT NULL
    GROUP BY w.device_key
), well AS (
    DELETE FROM silence s WHERE NOT EXISTS (SELECT FROM silent WHERE silent.device_key = s.device_key)
)
INSERT INTO silence (device_key, since, ripe_at)
SELECT device_key, since, %(now)s + wait_s * interval '1 s' FROM silent
ON CONFLICT DO NOTHING
-- silent --
SELECT s.device_key AS key, d.id AS device, d.gateway, d.area, s.since, s.ripe_at, s.outage_id AS outage
FROM silence s JOIN device d ON d.key = s.device_key
WHERE d.simulated = %(simulated)s
ORDER BY d.id
-- open --
SELECT id, kind, name, began_at, grows_until, well_since, times, most, alert_id
FROM outage WHERE ended_at IS NULL AND simulated = %(simulated)s FOR UPDATE
-- gateways gone --
SELECT DISTINCT g.id FROM device g JOIN device d ON d.gateway = g.id WHERE NOT g.online
-- parents --
SELECT code, parent FROM area
-- missed --
SELECT d.area, d.gateway, count(*) AS count FROM device d
WHERE d.simulated = %(simulated)s AND state_now(d) IN ('new', 'active')
  AND EXISTS (SELECT FROM channel_watch w
              WHERE w.device_key = d.key AND (d.state <> 'new' OR w.heard_at IS NOT NULL))
GROUP BY d.area, d.gateway
-- begin anew --
-- What began again so soon after its end is the same outage, unless a person said that it is settled.
UPDATE outage SET ended_at = NULL, well_since = NULL, times = times + 1
WHERE id = (SELECT o.id FROM outage o JOIN alert a ON a.id = o.alert_id
            WHERE o.kind = %(kind)s AND o.name = %(name)s AND o.simulated = %(simulated)s
              AND o.ended_at > %(now)s - %(flapping)s::interval
              AND a.resolved_by IS NULL
            ORDER BY o.id DESC LIMIT 1)
RETURNING id, kind, name, began_at, grows_until, well_since, times, most, alert_id
-- begin --
INSERT INTO outage (kind, name, simulated, began_at, grows_until, most)
VALUES (%(kind)s, %(name)s, %(simulated)s, %(began_at)s, %(grows_until)s, 0)
RETURNING id, kind, name, began_at, grows_until, well_since, times, most, alert_id
-- relapse --
UPDATE outage SET well_since = NULL, times = times + 1 WHERE id = %(id)s
-- belong --
UPDATE silence SET outage_id = %(id)s
WHERE device_key = ANY(%(keys)s::integer[]) AND outage_id IS DISTINCT FROM %(id)s
-- go on --
UPDATE outage SET most = greatest(most, %(devices)s), alert_id = %(alert_id)s WHERE id = %(id)s
-- is well --
UPDATE outage SET well_since = %(now)s WHERE id = %(id)s
-- end --
UPDATE outage SET ended_at = %(now)s WHERE id = %(id)s
-- silent channels --
SELECT quantity, silent_since IS NOT NULL AS is_silent FROM channel_watch
WHERE device_key = %(key)s ORDER BY quantity
-- stands for --
-- A gateway stands for all that speaks through it, else the first device for the others.
SELECT key, scene FROM device WHERE id = %(gateway)s OR key = %(key)s ORDER BY id = %(gateway)s DESC LIMIT 1
