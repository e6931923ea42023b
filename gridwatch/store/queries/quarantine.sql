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
