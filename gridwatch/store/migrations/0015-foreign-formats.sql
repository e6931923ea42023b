-- Which device a quarantined message names: its id where it is registered, else what its own system calls it.
-- A topic of a foreign format need not say it; one of our own does.

ALTER TABLE quarantine ADD COLUMN named text;
UPDATE quarantine SET named = split_part(topic, '/', 3);

CREATE OR REPLACE VIEW quarantine_weight AS
SELECT q.id, q.received_at, q.replayed_at IS NULL AS waiting, coalesce(d.id, '') AS sender, n.named,
       octet_length(q.payload) + octet_length(q.topic) + octet_length(q.reason) + 200 AS bytes
FROM quarantine q
CROSS JOIN LATERAL (SELECT coalesce(q.named, split_part(q.topic, '/', 3)) AS named) AS n
LEFT JOIN device d ON d.id = n.named;
