-- now --
SELECT d.id, d.name, d.view IS NOT NULL AS has_view, s.label, s.observed_at
FROM device d
LEFT JOIN LATERAL (
    SELECT e.label, e.observed_at FROM event e
    WHERE e.device_key = d.key AND e.label IN ('night', 'fog', 'clear_view')
        AND e.observed_at > now() - %(back)s::interval
    ORDER BY e.observed_at DESC
    LIMIT 1
) s ON true
WHERE d.scene = 'fire' AND d.kind = 'camera' AND d.state <> 'retired'
ORDER BY d.id
