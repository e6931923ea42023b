-- How a device fares, in one word: people chose that it is out of use or in test; else it is not heard, or well.
CREATE FUNCTION device_health(d device) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN state_now(d) IN ('retired', 'maintenance', 'test') THEN state_now(d)
        WHEN EXISTS (SELECT FROM silence s WHERE s.device_key = d.key) THEN 'silent'
        WHEN NOT d.online THEN 'offline'
        WHEN state_now(d) = 'new' AND d.online IS NULL
             AND NOT EXISTS (SELECT FROM channel_watch w WHERE w.device_key = d.key AND w.heard_at IS NOT NULL)
             THEN 'unheard'
        ELSE 'well' END
$$;
