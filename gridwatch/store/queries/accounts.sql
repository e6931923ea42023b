-- make installation --
INSERT INTO installation (token_secret) VALUES (%(token_secret)s) ON CONFLICT DO NOTHING
-- secret --
SELECT token_secret FROM installation
-- find --
SELECT username, password_hash, role, area, disabled, epoch FROM account WHERE username = %(username)s
-- list --
SELECT username, password_hash, role, area, disabled, epoch FROM account ORDER BY username
-- told --
SELECT username, role, area, disabled, epoch AS passwords,
       ARRAY(SELECT t.name FROM access_token t WHERE t.username = a.username ORDER BY t.name) AS tokens
FROM account a WHERE username = ANY(%(usernames)s)
-- put --
-- A new password ends all tokens of the old one; without one the old one stays.
INSERT INTO account (username, password_hash, role, area, disabled)
SELECT * FROM unnest(%(username)s::text[], %(password_hash)s::text[], %(role)s::text[], %(area)s::text[],
                     %(disabled)s::boolean[])
ON CONFLICT (username) DO UPDATE
SET password_hash = coalesce(excluded.password_hash, account.password_hash), role = excluded.role,
    area = excluded.area, disabled = excluded.disabled,
    epoch = account.epoch + (excluded.password_hash IS NOT NULL)::integer
-- add --
INSERT INTO account (username, password_hash, role, area, disabled)
VALUES (%(username)s, %(password_hash)s, %(role)s, %(area)s, %(disabled)s)
ON CONFLICT (username) DO NOTHING
-- delete --
DELETE FROM account WHERE username = %(username)s
-- lock --
-- One change at a time: an installation must not lose its last administrator to two at once.
SELECT version FROM account_version FOR UPDATE
-- version --
SELECT version FROM account_version
-- set password --
UPDATE account SET password_hash = %(password_hash)s, epoch = epoch + 1 WHERE username = %(username)s
-- administrator --
SELECT 1 AS there FROM account WHERE role = 'administrator' AND area IS NULL AND NOT disabled LIMIT 1
-- area codes --
SELECT code FROM area WHERE code = ANY(%(codes)s)
-- issue --
INSERT INTO access_token (name, username, sha256, created_by, ends_at)
SELECT %(name)s, a.username, %(sha256)s, %(created_by)s, %(ends_at)s FROM account a
WHERE a.username = %(username)s AND a.role = 'integration'
ON CONFLICT (name) DO NOTHING
RETURNING username, ends_at::text
-- tokens --
SELECT name, username, created_at, created_by, ends_at, sha256 FROM access_token ORDER BY name
-- revoke --
DELETE FROM access_token WHERE name = %(name)s RETURNING username, ends_at::text
