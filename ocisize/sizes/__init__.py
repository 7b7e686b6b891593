"""Sums by layer, directory, type, file and tree, what a download costs, how long a pull takes, and what other tools show.

``model.sizes`` defines the figures, and decides which layer pays for a repeated blob.
"""
