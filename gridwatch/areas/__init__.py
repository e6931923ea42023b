"""The governance tree: areas, their codes, and which of them a point lies in. Pure; the store keeps it."""
