-- make installation --
INSERT INTO installation (token_secret) VALUES (%(token_secret)s) ON CONFLICT DO NOTHING
-- secret --
SELECT token_secret FROM installation
-- find --
SELECT username, password_hash, role FROM account WHERE username = %(username)s
-- add --
INSERT INTO account (username, password_hash, role) VALUES (%(username)s, %(password_hash)s, %(role)s)
ON CONFLICT (username) DO NOTHING
-- administrator --
SELECT 1 AS there FROM account WHERE role = 'administrator' LIMIT 1
