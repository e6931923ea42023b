-- figures --
-- First times of each alert by its timeline. worker: who took it first; area: where it was; community: the one
-- that the area lies in. Drills are counted apart; what is simulated alone or not at all.
WITH RECURSIVE up AS (
    SELECT code AS area, code, parent, level, name FROM area
    UNION ALL SELECT up.area, a.code, a.parent, a.level, a.name FROM up JOIN area a ON a.code = up.parent),
firsts AS (
    SELECT c.alert_id,
           min(c.changed_at) FILTER (WHERE c.change = 'accept') AS accepted_at,
           min(c.changed_at) FILTER (WHERE c.change = 'arrive') AS arrived_at,
           min(c.changed_at) FILTER (WHERE c.change IN ('acknowledge', 'accept')) AS answered_at,
           min(c.changed_at) FILTER (WHERE c.change IN ('resolve', 'false_alarm')) AS done_at,
           count(*) FILTER (WHERE c.change = 'return') AS returned,
           count(*) FILTER (WHERE c.change = 'reopen') AS reopened,
           (array_agg(c.actor ORDER BY c.seq) FILTER (WHERE c.change = 'accept'))[1] AS worker
    FROM alert_change c
    WHERE %(of)s::text[] IS NULL
       OR c.alert_id IN (SELECT t.alert_id FROM alert_change t WHERE t.change = 'accept' AND t.actor = ANY(%(of)s))
    GROUP BY c.alert_id),
told AS (
    SELECT a.drill, a.raised_at, a.state, f.*,
           CASE %(by)s WHEN 'worker' THEN f.worker WHEN 'area' THEN a.area
                ELSE (SELECT up.code FROM up WHERE up.area = a.area AND up.level = 'community' LIMIT 1) END AS code
    FROM alert a JOIN firsts f ON f.alert_id = a.id
    WHERE a.simulated = %(simulated)s AND ((SELECT sees_all()) OR a.area IN (SELECT code FROM seen_area))
      AND (%(since)s::timestamptz IS NULL OR a.raised_at >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR a.raised_at < %(until)s))
SELECT t.code, coalesce(min(p.name), min(r.name), '') AS name, t.drill, count(*) AS alerts,
       count(t.answered_at) AS answered, count(t.accepted_at) AS taken, count(t.arrived_at) AS arrived,
       count(t.done_at) AS done,
       count(*) FILTER (WHERE t.state = 'false_alarm') AS false_alarms, sum(t.returned)::bigint AS returned,
       sum(t.reopened)::bigint AS reopened,
       extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY t.accepted_at - t.raised_at))::float8 AS response_p50_s,
       extract(epoch FROM percentile_cont(0.9) WITHIN GROUP (ORDER BY t.accepted_at - t.raised_at))::float8 AS response_p90_s,
       extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY t.arrived_at - t.accepted_at))::float8 AS way_p50_s,
       extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY t.done_at - t.accepted_at))::float8 AS handling_p50_s,
       extract(epoch FROM percentile_cont(0.9) WITHIN GROUP (ORDER BY t.done_at - t.accepted_at))::float8 AS handling_p90_s
FROM told t
LEFT JOIN person p ON %(by)s = 'worker' AND t.code IN (p.username, p.code)
LEFT JOIN area r ON %(by)s <> 'worker' AND r.code = t.code
WHERE t.code IS NOT NULL AND (%(of)s::text[] IS NULL OR t.code = ANY(%(of)s))
GROUP BY t.code, t.drill
ORDER BY t.code, t.drill
