"""Pictures of a camera on a ridge: woods, weather, what smokes and what only looks so, with the truth."""
