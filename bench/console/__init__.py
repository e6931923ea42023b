"""The operator console: a small town to look at, and how many operators one process bears."""
