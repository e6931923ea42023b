-- enter --
INSERT INTO book_entry (device_keys, kinds, counts)
VALUES (%(device_keys)s::integer[], %(kinds)s::smallint[], %(counts)s::bigint[])
-- books --
SELECT device, received, stored, duplicate, quarantined, skipped FROM book ORDER BY device
-- add up --
WITH entered AS (
    DELETE FROM book_entry RETURNING device_keys, kinds, counts
), summed AS (
    SELECT t.device_key, t.kind, sum(t.count) AS count
    FROM entered e, unnest(e.device_keys, e.kinds, e.counts) AS t (device_key, kind, count)
    WHERE t.device_key = 0 OR EXISTS (SELECT FROM device WHERE key = t.device_key)
    GROUP BY 1, 2
)
INSERT INTO book_page AS p (device_key, kind, count)
SELECT device_key, kind, count FROM summed ORDER BY device_key, kind
ON CONFLICT (device_key, kind) DO UPDATE SET count = p.count + excluded.count
-- put heard into use --
UPDATE device SET state = 'active'
WHERE state = 'new'
  AND EXISTS (SELECT FROM book_page b WHERE b.device_key = device.key AND b.kind = %(stored)s)
