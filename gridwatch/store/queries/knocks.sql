-- list --
-- A stranger is who answers to no device in use; one that is retired knocks too. The newest stranger first.
WITH knocks AS (
    SELECT named AS name, count(*) AS messages, min(id) AS first_id, min(received_at) AS first_at,
           max(received_at) AS last_at, bool_and(topic NOT LIKE 'gw/%%') AS is_foreign
    FROM quarantine
    WHERE replayed_at IS NULL AND NOT replay_wanted AND named <> ''
      AND (%(name)s::text IS NULL OR named = %(name)s)
    GROUP BY named),
strangers AS MATERIALIZED (
    SELECT k.*, d.id AS retired
    FROM knocks k
    LEFT JOIN device by_id ON by_id.id = k.name
    LEFT JOIN device by_source ON by_source.source = k.name
    LEFT JOIN device plain ON plain.id = substr(k.name, strpos(k.name, ':') + 1) AND plain.source IS NULL
                              AND k.is_foreign
         AND (plain.id = k.name OR NOT EXISTS (SELECT FROM credential c WHERE c.device_key = plain.key))
    LEFT JOIN device d ON d.key = coalesce(by_source.key, by_id.key, plain.key)
    WHERE (d.key IS NULL OR d.state = 'retired') AND (%(before)s::bigint IS NULL OR k.first_id < %(before)s)
    ORDER BY k.first_id DESC
    LIMIT %(limit)s)
SELECT s.name, s.messages, s.first_id, s.first_at, s.last_at, s.retired, q.topic, q.reason, octet_length(q.payload) AS size, substr(q.payload, 1, %(shown)s) AS payload
FROM strangers s
JOIN LATERAL (
    SELECT topic, reason, payload FROM quarantine
    WHERE named = s.name AND replayed_at IS NULL AND NOT replay_wanted
    ORDER BY received_at, id LIMIT 1) AS q ON true
ORDER BY s.first_id DESC
-- want replay --
UPDATE quarantine SET replay_wanted = true WHERE named = %(name)s AND replayed_at IS NULL AND NOT replay_wanted
-- remember --
INSERT INTO adopted (name, at) VALUES (%(name)s, clock_timestamp()) ON CONFLICT (name) DO UPDATE SET at = excluded.at
-- want late ones --
-- A collector that looked a device up just before it was adopted writes to quarantine after that was searched.
WITH old AS (DELETE FROM adopted WHERE at < now() - %(longest_in_hand)s::interval)
UPDATE quarantine q SET replay_wanted = true
FROM adopted a
WHERE q.named = a.name AND q.received_at < a.at + %(clocks_apart)s::interval
  AND q.replayed_at IS NULL AND NOT q.replay_wanted AND q.reason LIKE %(stranger)s
-- wanted --
SELECT id FROM quarantine WHERE replay_wanted AND replayed_at IS NULL ORDER BY received_at, id LIMIT %(limit)s
