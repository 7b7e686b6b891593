"""The catalog of files that images rarely need, and the rows that its rules match.

``rule`` has the catalog as values, and ``load`` reads the values from TOML. ``match`` is the entry to matching;
``row_matcher`` and ``automaton`` do its work.
"""
