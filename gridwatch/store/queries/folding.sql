-- held by devices --
-- Materialized: what each device told of last is looked up once, and not for every alert that is open.
WITH newest AS MATERIALIZED (
    SELECT g.device_key, g.scene, (
        SELECT e.alert_id FROM event e
        WHERE e.device_key = g.device_key AND e.scene = g.scene AND e.alert_id IS NOT NULL
        ORDER BY e.observed_at DESC LIMIT 1) AS alert_id
    FROM unnest(%(device_keys)s::integer[], %(scenes)s::text[]) AS g (device_key, scene))
SELECT n.device_key, n.scene, a.id, a.severity, a.observed_at, a.last_observed_at
FROM newest n
JOIN alert a ON a.id = n.alert_id
JOIN device d ON d.key = n.device_key
WHERE a.grouping AND NOT a.ended AND a.scene = n.scene AND a.drill = (state_now(d) = 'test')
ORDER BY a.id
FOR UPDATE OF a
-- event --
INSERT INTO event (id, device_key, scene, label, confidence, observed_at, started_at, ended_at, box_xyxy,
                   track, origins, criteria, detector, received_at, alert_id)
VALUES (%(id)s, %(device_key)s, %(scene)s, %(label)s, %(confidence)s, %(observed_at)s, %(started_at)s,
        %(ended_at)s, %(box_xyxy)s, %(track)s, %(origins)s, %(criteria)s, %(detector)s, %(received_at)s,
        %(alert_id)s)
ON CONFLICT (id) DO NOTHING
-- merge --
-- The label is that of the surest finding; a suspicion, however sure, gives way.
UPDATE alert a
SET label = CASE WHEN ROW(m.label = ANY(%(sure)s), m.confidence) > ROW(a.label = ANY(%(sure)s), a.confidence)
                 THEN m.label ELSE a.label END,
    confidence = CASE WHEN ROW(m.label = ANY(%(sure)s), m.confidence) > ROW(a.label = ANY(%(sure)s), a.confidence)
                      THEN m.confidence ELSE a.confidence END,
    observed_at = least(a.observed_at, m.first),
    last_observed_at = greatest(a.last_observed_at, m.last),
    events = a.events + m.count
FROM unnest(%(ids)s::bigint[], %(labels)s::text[], %(confidences)s::float8[], %(firsts)s::timestamptz[],
            %(lasts)s::timestamptz[], %(counts)s::integer[]) AS m (id, label, confidence, first, last, count)
WHERE a.id = m.id
