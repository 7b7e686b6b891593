"""Sums by layer, directory, type, file and tree, and what a download costs.

``model.sizes`` defines the figures, and decides which layer pays for a repeated blob.
"""
