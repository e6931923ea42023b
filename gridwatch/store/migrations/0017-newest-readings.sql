-- The newest readings of one device. From the view they would be all of its readings, sorted: what a message said
-- is spread out before it is known how much of it is wanted.

CREATE FUNCTION newest_readings(of_device integer, since timestamptz, most integer) RETURNS SETOF readings
LANGUAGE sql STABLE AS $$
    (SELECT device_key, quantity_key, flags, observed_at, delay_ms, scaled, divisor
     FROM reading
     WHERE device_key = of_device AND observed_at >= since
     ORDER BY observed_at DESC LIMIT most)
    UNION ALL
    SELECT m.device_key, n.quantity_key, m.flags, m.observed_at, m.delay_ms, n.number, 1::smallint
    FROM (SELECT * FROM message_readings
          WHERE device_key = of_device AND observed_at >= since
          ORDER BY observed_at DESC LIMIT most) m
    CROSS JOIN LATERAL unnest(m.quantity_keys, m.numbers) AS n (quantity_key, number)
    ORDER BY observed_at DESC LIMIT most
$$;
