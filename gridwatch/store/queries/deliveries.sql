-- wanted --
SELECT c.key, c.alert_id, c.person_key, c.step, c.urgent, c.asked_at, p.language,
       c.ended_at IS NOT NULL OR c.answered_at IS NOT NULL OR a.ended AS over
FROM call c JOIN alert a ON a.id = c.alert_id LEFT JOIN person p ON p.key = c.person_key
WHERE c.key = %(call_key)s
-- tries --
SELECT channel_key AS way, round, outcome, tried_at AS at, by_person_at IS NOT NULL AS by_person
FROM delivery WHERE call_key = %(call_key)s ORDER BY key
-- left --
SELECT d.key, d.channel_key, d.message, c.person_key
FROM delivery d JOIN channel c ON c.key = d.channel_key
WHERE d.call_key = %(call_key)s AND d.outcome = 'sending' AND d.folded_into IS NULL
  AND d.tried_at < now() - %(settled_within)s
-- lock address --
SELECT pg_advisory_xact_lock(7403085, hashtext(%(service)s || encode(%(address_mark)s, 'hex')))
-- sent lately --
SELECT count(*) FILTER (WHERE d.tried_at > now() - interval '1 minute') AS in_minute,
       count(*) AS in_hour,
       min(d.tried_at) FILTER (WHERE d.tried_at > now() - interval '1 minute') AS first_in_minute,
       min(d.tried_at) AS first_in_hour
FROM delivery d JOIN channel c ON c.key = d.channel_key
WHERE c.service = %(service)s AND c.address_mark = %(address_mark)s
  AND d.folded_into IS NULL AND d.outcome <> 'waiting' AND d.tried_at > now() - interval '1 hour'
-- hold back --
INSERT INTO delivery (call_key, channel_key, round, outcome, tried_at)
VALUES (%(call_key)s, %(channel_key)s, %(round)s, 'waiting', %(until)s)
ON CONFLICT (call_key, channel_key, round) DO UPDATE SET tried_at = excluded.tried_at
WHERE delivery.outcome = 'waiting'
-- claim --
INSERT INTO delivery (call_key, channel_key, round, outcome)
VALUES (%(call_key)s, %(channel_key)s, %(round)s, 'sending')
ON CONFLICT (call_key, channel_key, round) DO UPDATE SET outcome = 'sending', tried_at = now()
WHERE delivery.outcome = 'waiting'
RETURNING key, (SELECT a.drill FROM call c JOIN alert a ON a.id = c.alert_id WHERE c.key = call_key) AS drill
-- fold --
-- A drill goes with drills alone: what is real never stands under its title, nor it under a real one's.
UPDATE delivery d SET outcome = 'sending', tried_at = now(), folded_into = %(key)s
FROM channel ch, call c, alert a
WHERE ch.key = d.channel_key AND c.key = d.call_key AND a.id = c.alert_id
  AND ch.service = %(service)s AND ch.address_mark = %(address_mark)s
  AND d.outcome = 'waiting' AND d.key <> %(key)s
  AND c.ended_at IS NULL AND c.answered_at IS NULL AND NOT a.ended AND a.drill = %(drill)s
RETURNING c.alert_id
-- keep message --
UPDATE delivery SET message = %(message)s WHERE key = %(key)s
-- send again --
UPDATE delivery SET perhaps_twice = true, tried_at = now()
WHERE key = %(key)s AND outcome = 'sending' AND NOT perhaps_twice
RETURNING key
-- settle --
UPDATE delivery
SET outcome = %(outcome)s, settled_at = now(), receipt = %(receipt)s, why = %(why)s, message = NULL
WHERE (key = %(key)s OR folded_into = %(key)s) AND outcome = 'sending'
-- reached --
UPDATE call SET reached_at = coalesce(reached_at, now()) WHERE key = %(call_key)s
-- report --
UPDATE delivery d
SET outcome = CASE WHEN d.outcome = 'sent' AND %(arrived)s THEN 'arrived'
                   WHEN d.outcome = 'sent' AND NOT %(arrived)s THEN 'failed' ELSE d.outcome END,
    by_person_at = CASE WHEN %(by_person)s THEN coalesce(d.by_person_at, now()) ELSE d.by_person_at END
FROM channel c
WHERE c.key = d.channel_key AND c.service = %(service)s AND d.receipt = %(receipt)s
RETURNING d.call_key
-- newest call --
SELECT d.call_key
FROM delivery d JOIN channel ch ON ch.key = d.channel_key JOIN call c ON c.key = d.call_key
WHERE ch.service = %(service)s AND ch.address_mark = %(address_mark)s
  AND d.outcome IN ('sending', 'sent', 'arrived', 'unknown')
  AND d.tried_at > now() - interval '1 day'
  AND (%(alert_id)s::bigint IS NULL OR c.alert_id = %(alert_id)s)
ORDER BY (c.ended_at IS NULL AND c.answered_at IS NULL) DESC, d.tried_at DESC LIMIT 1
-- owner of call --
SELECT c.key, c.alert_id, c.person_key, c.asked_at, p.code, p.name, p.username, p.language
FROM call c JOIN person p ON p.key = c.person_key WHERE c.key = %(call_key)s
-- answered --
UPDATE call
SET answered_at = coalesce(answered_at, now()), answer = coalesce(answer, %(answer)s),
    reached_at = coalesce(reached_at, now())
WHERE key = %(call_key)s
-- seen by person --
UPDATE delivery SET by_person_at = coalesce(by_person_at, now())
WHERE key = (SELECT max(key) FROM delivery WHERE call_key = %(call_key)s AND outcome IN ('sending', 'sent',
                                                                                        'arrived', 'unknown'))
-- told --
-- Each call of an alert with its messages; those of the installation's channels are in `notification`.
SELECT c.key AS call, p.code, p.name, c.step, c.why ->> 'level' AS level, c.why ->> 'area' AS area,
       coalesce(c.why ->> 'why', '') AS why, coalesce(c.why ->> 'why_zh', '') AS why_zh,
       coalesce(c.why ->> 'because', '') AS because, coalesce(c.why ->> 'because_zh', '') AS because_zh,
       c.urgent, c.asked_at, c.reached_at, c.answered_at, c.answer, c.ended_at,
       CASE WHEN c.person_key IS NULL THEN (
           SELECT coalesce(jsonb_agg(jsonb_build_object(
               'service', 'installation ' || n.channel, 'round', 0, 'outcome', 'sent', 'sent_at', n.sent_at,
               'settled_at', n.sent_at, 'by_person_at', NULL, 'receipt', '', 'why', '', 'perhaps_twice', false)
               ORDER BY n.sent_at, n.channel), '[]')
           FROM notification n WHERE n.alert_id = c.alert_id AND n.step = c.step)
       ELSE (
           SELECT coalesce(jsonb_agg(jsonb_build_object(
               'service', ch.service, 'round', d.round, 'outcome', d.outcome, 'sent_at', d.tried_at,
               'settled_at', d.settled_at, 'by_person_at', d.by_person_at, 'receipt', d.receipt, 'why', d.why,
               'perhaps_twice', d.perhaps_twice) ORDER BY d.tried_at, d.key), '[]')
           FROM delivery d JOIN channel ch ON ch.key = d.channel_key WHERE d.call_key = c.key)
       END AS messages
FROM call c LEFT JOIN person p ON p.key = c.person_key
WHERE c.alert_id = %(alert_id)s ORDER BY c.key
-- areas of person --
SELECT a.name, a.boundary FROM responsibility r JOIN area a ON a.code = r.area
WHERE r.person_key = %(person_key)s AND a.boundary IS NOT NULL
