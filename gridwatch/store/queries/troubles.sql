-- mark --
UPDATE alert
SET outage = %(outage)s, area = CASE WHEN %(is_wide)s THEN %(area)s ELSE area END
WHERE id = %(id)s
RETURNING simulated
-- tell --
UPDATE alert SET outage = %(outage)s, label = %(label)s
WHERE id = %(id)s AND NOT ended AND (outage, label) IS DISTINCT FROM (%(outage)s, %(label)s)
-- over --
UPDATE alert SET outage = outage || '{"devices": 0}' WHERE id = %(id)s AND outage ? 'devices'
-- begin anew --
UPDATE alert
SET state = CASE WHEN arrived_at IS NOT NULL THEN 'handling' WHEN accepted_at IS NOT NULL THEN 'accepted'
                 WHEN acknowledged_at IS NOT NULL THEN 'acknowledged' ELSE 'open' END,
    state_since = now(), resolved_at = NULL, events = events + 1, last_observed_at = greatest(last_observed_at, %(observed_at)s)
WHERE id = %(id)s
-- event --
INSERT INTO event (id, device_key, scene, label, confidence, observed_at, criteria, detector, received_at, alert_id)
VALUES (gen_random_uuid(), %(device_key)s, %(scene)s, %(label)s, 1, %(observed_at)s, %(criteria)s, %(detector)s,
        %(received_at)s, %(alert_id)s)
