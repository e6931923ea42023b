-- anything new --
SELECT FROM alert_change WHERE seq > (SELECT seq FROM area_topics) LIMIT 1
-- claim --
SELECT seq FROM area_topics FOR UPDATE SKIP LOCKED
-- news --
SELECT c.seq, c.alert, NOT a.simulated AND NOT a.drill AND c.change <> ALL(%(among_us)s::text[]) AS told,
       ARRAY(
            WITH RECURSIVE above AS (
                SELECT code, parent FROM area WHERE code = a.area
                UNION SELECT parent.code, parent.parent FROM area parent JOIN above ON parent.code = above.parent)
            SELECT code FROM above) AS areas
FROM alert_change c JOIN alert a ON a.id = c.alert_id
WHERE c.seq > %(seq)s
ORDER BY c.seq LIMIT %(limit)s
-- published --
UPDATE area_topics SET seq = %(seq)s
