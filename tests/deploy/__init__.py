"""Tests of the files that a deployment starts from."""
