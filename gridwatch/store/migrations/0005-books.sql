-- The books as a ledger: each batch appends one row of arrays, and a chore adds them up from time to time. A
-- row of its own for each device of each batch would be changed thousands of times a second.

ALTER TABLE book RENAME TO book_before;

-- kind: 0 received, 1 stored, 2 duplicate, 3 quarantined, 4 skipped. device_key 0 stands for all devices that
-- are not registered.
CREATE TABLE book_page (
    device_key integer NOT NULL,
    kind       smallint NOT NULL,
    count      bigint NOT NULL,
    PRIMARY KEY (device_key, kind)
) WITH (fillfactor = 50);

CREATE TABLE book_entry (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    device_keys integer[] NOT NULL,
    kinds       smallint[] NOT NULL,
    counts      bigint[] NOT NULL
);

INSERT INTO book_page (device_key, kind, count)
SELECT coalesce(d.key, 0), n.kind, sum(n.count)
FROM book_before b
LEFT JOIN device d ON d.id = b.device
CROSS JOIN LATERAL (VALUES (0, b.received), (1, b.stored), (2, b.duplicate), (3, b.quarantined), (4, b.skipped))
    AS n (kind, count)
WHERE (d.key IS NOT NULL OR b.device = '') AND n.count > 0
GROUP BY 1, 2;
DROP TABLE book_before;

-- The books by device, up to the last commit; the device '' stands for all that are not registered.
CREATE VIEW book AS
SELECT coalesce(d.id, '') AS device,
       coalesce(sum(n.count) FILTER (WHERE n.kind = 0), 0)::bigint AS received,
       coalesce(sum(n.count) FILTER (WHERE n.kind = 1), 0)::bigint AS stored,
       coalesce(sum(n.count) FILTER (WHERE n.kind = 2), 0)::bigint AS duplicate,
       coalesce(sum(n.count) FILTER (WHERE n.kind = 3), 0)::bigint AS quarantined,
       coalesce(sum(n.count) FILTER (WHERE n.kind = 4), 0)::bigint AS skipped
FROM (SELECT device_key, kind, count FROM book_page
      UNION ALL
      SELECT t.* FROM book_entry e, unnest(e.device_keys, e.kinds, e.counts) AS t (device_key, kind, count)) AS n
LEFT JOIN device d ON d.key = n.device_key
WHERE n.device_key = 0 OR d.key IS NOT NULL
GROUP BY 1;
