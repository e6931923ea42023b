"""Lift cabins as their cameras see them: three-dimensional models, light, lenses, CCTV, and the truth."""
