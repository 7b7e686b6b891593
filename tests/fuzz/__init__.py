"""Fuzzing: what anybody may have written, read by everything that reads it.

A harness takes bytes and says what must hold of them, whoever made them up. The harnesses stand among the tests because
they run there as well, over their seeds and a few thousand seeded mutations of them; ``benchmarks/fuzz.py`` runs the same
ones for hours, guided by coverage.
"""
