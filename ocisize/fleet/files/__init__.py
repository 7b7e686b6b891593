"""The figures of the files of a fleet, from the entries and summaries of its layers.

``contents`` streams over the entries, one table at a time; everything else needs the summaries alone, or the tables of one
image at a time. ``read`` connects the engine and the figures.
"""
