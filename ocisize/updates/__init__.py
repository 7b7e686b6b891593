"""Updates: what hosts download when releases follow each other, which layers cause the download, and what would save it.

``releases`` makes releases of outlines and sorts them, ``measure`` has the figures, and ``contents`` compares the files of
layers.
"""
