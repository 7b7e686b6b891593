"""``ocisize browse``: an image on the screen of a terminal.

The model says what is shown, in the words and figures of the reports; only ``app`` and ``widgets`` import Textual. The
model makes no object per file: what an opened directory has is read from the columns of the layers when it is opened.
"""
