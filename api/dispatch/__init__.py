"""Jobs of the queue `people`: tell those who can act."""
