-- counts --
-- by: day and hour are those of China, which has one time zone; community is the one that the area lies in.
WITH RECURSIVE up AS (
    SELECT code AS area, code, parent, level FROM area
    UNION ALL SELECT up.area, a.code, a.parent, a.level FROM up JOIN area a ON a.code = up.parent),
told AS (
    SELECT a.scene, a.state, a.resolved_by, CASE %(by)s
               WHEN 'day' THEN to_char(a.raised_at + interval '8 hours', 'YYYY-MM-DD')
               WHEN 'hour' THEN to_char(a.raised_at + interval '8 hours', 'HH24')
               WHEN 'area' THEN a.area
               WHEN 'community' THEN (SELECT up.code FROM up WHERE up.area = a.area AND up.level = 'community' LIMIT 1)
               WHEN 'label' THEN a.label
               ELSE a.scene END AS key
    FROM alert a
    WHERE a.simulated = %(simulated)s AND NOT a.drill AND ((SELECT sees_all()) OR a.area IN (SELECT code FROM seen_area))
      AND (%(since)s::timestamptz IS NULL OR a.raised_at >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR a.raised_at < %(until)s))
SELECT coalesce(t.key, '') AS key, coalesce(r.name, '') AS name, t.scene, count(*) AS alerts,
       count(*) FILTER (WHERE t.resolved_by IS NOT NULL AND t.state <> 'duplicate') AS judged,
       count(*) FILTER (WHERE t.state = 'false_alarm') AS false_alarms
FROM told t LEFT JOIN area r ON %(by)s IN ('area', 'community') AND r.code = t.key
GROUP BY t.key, r.name, t.scene
ORDER BY t.key, t.scene
-- devices --
-- judged: ended by people, who would have said that it was nothing. What ended by itself says nothing.
SELECT d.id AS device, d.name, d.area, coalesce(r.name, '') AS area_name, d.scene, d.kind, count(*) AS alerts,
       count(*) FILTER (WHERE a.resolved_by IS NOT NULL AND a.state <> 'duplicate') AS judged,
       count(*) FILTER (WHERE a.state = 'false_alarm') AS false_alarms,
       max(a.raised_at) FILTER (WHERE a.state = 'false_alarm') AS last_false_at
FROM alert a JOIN device d ON d.key = a.device_key LEFT JOIN area r ON r.code = d.area
WHERE a.simulated = %(simulated)s AND NOT a.drill AND ((SELECT sees_all()) OR a.area IN (SELECT code FROM seen_area))
  AND a.outage IS NULL
  AND (%(since)s::timestamptz IS NULL OR a.raised_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR a.raised_at < %(until)s)
GROUP BY d.key, r.name
ORDER BY d.id
