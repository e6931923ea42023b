-- list --
SELECT id, topic, reason, decoder, received_at, octet_length(payload) AS size, replayed_at, outcome
FROM quarantine
WHERE (%(all)s OR replayed_at IS NULL) AND id > %(after)s
ORDER BY id
LIMIT %(limit)s
-- show --
SELECT * FROM quarantine WHERE id = %(id)s
-- take out --
UPDATE quarantine SET replayed_at = now(), outcome = 'published again'
WHERE id = %(id)s AND replayed_at IS NULL
RETURNING *
-- weigh --
SELECT count(*) AS count, coalesce(sum(bytes), 0)::bigint AS bytes, count(*) FILTER (WHERE waiting) AS waiting,
       coalesce(extract(epoch FROM now() - min(received_at) FILTER (WHERE waiting)), 0)::float8 / 86400
           AS oldest_days
FROM quarantine_weight
-- drop by age --
WITH old AS (
    SELECT id, sender, bytes FROM quarantine_weight
    WHERE received_at < now() - %(days)s::float8 * interval '1 day' AND (NOT waiting OR %(waiting)s)),
gone AS (
    DELETE FROM quarantine q USING old WHERE q.id = old.id
    RETURNING old.sender, old.bytes, q.received_at, q.replayed_at)
INSERT INTO quarantine_drop (sender, why, messages, replayed, bytes, first_at, last_at)
SELECT sender, 'age', count(*), count(replayed_at), sum(bytes), min(received_at), max(received_at)
FROM gone GROUP BY sender
RETURNING sender, messages, replayed, bytes, first_at, last_at
-- drop for room --
-- depth: what would be left of a sender if this message and its newer ones stayed. The deepest goes first, so
-- that whoever sent most loses first, and of that the oldest. All strangers together are one sender, and
-- among them each name has its share. What was replayed goes before anything that waits.
WITH by_name AS (
    SELECT *, sum(bytes) OVER (PARTITION BY waiting, sender, named ORDER BY received_at DESC, id DESC)
                  AS name_depth
    FROM quarantine_weight),
by_sender AS (
    SELECT *, sum(bytes) OVER (PARTITION BY waiting, sender ORDER BY name_depth, id DESC) AS depth FROM by_name),
deepest AS (
    SELECT id, sender, bytes, sum(bytes) OVER (ORDER BY waiting, depth DESC, id) - bytes AS before
    FROM by_sender),
gone AS (
    DELETE FROM quarantine q USING deepest WHERE q.id = deepest.id AND deepest.before < %(excess)s
    RETURNING deepest.sender, deepest.bytes, q.received_at, q.replayed_at)
INSERT INTO quarantine_drop (sender, why, messages, replayed, bytes, first_at, last_at)
SELECT sender, 'quota', count(*), count(replayed_at), sum(bytes), min(received_at), max(received_at)
FROM gone GROUP BY sender
RETURNING sender, messages, replayed, bytes, first_at, last_at
-- dropped --
SELECT sum(messages)::bigint AS messages, sum(replayed)::bigint AS replayed, sum(bytes)::bigint AS bytes,
       min(first_at) AS first_at, max(last_at) AS last_at
FROM quarantine_drop
HAVING count(*) > 0
-- newest --
SELECT id, topic, coalesce(named, '') AS named, reason, decoder, received_at, octet_length(payload) AS size,
       replay_wanted, replayed_at, outcome, substr(payload, 1, 400) AS payload
FROM quarantine
WHERE (%(all)s OR replayed_at IS NULL) AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC
LIMIT %(limit)s
-- want replay --
UPDATE quarantine SET replay_wanted = true WHERE id = ANY(%(ids)s::bigint[]) AND replayed_at IS NULL
RETURNING id
