-- How fast a fire spreads beside others: what operators see first.
ALTER TABLE alert ADD COLUMN spread real;

-- beyond: the mean of some hours of what a channel lay above what is usual of it at each of them.
ALTER TABLE quality_watch ADD COLUMN beyond double precision;
