"""Limits and baselines, the files that hold them, and the verdicts on them.

``config`` finds and reads the files, ``parse`` and ``dive_ci`` understand budgets, ``baseline`` understands baselines.
``check`` gives the verdicts. ``kinds`` has a row for each figure that can be limited; the row names the functions of
``figures`` that measure the figure, on the part of the image that ``scope`` selects.
"""
