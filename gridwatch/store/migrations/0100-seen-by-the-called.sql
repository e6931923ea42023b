-- A grid worker who was called for an alert, or was given it, may see it and act on it, wherever it is: that of a
-- micro grid beside the building, or whoever stands in for somebody's leave elsewhere.

-- The part that an account is for, gridwatch.area, with all below it; and the place itself, with nothing below it,
-- of what the person of the account, gridwatch.called, was called for or given: as long as that goes on, and a day
-- longer. Of other accounts gridwatch.called is empty: they change things, and nothing beyond their part.
CREATE OR REPLACE VIEW seen_area AS
WITH RECURSIVE below AS (
    SELECT code FROM area WHERE code = current_setting('gridwatch.area', true)
    UNION SELECT child.code FROM area child JOIN below ON child.parent = below.code)
SELECT code FROM below
UNION
SELECT a.area
FROM person p
CROSS JOIN LATERAL (
    SELECT c.alert_id AS id FROM call c WHERE c.person_key = p.key AND c.asked_at > now() - interval '31 days'
    UNION SELECT g.id FROM alert g WHERE g.assignee_key = p.key AND NOT g.ended) mine
JOIN alert a ON a.id = mine.id
WHERE p.username = nullif(current_setting('gridwatch.called', true), '')
  AND a.area IS NOT NULL AND (NOT a.ended OR a.resolved_at > now() - interval '1 day');
