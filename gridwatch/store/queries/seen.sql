-- device --
SELECT bool_or((SELECT sees_all()) OR area IN (SELECT code FROM seen_area)) AS seen FROM device WHERE id = %(name)s
-- alert --
SELECT bool_or((SELECT sees_all()) OR area IN (SELECT code FROM seen_area)) AS seen
FROM alert WHERE id = CASE WHEN %(name)s ~ '^\d{1,18}$' THEN %(name)s::bigint END
-- event --
SELECT bool_or((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area)) AS seen
FROM event e JOIN device d ON d.key = e.device_key
WHERE e.id = CASE WHEN %(name)s ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN %(name)s::uuid END
-- area --
SELECT bool_or((SELECT sees_all()) OR code IN (SELECT code FROM seen_area)) AS seen FROM area WHERE code = %(name)s
