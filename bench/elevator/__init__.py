"""Measurements of the scene `elevator`."""
