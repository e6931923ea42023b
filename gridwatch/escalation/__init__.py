"""Whom an alert calls and when: ordered small stages of a pure policy, and the times that it goes by."""
