-- list --
-- A stranger is who answers to no device in use; one that is retired knocks too. The newest stranger first.
WITH knocks AS (
    SELECT named AS name, count(*) AS messages, min(id) AS first_id, min(received_at) AS first_at,
           max(received_at) AS last_at
    FROM quarantine WHERE replayed_at IS NULL AND NOT replay_wanted AND named <> ''
    GROUP BY named)
SELECT k.name, k.messages, k.first_id, k.first_at, k.last_at, d.id AS retired,
       q.topic, q.reason, octet_length(q.payload) AS size, substr(q.payload, 1, %(shown)s) AS payload
FROM knocks k
JOIN LATERAL (
    SELECT topic, reason, payload FROM quarantine
    WHERE named = k.name AND replayed_at IS NULL AND NOT replay_wanted
    ORDER BY received_at, id LIMIT 1) AS q ON true
LEFT JOIN LATERAL (
    SELECT id, state FROM device
    WHERE id = k.name OR source = k.name
       OR (source IS NULL AND id = substr(k.name, strpos(k.name, ':') + 1))
    LIMIT 1) AS d ON true
WHERE (d.id IS NULL OR d.state = 'retired') AND (%(before)s::bigint IS NULL OR k.first_id < %(before)s)
  AND (%(name)s::text IS NULL OR k.name = %(name)s)
ORDER BY k.first_id DESC
LIMIT %(limit)s
-- want replay --
UPDATE quarantine SET replay_wanted = true WHERE named = %(name)s AND replayed_at IS NULL AND NOT replay_wanted
-- wanted --
SELECT id FROM quarantine WHERE replay_wanted AND replayed_at IS NULL ORDER BY received_at, id LIMIT %(limit)s
