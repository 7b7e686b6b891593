"""Images as real tools save them: the images that tools get, the command lines, and the figures that are right.

``python -m tests.saved OUT`` writes every form of ``forms.toml`` whose tool is installed into a folder, and ``python -m
tests.saved --kept`` writes the forms again that ``testdata/saved`` keeps. Nothing here imports ocisize.
"""
