-- collectors --
SELECT count(*) AS live FROM collector
WHERE subscribed AND heartbeat_at >= now() - make_interval(secs => %(within_s)s)
-- books --
SELECT coalesce(sum(received), 0)::bigint AS received, coalesce(sum(stored), 0)::bigint AS stored,
       coalesce(sum(duplicate), 0)::bigint AS duplicate,
       coalesce(sum(quarantined), 0)::bigint AS quarantined, coalesce(sum(skipped), 0)::bigint AS skipped
FROM book
-- alerts --
SELECT scene, state, simulated, count(*) AS count FROM alert GROUP BY scene, state, simulated
