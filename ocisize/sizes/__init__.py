"""Sums by layer, directory, type, file and tree, and what a download costs."""
