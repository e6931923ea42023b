-- beyond: what a channel lay above what is usual of it, more than its neighbours did of theirs, in each of the last
-- hours, the newest first. One number that follows them can't tell a night of fog from a drift; their median can.
ALTER TABLE quality_watch ALTER COLUMN beyond TYPE real[] USING NULL;
