-- load --
SELECT device_key AS key, skew_s, sure, updated_at FROM device_clock WHERE device_key = ANY(%(keys)s)
-- keep --
INSERT INTO device_clock (device_key, skew_s, sure, jumped_at)
SELECT d.key, t.skew_s, t.sure, t.jumped_at
FROM unnest(%(keys)s::integer[], %(skews)s::float8[], %(sures)s::boolean[], %(jumped_ats)s::timestamptz[])
    AS t (key, skew_s, sure, jumped_at)
JOIN device d ON d.key = t.key
ORDER BY d.key
ON CONFLICT (device_key) DO UPDATE
SET skew_s = excluded.skew_s, sure = excluded.sure, updated_at = now(),
    jumped_at = coalesce(excluded.jumped_at, device_clock.jumped_at)
