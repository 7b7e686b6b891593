"""The catalogue of files that images rarely need, and how paths are matched with it."""
