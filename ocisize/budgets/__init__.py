"""Limits and baselines, where they are written, and the verdicts on them."""
