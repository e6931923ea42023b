"""Pixels and readings in, findings out."""
