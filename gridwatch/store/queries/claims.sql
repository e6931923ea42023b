-- make --
INSERT INTO bootstrap_token (digest, batch, created_by, ends_at)
SELECT digest, %(batch)s, %(actor)s, now() + %(good_for)s::interval FROM unnest(%(digests)s::bytea[]) AS digest
-- use --
UPDATE bootstrap_token SET used_at = now(), used_by = %(device)s
WHERE digest = %(digest)s AND used_at IS NULL AND ends_at > now()
RETURNING batch
-- log --
SELECT at, actor, action, device, detail FROM access_log
WHERE %(device)s::text IS NULL OR device = %(device)s
ORDER BY id DESC LIMIT %(limit)s
