-- note --
INSERT INTO trail (by, what, subject, detail) VALUES (%(by)s, %(what)s, %(subject)s, %(detail)s)
-- list --
SELECT id, at, by, what, subject, detail FROM trail
WHERE (%(before)s::bigint IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s
