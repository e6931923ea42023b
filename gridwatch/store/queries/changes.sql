-- one --
SELECT seq, change, changed_at, alert FROM alert_change WHERE seq = %(seq)s
-- of incident --
WITH told AS (
    SELECT seq, change, changed_at, alert FROM alert_change
    WHERE alert_id = %(id)s AND (%(until)s::bigint IS NULL OR seq <= %(until)s) AND change <> ALL(%(among_us)s::text[]))
(SELECT * FROM told ORDER BY seq LIMIT 1)
UNION
(SELECT * FROM told ORDER BY seq DESC LIMIT 2)
ORDER BY seq
