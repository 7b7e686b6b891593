"""Layers laid over each other: what is visible, wasted and duplicate, also as dive sees it."""
