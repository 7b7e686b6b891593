"""The plan: one consistent set of edits to the build of an image, with what each of them saves.

``make.make_plan`` runs the rules in their order on one ``Build``, which holds the draft of every build step. A rule
returns ``Fix`` values: the rows that go, and how to describe the change. ``simulation`` then applies the fixes in the order
in which they are shown, and counts what the layers still store.
"""
